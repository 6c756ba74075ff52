"""Smoothing a field."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.errors import InputError
from sarnet.fields.separable import along_axes

_REACH = 3
"""Standard deviations after which the kernel ends."""


def gaussian(
    field: Float[Tensor, "batch channel *space"], sigma_voxels: float
) -> Float[Tensor, "batch channel *space"]:
    r"""Convolve every component with a Gaussian, an axis at a time.

    .. math:: (G_\sigma * u)(x) = \sum_k g_\sigma(k)\, u(x - k), \quad \sum_k g_\sigma(k) = 1

    Beyond its edge a field is taken to be what it is there, so that a constant stays one.

    Args:
        field: Field or image.
        sigma_voxels: Standard deviation; with zero the field is returned as it is.

    Raises:
        InputError: If ``sigma_voxels`` is negative.
    """
    if sigma_voxels < 0:
        raise InputError(f"sigma_voxels is {sigma_voxels}, but must not be negative")
    if sigma_voxels == 0:
        return field
    return along_axes(field, [_matrix(size, sigma_voxels, field) for size in field.shape[2:]])


def _matrix(size: int, sigma: float, like: Tensor) -> Float[Tensor, "size size"]:
    """The filter along one axis: what would fall beyond an edge is given to the voxel there."""
    reach = math.ceil(_REACH * sigma)
    offsets = torch.arange(-reach, reach + 1, dtype=like.dtype, device=like.device)
    kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    voxels = torch.arange(size, device=like.device)
    read = (voxels[:, None] + offsets.long()).clamp(0, size - 1)
    return like.new_zeros(size, size).scatter_add_(1, read, kernel.expand(size, -1))
