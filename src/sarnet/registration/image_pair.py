"""Both images of a pair where they came from, to be read in any space between them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sarnet.config import MeasuredSimilarity
from sarnet.errors import OverlapError
from sarnet.images import Grid, Image, network_grid, resample
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.contrast import contrast
from sarnet.registration.middle import Middle
from sarnet.registration.normalised_image import OUTSIDE, SHOWN, NormalisedImage, read_averaged
from sarnet.transforms import Transform, apply

_MARGIN_VOXELS = 4
"""Voxels around the foreground: room for the windows of similarity, and for what a field moves beyond the outline."""

_MAGNIFICATIONS = (1.0, 1.5, 2.0)

_MONOTONE = 0.9
"""A rising or falling map explains at least this share of what any map of intensities does, where both images have one
contrast."""


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
class ImagePair:
    """Both images, normalised once, the masks within which they count, and the regions that shall meet."""

    fixed: NormalisedImage
    moving: NormalisedImage
    masks: Masks = Masks()
    regions: Regions | None = None

    @classmethod
    def of(
        cls, fixed: Image, moving: Image, *, masks: Masks | None = None, regions: Regions | None = None
    ) -> "ImagePair":
        """Normalise two images.

        Args:
            fixed: Fixed image, of any intensity unit.
            moving: Moving image, of any other.
            masks: Where they count; everywhere where it is left out.
            regions: What shall meet, where there is any.
        """
        return cls(
            fixed=NormalisedImage.of(fixed),
            moving=NormalisedImage.of(moving),
            masks=masks or Masks(),
            regions=regions,
        )

    def content(self, middle: Middle) -> Bool[np.ndarray, "*space"]:
        """Return where either image shows more than background and both reach, on the middle's grid."""
        fixed = self.fixed.read_kinds(middle.to_fixed, middle.grid)
        moving = self.moving.read_kinds(middle.to_moving, middle.grid)
        reached = (fixed != OUTSIDE) & (moving != OUTSIDE)
        content: np.ndarray = reached & ((fixed == SHOWN) | (moving == SHOWN))
        return content

    def read(
        self,
        middle: Middle,
        *,
        longest_voxels: int,
        most_voxels: int | None = None,
        multiple: int = 1,
        similarity: MeasuredSimilarity = "lncc",
    ) -> ComparedPair:
        """Read the pair on the network's grid.

        The grid is a crop of the middle's to the foreground of both images, where its spacing allows, so that images
        that need no affine map are not interpolated; see :func:`sarnet.images.network_grid`.

        Args:
            middle: Where to read both images.
            longest_voxels: Most voxels along an axis.
            most_voxels: Most voxels in all, where there is such a bound.
            multiple: Each axis is made a multiple of so many voxels.
            similarity: What the two are compared by.

        Raises:
            OverlapError: If nothing is left to count: images or masks that do not meet.
        """
        pair = self._whole(middle, longest_voxels, most_voxels, multiple)
        return replace(self._counted(pair, middle), similarity=similarity)

    def read_for_network(
        self,
        middle: Middle,
        *,
        longest_voxels: int,
        most_voxels: int | None = None,
        multiple: int = 1,
        magnified_voxels: int = 0,
        similarity: Literal["auto"] | MeasuredSimilarity = "auto",
    ) -> ComparedPair:
        """Read the pair as :meth:`read` does, and bring its contrast to what the network has learned to match.

        Args:
            middle: Where to read both images.
            longest_voxels: Most voxels along an axis.
            most_voxels: Most voxels in all, where there is such a bound.
            multiple: Each axis is made a multiple of so many voxels.
            magnified_voxels: Most voxels along an axis of the images as the network sees them.
            similarity: What the two are compared by; ``auto`` takes mutual information where no rising or falling map
                leads from one's intensities to the other's.

        Raises:
            OverlapError: If nothing is left to count: images or masks that do not meet.
        """
        whole = self._whole(middle, longest_voxels, most_voxels, multiple)
        pair = self._counted(whole, middle)
        fixed, moving, counted, shown = (
            each[0, 0].numpy() for each in (pair.fixed, pair.moving, pair.weight > 0, whole.weight > 0)
        )
        found = contrast(fixed, moving, counted)
        # asked both ways, so that the pair the other way round gets the same answer
        turned = contrast(moving, fixed, counted)
        is_other = any(each.monotone < _MONOTONE * each.any_map for each in (found, turned))
        chosen: MeasuredSimilarity = ("nmi" if is_other else "lncc") if similarity == "auto" else similarity
        fitting = [each for each in _MAGNIFICATIONS if each * max(pair.grid.size) <= magnified_voxels]
        # the network has learned to match one contrast alone
        sees_mapped = chosen == "nmi" or found.correlation < 0
        return replace(
            pair,
            magnification=max(fitting, default=1.0),
            moving_seen=_on_background(found.as_fixed, fixed, shown) if sees_mapped else None,
            fixed_seen=_on_background(turned.as_fixed, moving, shown) if sees_mapped else None,
            similarity=chosen,
        )

    def _whole(self, middle: Middle, longest_voxels: int, most_voxels: int | None, multiple: int) -> ComparedPair:
        """Both images, counted in the foreground of either, as far as both reach."""
        content = self.content(middle)
        if not content.any():
            raise OverlapError(
                "fixed and moving show nothing at one place: check their origins, or give an initial transform"
            )
        grid = network_grid(
            middle.grid,
            multiple=multiple,
            longest_voxels=longest_voxels,
            most_voxels=most_voxels,
            box=_bounding_box(content),
            margin_voxels=0 if content.all() else _MARGIN_VOXELS,
        )
        shown = resample(Image(array=content, grid=middle.grid), grid, interpolation="nearest", outside=0)
        return ComparedPair(
            fixed=_tensor(self.fixed.read(middle.to_fixed, grid)),
            moving=_tensor(self.moving.read(middle.to_moving, grid)),
            weight=_tensor(shown.array),
            grid=grid,
        )

    def _counted(self, pair: ComparedPair, middle: Middle) -> ComparedPair:
        """The pair within the masks, with the regions."""
        weight = pair.weight
        for mask, transform in ((self.masks.fixed, middle.to_fixed), (self.masks.moving, middle.to_moving)):
            if mask is not None:
                read = apply(transform, mask, pair.grid, interpolation="nearest", outside=0)
                weight = weight * _tensor(read.array != 0)
        if not weight.any():
            raise OverlapError(
                "fixed_mask and moving_mask leave no voxel of the foreground: check that they overlap"
                if pair.weight.any()
                else "fixed and moving show nothing that is as large as a voxel of the grid they are compared on: "
                "give finer limits (longest_voxels), or larger structures"
            )
        if self.regions is None:
            return replace(pair, weight=weight)
        return replace(
            pair,
            weight=weight,
            fixed_regions=_soft(self.regions.fixed, middle.to_fixed, pair.grid),
            moving_regions=_soft(self.regions.moving, middle.to_moving, pair.grid),
            region_weight=self.regions.weight,
        )


def _on_background(mapped: np.ndarray, other: np.ndarray, shown: np.ndarray) -> Tensor:
    """An image mapped to the contrast of the other, on that one's background."""
    background = 0.0 if shown.all() else float(np.median(other[~shown]))
    return _tensor(np.where(shown, mapped, background))


def _soft(masks: Sequence[Image], transform: Transform, grid: Grid) -> Float[Tensor, "1 region *space"]:
    """Shares of the grid's voxels, a channel for each mask; beyond their image is nothing of what they mark."""
    return torch.cat([_tensor(read_averaged(each, transform, grid, outside=0)) for each in masks], dim=1)


def _bounding_box(content: np.ndarray) -> tuple[slice, ...]:
    box = []
    for axis in range(content.ndim):
        others = tuple(other for other in range(content.ndim) if other != axis)
        places = np.flatnonzero(content.any(axis=others))
        box.append(slice(int(places[0]), int(places[-1]) + 1))
    return tuple(box)


def _tensor(array: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))[None, None]
