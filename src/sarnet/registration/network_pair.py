"""A pair of images as the network sees it."""

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
from sarnet.images import Grid, Image, foreground, network_grid, normalise, resample
from sarnet.registration.contrast import contrast
from sarnet.registration.middle import Middle
from sarnet.transforms import Transform, apply

_MARGIN_VOXELS = 4
"""Voxels around the foreground: room for the windows of similarity, and for what a field moves beyond the outline."""

_MAGNIFICATIONS = (1.0, 1.5, 2.0)

_MONOTONE = 0.75
"""A rising or falling map explains at least this share of what any map of intensities does, where both images have one
contrast."""

_COARSER = 1.5
"""From here on an image is first read at the network's spacing, smoothed, before the affine map is applied."""


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
    """Both images in [0, 1] on the network's grid, in the middle between them."""

    fixed: Float[Tensor, "1 1 *space"]
    moving: Float[Tensor, "1 1 *space"]
    weight: Float[Tensor, "1 1 *space"]
    """Where the cost is counted: the foreground of either image as far as both reach, within the masks."""
    grid: Grid
    """The grid of all three in the world."""
    magnification: float = 1.0
    """How much larger the network sees the images."""
    moving_seen: Float[Tensor, "1 1 *space"] | None = None
    """The moving image as the network sees it, where that differs: its contrast made the fixed one's."""
    fixed_seen: Float[Tensor, "1 1 *space"] | None = None
    """The fixed image as the network sees it in the moving one's place: its contrast made the moving one's."""
    similarity: MeasuredSimilarity = "lncc"
    """What the two are compared by."""
    fixed_regions: Float[Tensor, "1 region *space"] | None = None
    """Soft masks in [0, 1] of what shall meet, where there is any."""
    moving_regions: Float[Tensor, "1 region *space"] | None = None
    """The same of the moving image."""
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

    def exchanged(self) -> "NetworkPair":
        """Return the pair with the images in each other's place."""
        return replace(
            self,
            fixed=self.moving,
            moving=self.fixed,
            moving_seen=self.fixed_seen,
            fixed_seen=self.moving_seen,
            fixed_regions=self.moving_regions,
            moving_regions=self.fixed_regions,
        )

    def to(self, device: torch.device) -> "NetworkPair":
        """Return the pair on a device."""
        return self._with({name: value.to(device) for name, value in self._tensors().items()})

    def reduced(self, factor: int) -> "NetworkPair":
        """Return the pair on a grid of the same extent whose voxels are means over blocks.

        Args:
            factor: Voxels to one of the result along each axis; every axis must be a multiple of it.
        """
        if factor == 1:
            return self
        pool = F.avg_pool2d if self.grid.dimension == 2 else F.avg_pool3d
        tensors = {name: pool(value, factor) for name, value in self._tensors().items()}
        return replace(self._with(tensors), grid=self.grid.reduced(factor))

    def _tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}

    def _with(self, tensors: dict[str, Tensor]) -> "NetworkPair":
        return replace(self, **tensors)  # type: ignore[arg-type]  # names of tensors alone


