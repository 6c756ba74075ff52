"""How a field changes volume, and where it folds."""

import functools

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.errors import ShapeError
from sarnet.fields.warp import check_field


def jacobian_determinant(
    displacement: Float[Tensor, "batch axis *space"],
) -> Float[Tensor, "batch *space"]:
    r"""Return the determinant of the Jacobian of ``x + u(x)``.

    .. math:: \det J(x) = \det\left(\mathbf{1} + \nabla u(x)\right)

    One is no change of volume, below one the fixed image's voxel comes from less of the moving image, zero and below is
    a fold. Derivatives are central differences, one-sided in the outermost voxels.

    Args:
        displacement: Field ``u`` in voxels, at least two voxels along each axis.

    Returns:
        The determinant at every voxel.

    Raises:
        ShapeError: If ``displacement`` is not a field, or an axis has a single voxel.
    """
    check_field(displacement, displacement)
    if min(displacement.shape[2:]) < 2:
        raise ShapeError(
            f"displacement has shape {tuple(displacement.shape)}, but a derivative needs two voxels along each axis"
        )
    return _determinant(_jacobian(displacement))


def _jacobian(displacement: Tensor) -> list[list[Tensor]]:
    """Entry ``[i][j]``: derivative of component ``i`` along axis ``j``, one added on the diagonal."""
    axes = range(displacement.shape[1])
    slopes = torch.gradient(displacement, dim=[2 + axis for axis in axes])
    return [
        [slopes[axis][:, component] + 1.0 if component == axis else slopes[axis][:, component] for axis in axes]
        for component in axes
    ]


def _determinant(rows: list[list[Tensor]]) -> Tensor:
    """Laplace's expansion along the first row: exact and quick for two and three axes."""
    if len(rows) == 1:
        return rows[0][0]
    minors = [[row[:column] + row[column + 1 :] for row in rows[1:]] for column in range(len(rows))]
    terms = [entry * _determinant(minor) for entry, minor in zip(rows[0], minors, strict=True)]
    return functools.reduce(torch.add, terms[2::2], terms[0]) - functools.reduce(torch.add, terms[3::2], terms[1])
