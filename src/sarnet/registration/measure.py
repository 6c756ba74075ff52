"""Measuring a finished registration and writing its record: none of this counts as registration."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool

from sarnet import __version__
from sarnet.config import MeasuredSimilarity, RegistrationSettings
from sarnet.errors import OverlapError
from sarnet.images import Grid, Image
from sarnet.losses import lncc, nmi
from sarnet.metrics import SurfaceDistance, dice, folding_percent, mean_of_known, surface_distances
from sarnet.networks import LoadedGenerator
from sarnet.registration.image_pair import ImagePair, Masks
from sarnet.registration.middle import Middle
from sarnet.registration.normalised_image import SHOWN
from sarnet.registration.own_masks import own_masks
from sarnet.registration.record import AffineRecord, Record, RecordedGrid
from sarnet.registration.result import Registration
from sarnet.registration.verdict import verdict
from sarnet.registration.work import Work
from sarnet.transforms import Alignment, Transform, apply, invert

_JUDGED_VOXELS = {2: 256, 3: 96}
"""Longest side, by number of axes, of the grid on which the similarity before and after is measured."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Labels:
    """Label maps to judge a result by: never seen by what makes it."""

    fixed: Image
    """On the grid of the fixed image."""
    moving: Image
    """On the grid of the moving image."""


@dataclass(frozen=True, kw_only=True)
class _Overlap:
    """Dice by label before and after, and how far the outlines lie apart after."""

    before: dict[int, float]
    after: dict[int, float]
    distances: dict[int, SurfaceDistance]

    @property
    def means(self) -> tuple[float | None, float | None]:
        """Before and after, over the same labels: those that have an overlap both times."""
        known = [label for label, value in self.before.items() if np.isfinite([value, self.after[label]]).all()]
        before, after = (mean_of_known(each[label] for label in known) for each in (self.before, self.after))
        return before, after


class _Stage(NamedTuple):
    """The stage that decided what came out."""

    costs: tuple[float, ...]
    iterations: int
    stop_reason: str


def measure(
    work: Work,
    fixed: Image,
    moving: Image,
    *,
    settings: RegistrationSettings,
    loaded: LoadedGenerator | None,
    masks: Masks,
    labels: Labels | None,
) -> Registration:
    """Resample the moving image, invert the transform, measure, and put everything on record.

    Args:
        work: What the stages found.
        fixed: Fixed image.
        moving: Moving image.
        settings: Those of the registration.
        loaded: The network, where one was used.
        masks: Where the images count: they are compared there alone.
        labels: Label maps to compare, where there are any.

    Raises:
        OverlapError: If the images, or their masks, have no place in common after it all.
    """
    warped = apply(work.transform, moving, fixed.grid, interpolation="linear")
    warped_labels, overlap = None, None
    if labels is not None:
        # the nearest voxel's, by which published figures count: linear masks would score higher
        warped_labels = apply(work.transform, labels.moving, fixed.grid, interpolation="nearest", outside=0)
        unmoved = apply(work.initial, labels.moving, fixed.grid, interpolation="nearest", outside=0)
        overlap = _overlap(labels.fixed, unmoved, warped_labels)
    inverse = invert(work.transform, moving.grid)
    record = Record(
        version=__version__,
        transform=settings.transform,
        adapt=settings.adapt if loaded else "none",
        model=loaded.name if loaded else None,
        weights_sha256=loaded.sha256 if loaded else None,
        seed=settings.seed,
        threads=settings.threads_used,
        settings=settings.model_dump(mode="json"),
        grid=_recorded_grid(fixed.grid),
        moving_grid=_recorded_grid(moving.grid),
        notes=(*(f"fixed: {note}" for note in fixed.notes), *(f"moving: {note}" for note in moving.notes)),
        inverse_residual_mm=inverse.mean_mm,
        inverse_residual_largest_mm=inverse.largest_mm,
        length_unit=fixed.length_unit,
        **_course(work),
        **_quality(work, ImagePair.of(fixed, moving, masks=masks), settings, overlap),
        **(_agreement(overlap) if overlap else {}),
    )
    return Registration(
        transform=work.transform,
        inverse=inverse.transform,
        warped=warped,
        record=record,
        warped_labels=warped_labels,
        own_masks=own_masks(
            work.look.fields, work.look.middle, seen=work.look.pair.grid, fixed=fixed.grid, moving=moving.grid
        )
        if work.look
        else None,
    )


def _course(work: Work) -> dict[str, Any]:
    """What the record says of how the result came about."""
    stage = _last_stage(work)
    return {
        "network_grid": _recorded_grid(work.found.pair.grid) if work.found else None,
        "seconds": work.clock.total,
        "seconds_by_stage": work.clock.seconds,
        "affine": _recorded_alignment(work.alignment) if work.alignment else None,
        "iterations": stage.iterations,
        "stop_reason": stage.stop_reason,
        "cost_initial": stage.costs[0] if stage.costs else None,
        "cost_final": min(stage.costs) if stage.costs else None,
        "cost_history": work.found.adaptation.costs if work.found else (),
        "known_to_network": work.look.known if work.look else None,
    }


