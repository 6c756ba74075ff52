"""Fields that uniform cubic B-splines span: smooth by construction, and linear in their control values."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.errors import InputError, ShapeError
from sarnet.fields.separable import along_axes


def bspline_basis(
    size: int, controls: int, *, spacing: float, origin: float, like: Tensor | None = None
) -> Float[Tensor, "size controls"]:
    r"""Return the weight of every control value on every voxel of one axis.

    Control ``k`` stands at voxel ``origin + k spacing``; voxel ``i`` gets

    .. math:: B_{ik} = \beta_3\!\left(\frac{i - origin}{spacing} - k\right)

    with the cubic B-spline :math:`\beta_3`. Weights that would fall on controls beyond the first and last are given
    to those, so that each row sums to one and a constant stays a constant up to the edge.

    Args:
        size: Number of voxels.
        controls: Number of control values.
        spacing: Distance of two controls, in voxels.
        origin: Position of the first control, in voxels; may lie outside of the axis.
        like: Tensor whose dtype and device the result takes.

    Returns:
        The matrix that takes control values to voxels.

    Raises:
        InputError: If a count or the spacing is not positive.

    References:
        Unser, Splines: a perfect fit for signal and image processing, IEEE SPM 1999. https://doi.org/10.1109/79.799930
    """
    if size < 1 or controls < 1 or not spacing > 0:
        raise InputError(f"size, controls and spacing are {size}, {controls} and {spacing}, but all must be positive")
    dtype = torch.float32 if like is None else like.dtype
    device = None if like is None else like.device
    position = (torch.arange(size, dtype=torch.float64) - origin) / spacing
    basis = torch.zeros(size, controls, dtype=torch.float64)
    for tap in range(-1, 3):  # a cubic reaches two controls to either side
        control = position.floor() + tap
        weight = _cubic(position - control)
        column = control.clamp(0, controls - 1).long()[:, None]
        basis.scatter_add_(1, column, weight[:, None])
    return basis.to(dtype=dtype, device=device)


def controls_to_cover(size: int, spacing: float) -> int:
    """Return how many controls, the first at ``-spacing``, leave no voxel of an axis without its four."""
    return math.floor((size - 1) / spacing) + 4


def bspline_field(
    controls: Float[Tensor, "batch axis *control"],
    space: tuple[int, ...],
    *,
    spacing: float,
    origin: float,
) -> Float[Tensor, "batch axis *space"]:
    r"""Evaluate a cubic B-spline field at every voxel.

    .. math:: u(x) = \sum_k c_k \prod_a \beta_3\!\left(\frac{x_a - origin}{spacing} - k_a\right)

    Args:
        controls: Control values ``c``, in the unit that the field shall have.
        space: Number of voxels along each array axis of the field.
        spacing: Distance of two controls along every axis, in voxels.
        origin: Position of the first control along every axis, in voxels.

    Returns:
        The field on the voxel grid.

    Raises:
        ShapeError: If ``space`` has not as many axes as ``controls``.

    Notes:
        Linear in ``controls``, twice continuously differentiable in space. Separable: one small matrix product an axis.
    """
    if controls.ndim - 2 != len(space):
        raise ShapeError(f"controls has shape {tuple(controls.shape)}, but space {tuple(space)} has {len(space)} axes")
    bases = [
        bspline_basis(size, count, spacing=spacing, origin=origin, like=controls)
        for size, count in zip(space, controls.shape[2:], strict=True)
    ]
    return along_axes(controls, bases)


def _cubic(distance: Tensor) -> Tensor:
    """The cubic B-spline; ``distance`` in controls."""
    near, t = distance.abs() < 1, distance.abs()
    return torch.where(near, 2 / 3 - t**2 + t**3 / 2, (2 - t).clamp_min(0) ** 3 / 6)
