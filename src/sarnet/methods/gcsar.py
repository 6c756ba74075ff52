"""GC-SAR, the paper's graph-cut forerunner: labels join a displacement and a segmentation class (Mahapatra & Sun 2012).

Its code was never published; this is a reading of the paper, made anew. A Markov random field on the controls of a
cubic B-spline; what a label costs a control is read around it; neighbours want alike displacements and alike classes.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from scipy.cluster.vq import kmeans2
from scipy.spatial.distance import cdist
from torch import Tensor
from torch.nn import functional as F

from sarnet.config import GcSarSettings, RegistrationSettings
from sarnet.fields import bspline_field, controls_to_cover, warp
from sarnet.images import Image
from sarnet.methods.graph_cut import alpha_expansion
from sarnet.methods.method import MethodResult
from sarnet.methods.plane import register_plane
from sarnet.registration import ComparedPair

_WHOLE = 10_000
"""What an energy of one is as a whole number, which cuts need."""

_LEAST_DEVIATION = 0.02
"""Of the intensities of a class, of a range of one."""


class _Classes(NamedTuple):
    """Intensities of each class: a Gaussian with a share of the voxels."""

    mean: Float[Tensor, " label"]
    deviation: Float[Tensor, " label"]
    share: Float[Tensor, " label"]

    def surprise(self, image: Tensor) -> Float[Tensor, "label y x"]:
        """Minus the logarithm of each class's probability at every voxel of a batch of one."""
        off = (image[0] - self.mean.view(-1, 1, 1)) / self.deviation.view(-1, 1, 1)
        scores = self.share.log() - self.deviation.log()
        return -F.log_softmax(scores.view(-1, 1, 1) - off**2 / 2, dim=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class GcSarMethod:
    """Joint registration and segmentation by graph cuts, coarse to fine."""

    name: str
    gcsar: GcSarSettings
    registration: RegistrationSettings

    @property
    def settings(self) -> dict[str, Any]:
        """Its own settings, threads, and how large it sees the images."""
        own = self.registration.model_dump(mode="json", include={"threads", "longest_voxels"})
        return {**own, **self.gcsar.model_dump(mode="json")}

    def register(self, fixed: Image, moving: Image, *, affine_start: bool = True) -> MethodResult:
        """As :class:`sarnet.methods.Method` has it.

        Raises:
            InputError: If the images are volumes.
        """
        return register_plane(
            fixed,
            moving,
            lambda pair: find_by_cuts(pair, self.gcsar),
            stage="graph cuts",
            registration=self.registration,
            multiple=1,
            affine_start=affine_start,
        )


def find_by_cuts(pair: ComparedPair, settings: GcSarSettings) -> Float[Tensor, "1 2 y x"]:
    r"""Find the field that brings a pair together, level by level.

    .. math:: E(l) = \sum_p D_p(d_p, c_p) + \sum_{pq} \lambda_d \min(|d_p - d_q|, \tau) + \lambda_c [c_p \ne c_q]

    A displacement is what a level adds to the field so far. Data terms are means over the voxels around a control: of
    the differences of intensities and of gradients, and of how little a class is like what both images show there.
    """
    displacement = torch.zeros(1, 2, *pair.fixed.shape[2:])
    classes = _classes(pair, settings.classes)
    count = len(classes.mean)
    for spacing, step in zip(settings.control_spacing_voxels, settings.step_voxels, strict=True):
        offsets = _offsets(step, settings.radius)
        cost = _data_cost(pair, displacement, offsets, classes, spacing, settings)
        shape = cost.shape[2:]
        unary = cost.flatten(0, 1).flatten(1).T.numpy()
        found = alpha_expansion(
            _whole(unary),
            _neighbours(tuple(shape)),
            _whole(_pairwise(offsets, step, count, settings)),
            start=_unmoved(unary, offsets, count),
            cycles=settings.cycles,
        )
        moved = offsets[torch.from_numpy(found.labels // count)].T
        controls = moved.reshape(1, 2, *shape)
        displacement = displacement + bspline_field(
            controls, tuple(displacement.shape[2:]), spacing=spacing, origin=-spacing
        )
    return displacement


def _data_cost(
    pair: ComparedPair,
    displacement: Tensor,
    offsets: Tensor,
    classes: _Classes,
    spacing: int,
    settings: GcSarSettings,
) -> Float[Tensor, "offset label row column"]:
    """What every label costs every control."""
    slopes, surprise = _gradient(pair.fixed), classes.surprise(pair.fixed[0])
    weight = _around_controls(pair.weight, spacing)
    costs = []
    for offset in offsets:
        moved = warp(pair.moving, displacement + offset.view(1, 2, 1, 1))
        unlike = (pair.fixed - moved).abs()
        unlike = unlike + settings.gradient * (slopes - _gradient(moved)).norm(dim=1, keepdim=True)
        both = (surprise + classes.surprise(moved[0])) / 2
        voxelwise = (unlike[0] + settings.segmentation * both)[:, None] * pair.weight
        costs.append(_around_controls(voxelwise, spacing)[:, 0] / weight[0].clamp_min(1e-3))
    return torch.stack(costs)


def _around_controls(image: Tensor, spacing: int) -> Tensor:
    """Means over the voxels nearer to a control than half the spacing, zero beyond the image.

    Controls are those of a B-spline that covers the image, the first at minus the spacing.
    """
    half = spacing // 2
    before = spacing + half
    after = [
        (controls_to_cover(size, spacing) - 1) * spacing + 2 * half + 1 - before - size for size in image.shape[2:]
    ]
    padded = F.pad(image, (before, after[1], before, after[0]))
    return F.avg_pool2d(padded, 2 * half + 1, stride=spacing)


def _gradient(image: Tensor) -> Float[Tensor, "1 2 y x"]:
    return torch.stack(torch.gradient(image[:, 0], dim=(1, 2)), dim=1)


def _classes(pair: ComparedPair, count: int) -> _Classes:
    """Classes of the intensities of both images together, by k-means that begins at their quantiles.

    As many as asked for, or as the images have intensities for.
    """
    counted = pair.weight > 0
    values = torch.cat([pair.fixed[counted], pair.moving[counted]])
    begin = np.unique(np.quantile(values.numpy(), (np.arange(count) + 0.5) / count))
    means, labels = kmeans2(values.double().numpy()[:, None], begin[:, None], minit="matrix", missing="warn")
    filled = np.unique(labels)
    own = [values[torch.from_numpy(labels == label)] for label in filled]
    return _Classes(
        mean=torch.from_numpy(means[filled, 0]).float(),
        deviation=torch.stack([each.std(correction=0).clamp_min(_LEAST_DEVIATION) for each in own]),
        share=torch.tensor([len(each) / len(values) for each in own]),
    )


def _offsets(step: float, radius: int) -> Float[Tensor, "offset axis"]:
    return step * torch.tensor(list(product(range(-radius, radius + 1), repeat=2)), dtype=torch.float32)


def _pairwise(offsets: Tensor, step: float, classes: int, settings: GcSarSettings) -> np.ndarray:
    """What two labels cost as neighbours: a truncated distance and Potts' model of classes, both metrics."""
    # double precision: an error of single precision, rounded up, would make a detour the shorter way
    apart = cdist(offsets.double(), offsets.double()).clip(max=settings.truncation * step)
    other = 1 - np.eye(classes)
    moved, segmented = settings.smoothness * apart, settings.class_smoothness * other
    return np.kron(moved, np.ones_like(other)) + np.kron(np.ones_like(moved), segmented)


def _unmoved(unary: np.ndarray, offsets: Tensor, classes: int) -> np.ndarray:
    """Every control where it is, of the class that costs least there."""
    still = int((offsets == 0).all(dim=1).nonzero()[0, 0])
    own = unary[:, still * classes : (still + 1) * classes]
    start: np.ndarray = still * classes + own.argmin(axis=1)
    return start


def _neighbours(shape: tuple[int, ...]) -> np.ndarray:
    nodes = np.arange(np.prod(shape)).reshape(shape)
    across = np.stack([nodes[:, :-1].ravel(), nodes[:, 1:].ravel()], axis=1)
    down = np.stack([nodes[:-1].ravel(), nodes[1:].ravel()], axis=1)
    return np.concatenate([across, down])


def _whole(costs: np.ndarray) -> np.ndarray:
    """Whole numbers, rounded up: so a metric stays one."""
    return np.ceil(_WHOLE * costs - 1e-6).astype(np.int64)
