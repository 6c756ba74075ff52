"""What a transform does to volume."""

import numpy as np
import torch

from sarnet.fields import jacobian_determinant
from sarnet.images.grid import Grid
from sarnet.images.image import Image
from sarnet.transforms.compose import compose
from sarnet.transforms.transform import Transform


def jacobian(transform: Transform, grid: Grid, *, log: bool = False) -> Image:
    r"""Return the determinant of a transform's Jacobian at the voxels of a grid.

    .. math:: \det \nabla T(p) = \det M \, \det\left(\mathbf{1} + \nabla d(p)\right)

    One is no change of volume, below one a voxel of the fixed image comes from less of the moving one, zero and below
    is a fold. Derivatives are central differences over the voxels of ``grid``, one-sided in the outermost; along an
    axis of a single voxel the field is taken to be constant.

    Args:
        transform: Field and affine map count together.
        grid: Where, in fixed space.
        log: Natural logarithm instead; NaN where the field folds, for a determinant of zero and below has none.

    Returns:
        The determinant, float32.

    Raises:
        GridError: If the numbers of axes differ.
    """
    on_grid = compose(transform, grid=grid)
    determinant = np.full(grid.shape, np.linalg.det(transform.matrix), np.float32)
    if on_grid.displacement is not None:
        field = grid.in_voxels(on_grid.displacement)
        for axis in np.flatnonzero(np.array(grid.shape) == 1):
            field = np.repeat(field, 2, axis=axis + 1)
        of_field = jacobian_determinant(torch.from_numpy(np.ascontiguousarray(field))[None])[0].numpy()
        determinant = determinant * of_field[tuple(slice(size) for size in grid.shape)]
    if log:
        determinant = np.log(np.where(determinant > 0, determinant, np.nan))
    return Image(array=determinant.astype(np.float32, copy=False), grid=grid)
