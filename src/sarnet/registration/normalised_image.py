"""An image as pairs are made of it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from sarnet.images import Grid, Image, foreground, network_grid, normalise, resample
from sarnet.transforms import Transform, apply

OUTSIDE, BACKGROUND, SHOWN = 0, 1, 2
"""What a place of an image may be."""

_COARSER = 1.5
"""From here on an image is first read at the wanted spacing, smoothed, before a transform is applied."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NormalisedImage:
    """An image in [0, 1], looked through once, however often it is read."""

    whole: Image
    """In [0, 1], on the image's own grid."""
    whole_kinds: Image
    """``BACKGROUND`` or ``SHOWN``, on the same."""

    @classmethod
    def of(cls, image: Image) -> "NormalisedImage":
        """Look through an image, whose intensities may be of any unit.

        References:
            :func:`sarnet.images.normalise`, :func:`sarnet.images.foreground`.
        """
        kinds = np.where(foreground(image.array), SHOWN, BACKGROUND).astype(np.uint8)
        return cls(
            whole=Image(array=normalise(image.array), grid=image.grid), whole_kinds=Image(array=kinds, grid=image.grid)
        )

    def read(self, transform: Transform, grid: Grid) -> Float[np.ndarray, "*space"]:
        """Return the image on a grid; what the identity leads to is smoothed where the grid is coarser, and no more.

        Args:
            transform: From the grid's space to the image's.
            grid: Of the result.
        """
        if np.array_equal(transform.homogeneous(), np.eye(grid.dimension + 1)) and transform.displacement is None:
            return resample(self.whole, grid).array
        return apply(transform, self._at_spacing(grid), grid, interpolation="linear").array

    def kinds(self, transform: Transform, grid: Grid) -> UInt8[np.ndarray, "*space"]:
        """Return what is where on a grid, ``OUTSIDE`` where the image does not reach.

        Args:
            transform: From the grid's space to the image's.
            grid: Of the result.
        """
        return apply(transform, self.whole_kinds, grid, interpolation="nearest", outside=OUTSIDE).array

    def _at_spacing(self, grid: Grid) -> Image:
        own, wanted = self.whole.grid, grid.spacing[0]
        if wanted <= _COARSER * min(own.spacing):
            return self.whole
        extent = max(size * spacing for size, spacing in zip(own.size, own.spacing, strict=True))
        return resample(self.whole, network_grid(own, multiple=1, longest_voxels=max(1, round(extent / wanted))))