def _quality(work: Work, images: ImagePair, settings: RegistrationSettings, overlap: _Overlap | None) -> dict[str, Any]:
    """What it says of how good the result is: by the images, the field and, where there are labels, their overlap."""
    compared_by = work.found.pair.similarity if work.found else _compared_by(images, work, settings)
    try:
        before = _similarity(images, work.initial, compared_by)
    except OverlapError:  # nothing of one lay where the other is
        before = 0.0
    after = _similarity(images, work.transform, compared_by)
    shown = images.fixed.kinds.array == SHOWN
    folding = _folding_percent(work.transform, shown)
    lengths = np.linalg.norm(work.transform.total_displacement(), axis=-1)[shown]
    return {
        "similarity": compared_by,
        "similarity_before": before,
        "similarity_after": after,
        "folding_percent": folding or 0.0,
        "largest_displacement_mm": float(lengths.max()),
        "mean_displacement_mm": float(lengths.mean()),
        "verdict": verdict(
            similarity=compared_by,
            similarity_before=before,
            similarity_after=after,
            folding_percent=folding,
            mean_displacement_voxels=_mean_displacement_voxels(work),
            dice_before=overlap.means[0] if overlap else None,
            dice_after=overlap.means[1] if overlap else None,
        ),
    }


def _agreement(overlap: _Overlap) -> dict[str, Any]:
    """What it says of how well the labels meet."""
    return {
        "dice_before": _recorded(overlap.before),
        "dice": _recorded(overlap.after),
        "dice_mean_before": overlap.means[0],
        "dice_mean": overlap.means[1],
        "hd95_mm": _recorded({label: each.hd95 for label, each in overlap.distances.items()}),
        "mad_mm": _recorded({label: each.mad for label, each in overlap.distances.items()}),
    }


def _compared_by(images: ImagePair, work: Work, settings: RegistrationSettings) -> MeasuredSimilarity:
    """What an affine map is judged by, which was found by mutual information of the whole images."""
    middle = Middle.unsplit(images.fixed.values.grid, work.transform)
    if settings.similarity != "auto":
        return settings.similarity
    try:
        return images.read_for_network(middle, longest_voxels=_JUDGED_VOXELS[middle.grid.dimension]).similarity
    except OverlapError:  # there is nothing to tell the contrasts by, nor to compare
        return "lncc"


def _similarity(images: ImagePair, transform: Transform, compared_by: MeasuredSimilarity) -> float:
    """How alike the images are under a transform, where the fixed one lies and within the masks."""
    middle = Middle.unsplit(images.fixed.values.grid, transform)
    pair = images.read(middle, longest_voxels=_JUDGED_VOXELS[middle.grid.dimension])
    unlike = nmi if compared_by == "nmi" else lncc
    return 1 - float(unlike(pair.fixed, pair.moving, weight=pair.weight))


def _folding_percent(transform: Transform, shown: Bool[np.ndarray, "*space"]) -> float | None:
    """Of the foreground, masked or not; nothing where there is no field. A single slice folds in its plane."""
    if transform.displacement is None:
        return None
    field = transform.grid.in_voxels(transform.displacement)
    wide = [axis for axis, size in enumerate(shown.shape) if size > 1]
    plane = field[wide].reshape(len(wide), *(shown.shape[axis] for axis in wide))
    return folding_percent(torch.from_numpy(plane)[None], inside=torch.from_numpy(shown.reshape(plane.shape[1:]))[None])


def _mean_displacement_voxels(work: Work) -> float | None:
    """Mean length of the network's field where the images were compared, in voxels of its grid."""
    if work.found is None:
        return None
    inside = work.found.pair.weight[:, 0] > 0
    return float(work.found.adaptation.displacement.norm(dim=1)[inside].mean())


def _overlap(fixed: Image, before: Image, after: Image) -> _Overlap:
    there = np.unique(np.concatenate([np.unique(each.array) for each in (fixed, before, after)]))
    names = tuple(int(label) for label in there if label != 0)
    return _Overlap(
        before=dice(fixed.array, before.array, labels=names),
        after=dice(fixed.array, after.array, labels=names),
        distances=surface_distances(fixed.array, after.array, spacing=fixed.grid.spacing[::-1], labels=names),
    )


def _last_stage(work: Work) -> _Stage:
    if work.found is not None:
        found = work.found.adaptation
        return _Stage(found.costs, found.iterations, found.stop_reason)
    if work.alignment is not None:
        costs = work.alignment.cost_initial, work.alignment.cost_final
        return _Stage(costs, work.alignment.iterations, "the affine search ended")
    return _Stage((), 0, "the initial transform was taken as it is")


def _recorded(figures: dict[int, float]) -> dict[str, float | None]:
    return {str(label): value if np.isfinite(value) else None for label, value in figures.items()}


def _recorded_grid(grid: Grid) -> RecordedGrid:
    return RecordedGrid(size=grid.size, spacing_mm=grid.spacing)


def _recorded_alignment(alignment: Alignment) -> AffineRecord:
    return AffineRecord(
        start=alignment.start,
        kept=alignment.kept,
        iterations=alignment.iterations,
        cost_initial=alignment.cost_initial,
        cost_final=alignment.cost_final,
    )
