"""Smoothing a field."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.errors import InputError

_REACH = 3
"""Standard deviations after which the kernel ends."""

_CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


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
    reach = math.ceil(_REACH * sigma_voxels)
    offsets = torch.arange(-reach, reach + 1, dtype=field.dtype, device=field.device)
    kernel = torch.exp(-(offsets**2) / (2 * sigma_voxels**2))
    kernel = kernel / kernel.sum()
    axes = field.ndim - 2
    convolve = _CONVOLUTIONS[axes]
    channels = field.shape[1]
    for axis in range(axes):
        shape = [len(kernel) if other == axis else 1 for other in range(axes)]
        edges = [reach if other == axis else 0 for other in reversed(range(axes)) for _ in range(2)]
        padded = F.pad(field, edges, mode="replicate")
        field = convolve(padded, kernel.view(1, 1, *shape).expand(channels, 1, *shape), groups=channels)
    return field