def prepare_pair(  # noqa: PLR0913  each by its name alone
    fixed: Image,
    moving: Image,
    middle: Middle,
    *,
    longest_voxels: int,
    multiple: int = 1,
    magnified_voxels: int = 0,
    masks: Masks | None = None,
    similarity: Literal["auto"] | MeasuredSimilarity = "auto",
    regions: Regions | None = None,
) -> NetworkPair:
    """Bring a pair onto the grid of the network.

    The grid is a crop of the middle's to the foreground of both images, where its spacing allows, so that images that
    need no affine map are not interpolated; see :func:`sarnet.images.network_grid`.

    Args:
        fixed: Fixed image.
        moving: Moving image.
        middle: Where to read both images.
        longest_voxels: Most voxels along an axis.
        multiple: Each axis is made a multiple of so many voxels.
        magnified_voxels: Most voxels along an axis of the images as the network sees them.
        masks: Where the images count; everywhere where it is left out.
        similarity: What the two are compared by; ``auto`` takes mutual information where no rising or falling map leads
            from one's intensities to the other's.
        regions: What shall meet, where there is any.

    Raises:
        InputError: If nothing is left to count: images or masks that do not meet.
    """
    masks = masks or Masks()
    content = shared_content(fixed, moving, middle)
    if not content.any():
        raise InputError(
            "fixed and moving show nothing at one place: check their origins, or give an initial transform"
        )
    grid = network_grid(
        middle.grid,
        multiple=multiple,
        longest_voxels=longest_voxels,
        box=_bounding_box(content),
        margin_voxels=0 if content.all() else _MARGIN_VOXELS,
    )
    fitting = [each for each in _MAGNIFICATIONS if each * max(grid.size) <= magnified_voxels]
    shown = resample(_image(content, middle.grid), grid, interpolation="nearest", outside=0).array
    weight = shown
    if masks.fixed is not None:
        weight = weight & (apply(middle.to_fixed, masks.fixed, grid, interpolation="nearest", outside=0).array != 0)
    if masks.moving is not None:
        weight = weight & (apply(middle.to_moving, masks.moving, grid, interpolation="nearest", outside=0).array != 0)
    if not weight.any():
        raise InputError("fixed_mask and moving_mask leave no voxel of the foreground: check that they overlap")
    read, moved = _read(fixed, middle.to_fixed, grid), _read(moving, middle.to_moving, grid)
    found = contrast(read, moved, weight)
    # asked both ways, so that the pair the other way round gets the same answer
    turned = contrast(moved, read, weight)
    is_other = any(each.monotone < _MONOTONE * each.any_map for each in (found, turned))
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
        fixed_seen=_tensor(np.where(shown, turned.as_fixed, _background(moved, shown))) if sees_mapped else None,
        similarity=chosen,
        fixed_regions=_regions(regions.fixed, middle.to_fixed, grid) if regions else None,
        moving_regions=_regions(regions.moving, middle.to_moving, grid) if regions else None,
        region_weight=regions.weight if regions else 0.0,
    )


def _background(fixed: np.ndarray, shown: Bool[np.ndarray, "*space"]) -> float:
    return 0.0 if shown.all() else float(np.median(fixed[~shown]))


def shared_content(fixed: Image, moving: Image, middle: Middle) -> Bool[np.ndarray, "*space"]:
    """Return where either image shows more than background and both reach, on the middle's grid."""
    outside, background, shown = 0, 1, 2
    found = []
    for image, transform in ((fixed, middle.to_fixed), (moving, middle.to_moving)):
        kinds = np.where(foreground(image.array), shown, background).astype(np.uint8)
        read = apply(transform, _image(kinds, image.grid), middle.grid, interpolation="nearest", outside=outside)
        found.append(read.array)
    reached = (found[0] != outside) & (found[1] != outside)
    content: np.ndarray = reached & ((found[0] == shown) | (found[1] == shown))
    return content


def _regions(regions: Sequence[Image], transform: Transform, grid: Grid) -> Tensor:
    return torch.cat([_tensor(apply(transform, each, grid, interpolation="linear").array) for each in regions], dim=1)


def _bounding_box(content: np.ndarray) -> tuple[slice, ...] | None:
    if not content.any():
        return None
    box = []
    for axis in range(content.ndim):
        others = tuple(other for other in range(content.ndim) if other != axis)
        places = np.flatnonzero(content.any(axis=others))
        box.append(slice(int(places[0]), int(places[-1]) + 1))
    return tuple(box)


def _read(image: Image, transform: Transform, grid: Grid) -> np.ndarray:
    """An image in [0, 1] on the network's grid."""
    whole = _normalised(image)
    if np.array_equal(transform.homogeneous(), np.eye(grid.dimension + 1)) and transform.displacement is None:
        return resample(whole, grid).array
    return apply(transform, _at_spacing(whole, grid), grid, interpolation="linear").array


def _at_spacing(image: Image, grid: Grid) -> Image:
    wanted = grid.spacing[0]
    if wanted <= _COARSER * min(image.grid.spacing):
        return image
    extent = max(size * spacing for size, spacing in zip(image.grid.size, image.grid.spacing, strict=True))
    coarse = network_grid(image.grid, multiple=1, longest_voxels=max(1, round(extent / wanted)))
    return resample(image, coarse)


def _normalised(image: Image) -> Image:
    return _image(normalise(image.array), image.grid)


def _image(array: np.ndarray, grid: Grid) -> Image:
    return Image(array=array, grid=grid)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))[None, None]
