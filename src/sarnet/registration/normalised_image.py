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
    """An image in [0, 1], normalised once, however often it is read."""

    values: Image
    """In [0, 1], on the image's own grid."""
    kinds: Image
    """``BACKGROUND`` or ``SHOWN``, on the same."""

    @classmethod
    def of(cls, image: Image) -> "NormalisedImage":
        """Normalise an image, and tell it from its background.

        Args:
            image: Of any intensity unit.
        """
        kinds = np.where(foreground(image.array), SHOWN, BACKGROUND).astype(np.uint8)
        return cls(
            values=Image(array=normalise(image.array), grid=image.grid), kinds=Image(array=kinds, grid=image.grid)
        )

    def read(self, transform: Transform, grid: Grid) -> Float[np.ndarray, "*space"]:
        """Return the image on a grid, as :func:`read_averaged` does.

        Args:
            transform: From the grid's space to the image's.
            grid: Of the result.
        """
        return read_averaged(self.values, transform, grid)

    def read_kinds(self, transform: Transform, grid: Grid) -> UInt8[np.ndarray, "*space"]:
        """Return what is where on a grid: ``OUTSIDE`` where the image does not reach.

        Args:
            transform: From the grid's space to the image's.
            grid: Of the result.
        """
        return apply(transform, self.kinds, grid, interpolation="nearest", outside=OUTSIDE).array


def read_averaged(
    image: Image, transform: Transform, grid: Grid, *, outside: float | None = None
) -> Float[np.ndarray, "*space"]:
    """Return intensities or a soft mask on a grid, each voxel standing for all that it covers.

    Under the identity the image is resampled once. Else it is read linearly, and where the grid, carried to the image
    by the transform, is much coarser than the image, the image is first brought to that spacing.

    Args:
        image: What is read.
        transform: From the grid's space to the image's.
        grid: Of the result.
        outside: Value beyond the image's edge; left out, its constant background or else its lowest value.
    """
    if np.array_equal(transform.homogeneous(), np.eye(grid.dimension + 1)) and transform.displacement is None:
        return resample(image, grid, outside=outside).array
    scale = abs(np.linalg.det(transform.matrix)) ** (1 / grid.dimension)
    coarse = _at_spacing(image, scale * grid.spacing[0], outside)
    return apply(transform, coarse, grid, interpolation="linear", outside=outside).array


def _at_spacing(image: Image, wanted: float, outside: float | None) -> Image:
    own = image.grid
    if wanted <= _COARSER * min(own.spacing):
        return image
    extent = max(size * spacing for size, spacing in zip(own.size, own.spacing, strict=True))
    coarse = network_grid(own, multiple=1, longest_voxels=max(1, round(extent / wanted)))
    return resample(image, coarse, outside=outside)
