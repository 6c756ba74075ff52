"""Local normalised cross-correlation."""

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.fields import box_sum
from sarnet.losses.arithmetic import check_one_shape, full_precision, mean_by_image


def lncc(
    fixed: Float[Tensor, "batch 1 *space"],
    warped: Float[Tensor, "batch 1 *space"],
    *,
    window: int = 9,
    weight: Float[Tensor, "batch 1 *space"] | None = None,
) -> Float[Tensor, ""]:
    r"""Return one minus the squared correlation of two images, taken in a window around each voxel.

    .. math:: 1 - \frac{\sum_x w(x)\, \mathrm{cov}(f, m)^2 / (\mathrm{var}(f)\,\mathrm{var}(m))}{\sum_x w(x)}

    In [0, 1]; zero where the two are locally linear in each other, rising or falling: contrast does not count. A
    window in which an image is constant has no correlation and counts as one.

    Args:
        fixed: Fixed image, intensities of about one.
        warped: Warped moving image, the same.
        window: Width of the window in voxels, odd.
        weight: Weight of every voxel, zero or more; all the same where it is left out. An image in which nothing
            weighs anything counts as one.

    Raises:
        ShapeError: If the shapes differ.
        InputError: If ``window`` is even or not positive.

    Notes:
        A box filter, edges counted by what lies inside of the image. The variance floor of 1e-4 is a noise of one
        hundredth of the intensity range: below it a window counts less and less.

    References:
        Avants et al., Symmetric diffeomorphic image registration with cross-correlation, MedIA 2008, eq. 5.
        https://doi.org/10.1016/j.media.2007.06.004
    """
    check_one_shape(fixed=fixed, warped=warped, weight=weight)
    correlation = squared_correlation(fixed, warped, window=window)
    return (1 - mean_by_image(correlation, weight)).mean()


_VARIANCE_FLOOR = 1e-4


def squared_correlation(
    fixed: Float[Tensor, "batch 1 *space"], warped: Float[Tensor, "batch 1 *space"], *, window: int
) -> Float[Tensor, "batch 1 *space"]:
    """Return the squared correlation of two images around each voxel: what :func:`lncc` takes the mean of.

    Args:
        fixed: Fixed image, intensities of about one.
        warped: Warped moving image, the same.
        window: Width of the window in voxels, odd.

    Raises:
        ShapeError: If the shapes differ.
        InputError: If ``window`` is even or not positive.
    """
    check_one_shape(fixed=fixed, warped=warped)
    fixed, warped = full_precision(fixed), full_precision(warped)
    # one filter for all five moments: (batch, 5, *space)
    moments = torch.cat([fixed, warped, fixed * fixed, warped * warped, fixed * warped], dim=1)
    moments = box_sum(moments, window=window) / box_sum(torch.ones_like(moments[:1, :1]), window=window)
    mean_f, mean_w, square_f, square_w, product = moments.chunk(5, dim=1)
    covariance = product - mean_f * mean_w
    variance_f = (square_f - mean_f**2).clamp_min(0) + _VARIANCE_FLOOR
    variance_w = (square_w - mean_w**2).clamp_min(0) + _VARIANCE_FLOOR
    return covariance**2 / (variance_f * variance_w)
