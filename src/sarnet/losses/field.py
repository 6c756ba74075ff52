"""How far a recovered field is from the known one (the first stage's term)."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from sarnet.errors import ShapeError

_SMALLEST_SQUARE = 1e-6
"""Keeps the root of a zero error differentiable; a thousandth of a voxel."""


def field_error(
    displacement: Float[Tensor, "batch axis *space"],
    known: Float[Tensor, "batch axis *space"],
    *,
    weight: Float[Tensor, "batch 1 *space"] | None = None,
    norm: Literal["squared", "euclidean"] = "squared",
) -> Float[Tensor, ""]:
    r"""Return the mean error of a field.

    .. math:: \frac{\sum_x w(x)\, |u(x) - \hat u(x)|^p}{\sum_x w(x)}, \quad p = 2 \text{ or } 1

    Args:
        displacement: Recovered field, in voxels.
        known: The field it should be, in voxels, in the same direction (method, section 1).
        weight: Weight of every voxel, zero or more; all the same where it is left out.
        norm: ``"squared"``, the paper's mean squared error, or ``"euclidean"``, the error's mean length in voxels.

    Raises:
        ShapeError: If the shapes differ, or ``weight`` has not one value a voxel.
    """
    if displacement.shape != known.shape:
        raise ShapeError(f"displacement has shape {tuple(displacement.shape)}, but known {tuple(known.shape)}")
    if weight is not None and weight.shape != (known.shape[0], 1, *known.shape[2:]):
        raise ShapeError(f"weight has shape {tuple(weight.shape)}, but displacement {tuple(displacement.shape)}")
    error = (displacement - known).square().sum(dim=1, keepdim=True)
    if norm == "euclidean":
        error = (error + _SMALLEST_SQUARE).sqrt()
    if weight is None:
        return error.mean()
    return (weight * error).sum() / weight.sum().clamp_min(1e-6)
