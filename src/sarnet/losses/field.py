"""How far a recovered field is from the known one."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from sarnet.errors import InputError, ShapeError
from sarnet.losses.arithmetic import full_precision, mean_by_image

_SMALLEST_SQUARE = 1e-6
"""Keeps the root of a zero error differentiable; a thousandth of a voxel."""

_JOINT = 0.9
"""Normalised error from which on the logarithm goes on along its tangent: ten times as steep as at no error."""


def field_error(
    displacement: Float[Tensor, "batch axis *space"],
    known: Float[Tensor, "batch axis *space"],
    *,
    weight: Float[Tensor, "batch 1 *space"] | None = None,
    norm: Literal["squared", "euclidean"] = "squared",
) -> Float[Tensor, ""]:
    r"""Return the mean error of a field (the first stage's term).

    .. math:: \frac{\sum_x w(x)\, |u(x) - \hat u(x)|^p}{\sum_x w(x)}, \quad p = 2 \text{ or } 1

    Args:
        displacement: Recovered field, in voxels.
        known: The field it should be, in voxels, in the same direction (method, section 1).
        weight: Weight of every voxel, zero or more; all the same where it is left out. A field in which nothing weighs
            anything counts as zero.
        norm: ``"squared"``, the paper's mean squared error, or ``"euclidean"``, the error's mean length in voxels.

    Raises:
        ShapeError: If the shapes differ, or ``weight`` has not one value a voxel.
    """
    _check_fields(displacement, known, weight)
    error = _squared_error(displacement, known)
    if norm == "euclidean":
        error = (error + _SMALLEST_SQUARE).sqrt()
    return mean_by_image(error, weight).mean()


def normalised_field_error(
    displacement: Float[Tensor, "batch axis *space"],
    known: Float[Tensor, "batch axis *space"],
    *,
    largest_voxels: float,
    weight: Float[Tensor, "batch 1 *space"] | None = None,
) -> Float[Tensor, ""]:
    r"""Return the field term of the full objective (eq. 5).

    .. math:: -\log(1 - e), \quad e = \frac{\sum_x w(x)\, |u(x) - \hat u(x)|^2}{A\, d_{max}^2 \sum_x w(x)}

    with the number of axes ``A``: ``e`` is the mean squared error of a component in units of the largest displacement.
    Zero or more, about ``e`` while that is small. Beyond ``e`` = 0.9, which no registration at all does not reach, it
    goes on along its tangent, so that a field that is far off still has a way back.

    Args:
        displacement: Recovered field, in voxels.
        known: The field it should be, in voxels, in the same direction (method, section 1).
        largest_voxels: The largest displacement along an axis that is simulated, in voxels of this grid.
        weight: Weight of every voxel, zero or more; all the same where it is left out. A field in which nothing weighs
            anything counts as zero.

    Raises:
        ShapeError: If the shapes differ, or ``weight`` has not one value a voxel.
        InputError: If ``largest_voxels`` is not positive.
    """
    _check_fields(displacement, known, weight)
    if not largest_voxels > 0:
        raise InputError(f"largest_voxels is {largest_voxels}, but must be positive")
    error = _squared_error(displacement, known) / (known.shape[1] * largest_voxels**2)
    return _continued_logarithm(mean_by_image(error, weight)).mean()


def _check_fields(displacement: Tensor, known: Tensor, weight: Tensor | None) -> None:
    if displacement.shape != known.shape:
        raise ShapeError(f"displacement has shape {tuple(displacement.shape)}, but known {tuple(known.shape)}")
    if weight is not None and weight.shape != (known.shape[0], 1, *known.shape[2:]):
        raise ShapeError(f"weight has shape {tuple(weight.shape)}, but displacement {tuple(displacement.shape)}")


def _squared_error(displacement: Tensor, known: Tensor) -> Tensor:
    """Squared length of the error of each vector, (batch, 1, *space)."""
    return (full_precision(displacement) - full_precision(known)).square().sum(dim=1, keepdim=True)


def _continued_logarithm(error: Tensor) -> Tensor:
    """``-log(1 - error)`` up to the joint, its tangent there beyond."""
    beyond = (error - _JOINT).relu()
    return -(-error.clamp_max(_JOINT)).log1p() + beyond / (1 - _JOINT)
