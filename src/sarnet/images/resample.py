"""An image on another grid, at the same place in the world."""

from dataclasses import replace

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from sarnet.errors import GridError, InputError
from sarnet.images.grid import Grid
from sarnet.images.image import Image
from sarnet.images.intensity import border_value
from sarnet.types import Interpolation

_INTERPOLATORS = {"linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor}
_COARSER = 1.5  # from here on, linear interpolation alone would alias
_FWHM_OF_SIGMA = 2 * np.sqrt(2 * np.log(2))


def resample(
    image: Image, grid: Grid, *, interpolation: Interpolation = "linear", outside: float | None = None
) -> Image:
    r"""Read ``image`` at the voxels of ``grid``; both keep their places in the world.

    Along axes on which ``grid`` is coarser by more than one half, the image is first smoothed by a Gaussian
    that makes its voxels as wide as those of the grid:

    .. math:: \sigma = \sqrt{s_{grid}^2 - s_{image}^2} \, / \, (2 \sqrt{2 \ln 2})

    Args:
        image: Intensities, or labels with ``"nearest"``.
        grid: Where its values are wanted.
        interpolation: ``"linear"``, or ``"nearest"`` for label maps, which are never smoothed.
        outside: Value beyond the image's edge; left out, it is 0 for ``"nearest"``, and for ``"linear"`` the
            constant background that surrounds the image or else its lowest value.

    Returns:
        The image on ``grid``: float32 for ``"linear"``, the type of ``image`` for ``"nearest"``.

    Raises:
        GridError: If ``grid`` has not as many axes as ``image``.
        InputError: If ``interpolation`` is not one of those named.

    References:
        Cardoso et al., Scale factor point spread function matching: beyond aliasing in image resampling, MICCAI 2015.
        https://doi.org/10.1007/978-3-319-24571-3_81
    """
    if interpolation not in _INTERPOLATORS:
        raise InputError(f"interpolation is {interpolation!r}, but must be one of {sorted(_INTERPOLATORS)}")
    if grid.dimension != image.grid.dimension:
        raise GridError(f"grid has {grid.dimension} axes, but image has {image.grid.dimension}")
    kind = image.array.dtype
    if interpolation == "linear":
        kind = np.dtype(np.float32)
        outside = border_value(image.array) if outside is None else outside
        image = replace(image, array=_smoothed(image, grid))
    values = sitk.Resample(
        image.to_itk(),
        grid.empty_itk(),
        sitk.Transform(grid.dimension, sitk.sitkIdentity),
        _INTERPOLATORS[interpolation],
        outside or 0.0,
    )
    return replace(image, array=sitk.GetArrayFromImage(values).astype(kind, copy=False), grid=grid)


def _smoothed(image: Image, grid: Grid) -> np.ndarray:
    """Return ``image`` in float32, blurred along the axes on which ``grid`` is coarser."""
    spacing, n = np.array(image.grid.spacing), grid.dimension
    # the grid's voxel as wide as it is along each axis of the image: squared, since directions are orthonormal
    turn = np.array(image.grid.direction).reshape(n, n).T @ np.array(grid.direction).reshape(n, n)
    wanted = np.sqrt(turn**2 @ np.square(grid.spacing))
    factor = np.where(wanted > _COARSER * spacing, wanted / spacing, 1.0)
    sigma_voxels = np.sqrt(factor**2 - 1)[::-1] / _FWHM_OF_SIGMA  # array order
    array = image.array.astype(np.float32)
    return ndimage.gaussian_filter(array, sigma_voxels, mode="nearest") if sigma_voxels.any() else array
