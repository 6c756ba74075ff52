"""How a field changes volume, and where it folds."""

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
    axes = displacement.shape[1]
    rows = []
    for component in range(axes):
        slopes = torch.gradient(displacement[:, component], dim=list(range(1, axes + 1)))
        rows.append([slope + (component == axis) for axis, slope in enumerate(slopes)])
    return rows


def _determinant(rows: list[list[Tensor]]) -> Tensor:
    """Laplace's expansion along the first row: exact and quick for two and three axes."""
    if len(rows) == 1:
        return rows[0][0]
    total = torch.zeros_like(rows[0][0])
    for column, entry in enumerate(rows[0]):
        minor = [row[:column] + row[column + 1 :] for row in rows[1:]]
        total = total + (-1) ** column * entry * _determinant(minor)
    return total
