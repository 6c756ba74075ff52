"""A pair of images as the network sees it, and the way of its field back into the world."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.config import MeasuredSimilarity
from sarnet.errors import InputError
from sarnet.images import Grid, Image, field_to_grid, foreground, network_grid, normalise, resample
from sarnet.registration.contrast import contrast
from sarnet.transforms import Transform, apply

_MARGIN_VOXELS = 4
"""Voxels around the foreground: room for what the moving image has beyond the fixed one's outline."""

_MAGNIFICATIONS = (1.0, 1.5, 2.0)

_MONOTONE = 0.75
"""A rising or falling map explains at least this share of what any map of intensities does, where both images have one
contrast."""

_COARSER = 1.5
"""From here on a moving image is first read at the network's spacing, smoothed, before the affine map is applied."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Masks:
    """Where a pair counts: voxels that are not zero."""

    fixed: Image | None = None
    """On the grid of the fixed image."""
    moving: Image | None = None
    """On the grid of the moving image."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Regions:
    """Regions of both images that shall meet: soft masks in [0, 1], as many of one as of the other."""

    fixed: tuple[Image, ...]
    """On the grid of the fixed image."""
    moving: tuple[Image, ...]
    """On the grid of the moving image."""
    weight: float
    """What they count beside the similarity of the images."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NetworkPair:
    """Both images in [0, 1] on the network's grid, the moving one already through the start's transform."""

    fixed: Float[Tensor, "1 1 *space"]
    moving: Float[Tensor, "1 1 *space"]
    weight: Float[Tensor, "1 1 *space"]
    """Where the cost is counted: the foreground of both images, within the masks."""
    grid: Grid
    """The grid of all three in the world."""
    magnification: float = 1.0
    """How much larger the network sees the images."""
    moving_seen: Float[Tensor, "1 1 *space"] | None = None
    """The moving image as the network sees it, where that differs: its contrast made the fixed one's."""
    similarity: MeasuredSimilarity = "lncc"
    """What the two are compared by."""
    fixed_regions: Float[Tensor, "1 region *space"] | None = None
    """Soft masks in [0, 1] of what shall meet, where there is any."""
    moving_regions: Float[Tensor, "1 region *space"] | None = None
    """The same of the moving image, through the start's transform, too."""
    region_weight: float = 0.0
    """What the regions count beside the similarity."""

    @property
    def fixed_channels(self) -> Float[Tensor, "1 channel *space"]:
        """The fixed image, then its regions."""
        return self.fixed if self.fixed_regions is None else torch.cat([self.fixed, self.fixed_regions], dim=1)

    @property
    def moving_channels(self) -> Float[Tensor, "1 channel *space"]:
        """The moving image, then its regions."""
        return self.moving if self.moving_regions is None else torch.cat([self.moving, self.moving_regions], dim=1)

    @property
    def moving_as_seen(self) -> Float[Tensor, "1 1 *space"]:
        """The moving image as the network sees it."""
        return self.moving if self.moving_seen is None else self.moving_seen

    def reduced(self, factor: int) -> "NetworkPair":
        """Return the pair on a grid of the same extent whose voxels are means over blocks.

        Args:
            factor: Voxels to one of the result along each axis; every axis must be a multiple of it.
        """
        if factor == 1:
            return self
        pool = F.avg_pool2d if self.grid.dimension == 2 else F.avg_pool3d
        tensors = {name: pool(value, factor) for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, grid=self.grid.reduced(factor), **tensors)  # type: ignore[arg-type]  # names of tensors alone

    def to_world(self, displacement: Float[Tensor, "1 axis *space"], grid: Grid) -> Float[np.ndarray, "*target axis"]:
        """Take a field from voxels of the network's grid to millimetres (x first) on another grid."""
        voxels = displacement[0].movedim(0, -1).double().numpy()
        world: np.ndarray = field_to_grid(voxels @ self.grid.voxel_to_world().T, self.grid, grid)
        return world.astype(np.float32)


