"""How a field changes volume, and where it folds."""

import functools
import itertools
from collections.abc import Sequence

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
    _check(displacement)
    axes = tuple(range(2, displacement.ndim))
    return _determinant(_rows(torch.gradient(displacement, dim=axes)))


def smallest_determinant(
    displacement: Float[Tensor, "batch axis *space"],
) -> Float[Tensor, "batch *space"]:
    r"""Return the smallest determinant of the Jacobian of ``x + u(x)`` over all one-sided differences at each voxel.

    .. math:: \min_{s \in \{-1, 1\}^d} \det\left(\mathbf{1} + \nabla_s u(x)\right)

    Derivatives are one-sided, along each axis towards one neighbour or the other, in all combinations: those that the
    field has at the corners of its cells when it is read linearly between its voxels. By central differences, the means
    of both, the determinant is the mean of these: it may hide a fold.

    Args:
        displacement: Field ``u`` in voxels, at least two voxels along each axis.

    Returns:
        The smallest determinant at every voxel.

    Raises:
        ShapeError: If ``displacement`` is not a field, or an axis has a single voxel.
    """
    _check(displacement)
    slopes = [_one_sided(displacement, 2 + axis) for axis in range(displacement.shape[1])]
    corners = (_determinant(_rows(chosen)) for chosen in itertools.product(*slopes))
    return functools.reduce(torch.minimum, corners)


def _one_sided(displacement: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """Differences to the neighbour before and to the one after; outermost voxels have one neighbour for both."""
    steps = displacement.diff(dim=dim)
    first, last = steps.narrow(dim, 0, 1), steps.narrow(dim, steps.shape[dim] - 1, 1)
    return torch.cat([first, steps], dim=dim), torch.cat([steps, last], dim=dim)


def _check(displacement: Tensor) -> None:
    check_field(displacement)
    if min(displacement.shape[2:]) < 2:
        raise ShapeError(
            f"displacement has shape {tuple(displacement.shape)}, but a derivative needs two voxels along each axis"
        )


def _rows(slopes: Sequence[Tensor]) -> list[list[Tensor]]:
    """Entry ``[i][j]``: derivative of component ``i`` along axis ``j``, one added on the diagonal."""
    axes = range(len(slopes))
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
