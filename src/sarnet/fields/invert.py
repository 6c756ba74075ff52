"""The inverse of a displacement field, by fixed-point iteration."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.errors import InputError
from sarnet.fields.warp import check_field, warp


class Inverse(NamedTuple):
    """An inverse field and how good it is."""

    displacement: Float[Tensor, "batch axis *space"]
    """The inverse ``v``, in voxels, on the grid of the field it inverts."""

    residual: Float[Tensor, "batch *space"]
    """``|u(x + v(x)) + v(x)|`` in voxels: zero where ``v`` inverts ``u`` exactly."""


def invert(
    displacement: Float[Tensor, "batch axis *space"],
    *,
    iterations: int = 50,
    tolerance_voxels: float = 1e-3,
) -> Inverse:
    r"""Invert a field: find ``v`` with ``x + v(x) + u(x + v(x)) = x``.

    .. math:: v_{k+1}(x) = v_k(x) - s_k(x) \left(u(x + v_k(x)) + v_k(x)\right), \quad v_0 = 0

    With a share ``s`` of one it is the classical iteration, which converges where ``u`` is a contraction. A voxel's
    share is halved when a step leads over the solution, and a step that would make it worse is not taken: so maps that
    stretch further than that are inverted too.

    Where the field folds, several points lead to the same place, or the iteration is caught between them: a large
    residual says that there is no inverse, but a small one is no proof of one; folds are found by
    :func:`sarnet.fields.jacobian_determinant`.

    Args:
        displacement: Field ``u`` in voxels.
        iterations: At most this many steps.
        tolerance_voxels: Stop once the residual is nowhere above this.

    Returns:
        The inverse and its residual.

    Raises:
        InputError: If ``iterations`` is not positive.
        ShapeError: If ``displacement`` is not a field.

    References:
        Chen et al., A simple fixed-point approach to invert a deformation field, Medical Physics 35, 2008.
        https://doi.org/10.1118/1.2816107
    """
    if iterations < 1:
        raise InputError(f"iterations is {iterations}, but must be at least 1")
    check_field(displacement)

    def read(inverse: Tensor) -> Tensor:
        return warp(displacement, inverse)

    inverse, error = fixed_point(
        read, torch.zeros_like(displacement), iterations=iterations, tolerance=tolerance_voxels
    )
    return Inverse(inverse, error.norm(dim=1))


def fixed_point(
    read: Callable[[Tensor], Tensor], start: Tensor, *, iterations: int, tolerance: float
) -> tuple[Tensor, Tensor]:
    """Solve ``v + u(x + v) = 0`` for ``v``, each place by itself, as :func:`invert` says.

    Args:
        read: Takes ``v``, (batch, axis, *space), to ``u(x + v)``, in whatever frame and unit both are.
        start: First guess of ``v``.
        iterations: At most this many steps.
        tolerance: Stop once no place's error is longer than this.

    Returns:
        ``v``, and the vectors ``v + u(x + v)`` that it leaves.
    """
    inverse = start
    error = inverse + read(inverse)
    square = _dot(error, error)
    share = torch.ones_like(square)
    for _ in range(iterations):
        if square.detach().max() <= tolerance**2:
            break
        trial = inverse - share * error
        left = trial + read(trial)
        left_square = _dot(left, left)
        better = left_square < square
        ahead = _dot(left, error) >= 0  # has not stepped over the solution
        inverse, error = torch.where(better, trial, inverse), torch.where(better, left, error)
        square = torch.where(better, left_square, square)
        share = torch.where(better & ahead, share, share / 2)
    return inverse, error


def _dot(first: Tensor, second: Tensor) -> Tensor:
    """The product of two fields' vectors; torch's own norm along an axis of stride takes ten times as long."""
    return (first * second).sum(dim=1, keepdim=True)