def prepare_pair(  # noqa: PLR0913  each by its name alone
    fixed: Image,
    moving: Image,
    start: Transform,
    *,
    longest_voxels: int,
    multiple: int = 1,
    magnified_voxels: int = 0,
    masks: Masks | None = None,
    similarity: Literal["auto"] | MeasuredSimilarity = "auto",
    regions: Regions | None = None,
) -> NetworkPair:
    """Bring a pair onto the grid of the network.

    The grid is a crop of the fixed image's to the foreground of both images, where its spacing allows, so that
    nothing of it is interpolated; see :func:`sarnet.images.network_grid`.

    Args:
        fixed: Fixed image.
        moving: Moving image.
        start: Transform to read the moving image through.
        longest_voxels: Most voxels along an axis.
        multiple: Each axis is made a multiple of so many voxels.
        magnified_voxels: Most voxels along an axis of the images as the network sees them.
        masks: Where the images count; everywhere where it is left out.
        similarity: What the two are compared by; ``auto`` takes mutual information where no rising or falling map leads
            from one's intensities to the other's.
        regions: What shall meet, where there is any.

    Raises:
        InputError: If nothing is left to count: masks that do not meet.
    """
    masks = masks or Masks()
    content = _content(fixed, moving, start)
    grid = network_grid(
        fixed.grid,
        multiple=multiple,
        longest_voxels=longest_voxels,
        box=_bounding_box(content),
        margin_voxels=0 if content.all() else _MARGIN_VOXELS,
    )
    fitting = [each for each in _MAGNIFICATIONS if each * max(grid.size) <= magnified_voxels]
    counted = _image(content, fixed.grid)
    shown = resample(counted, grid, interpolation="nearest", outside=0).array
    weight = shown
    if masks.fixed is not None:
        weight = weight & (resample(masks.fixed, grid, interpolation="nearest", outside=0).array != 0)
    if masks.moving is not None:
        weight = weight & (apply(start, masks.moving, grid, interpolation="nearest", outside=0).array != 0)
    if not weight.any():
        raise InputError("fixed_mask and moving_mask leave no voxel of the foreground: check that they overlap")
    read = resample(_normalised(fixed), grid).array
    moved = apply(start, _at_spacing(_normalised(moving), grid), grid, interpolation="linear").array
    found = contrast(read, moved, weight)
    is_other = found.monotone < _MONOTONE * found.any_map
    chosen: MeasuredSimilarity = ("nmi" if is_other else "lncc") if similarity == "auto" else similarity
    # the network has learned to match one contrast alone
    sees_mapped = chosen == "nmi" or found.correlation < 0
    return NetworkPair(
        fixed=_tensor(read),
        moving=_tensor(moved),
        weight=_tensor(weight),
        grid=grid,
        magnification=max(fitting, default=1.0),
        moving_seen=_tensor(np.where(shown, found.as_fixed, _background(read, shown))) if sees_mapped else None,
        similarity=chosen,
        fixed_regions=_stacked([resample(each, grid) for each in regions.fixed]) if regions else None,
        moving_regions=_stacked([apply(start, each, grid, interpolation="linear") for each in regions.moving])
        if regions
        else None,
        region_weight=regions.weight if regions else 0.0,
    )


def _background(fixed: np.ndarray, shown: Bool[np.ndarray, "*space"]) -> float:
    return 0.0 if shown.all() else float(np.median(fixed[~shown]))


def _stacked(regions: Sequence[Image]) -> Tensor:
    return torch.cat([_tensor(each.array) for each in regions], dim=1)


def _content(fixed: Image, moving: Image, start: Transform) -> Bool[np.ndarray, "*space"]:
    """Where either image shows more than background, on the fixed grid."""
    shown: np.ndarray = foreground(fixed.array)
    if shown.all():
        return shown  # no background to tell apart
    moving_shown = _image(foreground(moving.array), moving.grid)
    reached = apply(start, moving_shown, fixed.grid, interpolation="nearest", outside=0)
    either: np.ndarray = np.logical_or(shown, reached.array != 0)
    return either


def _bounding_box(content: Bool[np.ndarray, "*space"]) -> tuple[slice, ...] | None:
    if not content.any():
        return None
    box = []
    for axis in range(content.ndim):
        others = tuple(other for other in range(content.ndim) if other != axis)
        places = np.flatnonzero(content.any(axis=others))
        box.append(slice(int(places[0]), int(places[-1]) + 1))
    return tuple(box)


def _at_spacing(moving: Image, grid: Grid) -> Image:
    wanted = grid.spacing[0]
    if wanted <= _COARSER * min(moving.grid.spacing):
        return moving
    extent = max(size * spacing for size, spacing in zip(moving.grid.size, moving.grid.spacing, strict=True))
    coarse = network_grid(moving.grid, multiple=1, longest_voxels=max(1, round(extent / wanted)))
    return resample(moving, coarse)


def _normalised(image: Image) -> Image:
    return _image(normalise(image.array), image.grid)


def _image(array: np.ndarray, grid: Grid) -> Image:
    return Image(array=array, grid=grid)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))[None, None]
