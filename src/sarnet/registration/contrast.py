"""How the intensities of two images go together."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from scipy import ndimage, optimize

_BINS = 32

_SMOOTHING_BINS = 1.0
"""Standard deviation: what neighbouring intensities become is alike."""

_LEAST_VOXELS = 2
"""In a bin, for its mean to be trusted; fewer where all bins are sparse."""

_FEWEST = 1e-6
"""A bin's voxels at the least: weights must be positive."""


class Contrast(NamedTuple):
    """What one image's intensities say of the other's, place by place."""

    correlation: float
    """Pearson's, -1 to 1."""
    monotone: float
    """Share of the fixed image's variance that the best rising or falling map of the moving image's intensities
    explains."""
    any_map: float
    """The same of the best map of any shape: the correlation ratio."""
    as_fixed: Float[np.ndarray, "*space"]
    """The moving image with each intensity replaced by the fixed image's mean where it occurs."""


def contrast(
    fixed: Float[np.ndarray, "*space"], moving: Float[np.ndarray, "*space"], counted: Bool[np.ndarray, "*space"]
) -> Contrast:
    r"""Compare two images that roughly lie on each other.

    .. math:: \hat m = E[F \mid M = m], \qquad \eta^2 = \frac{\mathrm{var}(\hat M)}{\mathrm{var}(F)}

    Args:
        fixed: Fixed image in [0, 1].
        moving: Moving image in [0, 1], on the same grid.
        counted: Where to look.

    Returns:
        Equal shares mean that brighter is brighter (or darker) throughout; a larger ``any_map`` that the two are of
        other contrasts.

    References:
        Roche et al., The correlation ratio as a new similarity measure for multimodal image registration, MICCAI 1998.
        https://doi.org/10.1007/BFb0056301
    """
    f, m = fixed[counted].astype(np.float64), moving[counted].astype(np.float64)
    if len(f) < _LEAST_VOXELS or f.std() == 0 or m.std() == 0:
        return Contrast(0.0, 0.0, 0.0, moving)
    means, counts = _conditional_means(f, m)
    rising, falling = (optimize.isotonic_regression(means, weights=counts, increasing=up).x for up in (True, False))
    variance = f.var() * counts.sum()
    shares = [float((counts * (each - f.mean()) ** 2).sum() / variance) for each in (rising, falling, means)]
    return Contrast(
        correlation=float(np.corrcoef(f, m)[0, 1]),
        monotone=max(shares[:2]),
        any_map=shares[2],
        as_fixed=np.interp(moving, np.linspace(0, 1, _BINS), means).astype(moving.dtype),
    )


def _conditional_means(fixed: np.ndarray, moving: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the fixed image in each bin of the moving one, smoothed over them, and the voxels in it."""
    place = moving.clip(0, 1) * (_BINS - 1)
    lower = np.floor(place).astype(int).clip(0, _BINS - 2)
    upper_share = place - lower
    count, total = np.zeros(_BINS), np.zeros(_BINS)
    for step, share in ((0, 1 - upper_share), (1, upper_share)):  # a voxel is shared between the two nearest bins
        count += np.bincount(lower + step, share, _BINS)
        total += np.bincount(lower + step, share * fixed, _BINS)
    count, total = (ndimage.gaussian_filter1d(each, _SMOOTHING_BINS, mode="constant") for each in (count, total))
    # where nothing is, what is next to it holds
    known = count > min(_LEAST_VOXELS, count.max() / 2)
    means = np.interp(np.arange(_BINS), np.flatnonzero(known), total[known] / count[known])
    return means, np.maximum(count, _FEWEST)
