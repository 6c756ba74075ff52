"""Structural similarity."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.errors import ShapeError
from sarnet.losses.arithmetic import check_one_shape, full_precision, mean_by_image

_RADIUS, _SIGMA = 5, 1.5
"""Of the Gaussian window, in voxels."""

_C1, _C2 = 0.01**2, 0.03**2
"""What keeps the quotients finite, for intensities that range over one."""


def ssim(
    fixed: Float[Tensor, "batch 1 *space"],
    warped: Float[Tensor, "batch 1 *space"],
    *,
    weight: Float[Tensor, "batch 1 *space"] | None = None,
) -> Float[Tensor, ""]:
    r"""Return one minus the structural similarity (eq. 2), in a Gaussian window around each voxel.

    .. math:: 1 - \frac{\sum_x w(x)\, s(x)}{\sum_x w(x)}, \quad
        s = \frac{(2 \mu_f \mu_m + c_1)(2 \sigma_{fm} + c_2)}{(\mu_f^2 + \mu_m^2 + c_1)(\sigma_f^2 + \sigma_m^2 + c_2)}

    In [0, 2]; zero where the two are the same, one where they have nothing in common, more where one falls as the other
    rises. Only windows that lie wholly inside of the image count.

    Args:
        fixed: Fixed image, intensities in [0, 1], at least 11 voxels along each axis.
        warped: Warped moving image, the same.
        weight: Weight of every voxel, zero or more; all the same where it is left out. An image in which nothing
            weighs anything counts as one.

    Raises:
        ShapeError: If the shapes differ, or an axis is shorter than the window.

    References:
        Wang et al., Image quality assessment: from error visibility to structural similarity, IEEE TIP 13, 2004.
        https://doi.org/10.1109/TIP.2003.819861
    """
    check_one_shape(fixed=fixed, warped=warped, weight=weight)
    width = 2 * _RADIUS + 1
    if min(fixed.shape[2:]) < width:
        raise ShapeError(f"fixed has shape {tuple(fixed.shape)}, but the window needs {width} voxels along each axis")
    similarity = _similarity(full_precision(fixed), full_precision(warped))
    if weight is not None:
        weight = F.pad(weight, [-_RADIUS] * (2 * (fixed.ndim - 2)))  # those of the windows' centres
    return (1 - mean_by_image(similarity, weight)).mean()


def _similarity(fixed: Tensor, warped: Tensor) -> Tensor:
    """``s`` at the centre of each window."""
    moments = torch.cat([fixed, warped, fixed * fixed, warped * warped, fixed * warped], dim=1)
    mean_f, mean_w, square_f, square_w, product = _blurred(moments).chunk(5, dim=1)
    variance_f, variance_w = square_f - mean_f**2, square_w - mean_w**2
    covariance = product - mean_f * mean_w
    luminance = (2 * mean_f * mean_w + _C1) / (mean_f**2 + mean_w**2 + _C1)
    return luminance * (2 * covariance + _C2) / (variance_f + variance_w + _C2)


def _blurred(maps: Tensor) -> Tensor:
    """The Gaussian's mean in each window, an axis at a time."""
    distance = torch.arange(-_RADIUS, _RADIUS + 1, dtype=maps.dtype, device=maps.device)
    gaussian = torch.exp(-(distance**2) / (2 * _SIGMA**2))
    window = (gaussian / gaussian.sum()).view(1, 1, -1, 1)
    with torch.autocast(maps.device.type, enabled=False):
        for axis in range(2, maps.ndim):
            before, size, after = math.prod(maps.shape[1:axis]), maps.shape[axis], math.prod(maps.shape[axis + 1 :])
            # whatever the dimension, a depthwise convolution of (batch, before, size, after) along its third axis
            rows = maps.reshape(len(maps), before, size, after)
            rows = F.conv2d(rows, window.expand(before, -1, -1, -1), groups=before)
            maps = rows.reshape(*maps.shape[:axis], rows.shape[2], *maps.shape[axis + 1 :])
    return maps
