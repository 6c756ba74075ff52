"""A pair of images as the network sees it, and the way of its field back into the world."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.errors import InputError
from sarnet.images import Grid, Image, field_to_grid, foreground, network_grid, normalise, resample
from sarnet.transforms import Transform, apply

_MARGIN_VOXELS = 4
"""Voxels around the foreground: room for what the moving image has beyond the fixed one's outline."""

_MAGNIFICATIONS = (1.0, 1.5, 2.0)

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
    """The moving image as the network sees it, where that differs: its contrast turned over to be the fixed one's."""

    def magnified(self) -> tuple[Float[Tensor, "1 1 *large"], Float[Tensor, "1 1 *large"]]:
        """Return the fixed and the moving image as the network sees them."""
        moving = self.moving if self.moving_seen is None else self.moving_seen
        if self.magnification == 1:
            return self.fixed, moving
        both = F.interpolate(
            torch.cat([self.fixed, moving]), scale_factor=self.magnification, mode="bilinear", align_corners=False
        )
        return both[:1], both[1:]

    def to_world(self, displacement: Float[Tensor, "1 axis *space"], grid: Grid) -> Float[np.ndarray, "*target axis"]:
        """Take a field from voxels of the network's grid to millimetres (x first) on another grid."""
        voxels = displacement[0].movedim(0, -1).double().numpy()
        world: np.ndarray = field_to_grid(voxels @ self.grid.voxel_to_world().T, self.grid, grid)
        return world.astype(np.float32)


def prepare_pair(
    fixed: Image,
    moving: Image,
    start: Transform,
    *,
    longest_voxels: int,
    multiple: int = 1,
    magnified_voxels: int = 0,
    masks: Masks | None = None,
) -> NetworkPair:
    """Bring a pair onto the grid of the network.

    The grid is a crop of the fixed image's to the foreground of both images, where its spacing allows, so that
    nothing of it is interpolated; see :func:`sarnet.images.network_grid`.

    Args:
        fixed: Fixed image.
        moving: Moving image.
        start: Transform to read the moving image through.
        longest_voxels: Most voxels along an axis.
        multiple: Each axis is made a multiple of so many voxels, before and after it is magnified.
        magnified_voxels: Most voxels along an axis of the images as the network sees them.
        masks: Where the images count; everywhere where it is left out.

    Raises:
        InputError: If nothing is left to count: masks that do not meet.
    """
    masks = masks or Masks()
    content = _content(fixed, moving, start)
    grid = network_grid(
        fixed.grid,
        multiple=2 * multiple,  # half as many again is then a multiple, too
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
    is_turned_over = np.cov(read[weight], moved[weight])[0, 1] < 0 if weight.sum() > 1 else False
    return NetworkPair(
        fixed=_tensor(read),
        moving=_tensor(moved),
        weight=_tensor(weight),
        grid=grid,
        magnification=max(fitting, default=1.0),
        moving_seen=_tensor(_turned_over(read, moved, shown)) if is_turned_over else None,
    )


def _turned_over(fixed: np.ndarray, moving: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """The moving image with its contrast turned over where the pair shows anything; else the fixed one's background.

    The network has not learned to match dark to bright; the cost, a squared correlation, does not mind.
    """
    background = np.median(fixed[~shown]) if not shown.all() else 0
    return np.where(shown, 1 - moving, background)


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
