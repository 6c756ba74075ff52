"""Normalised mutual information of a joint histogram that can be differentiated."""

from jaxtyping import Float
from torch import Tensor

from sarnet.errors import InputError
from sarnet.losses.arithmetic import check_one_shape, full_precision

_SMALLEST_SHARE = 1e-12
"""Keeps the logarithm of an empty bin, and its slope, finite."""

_SMALLEST_ENTROPY = 1e-5
"""In nats. Two images of a single intensity know nothing of each other: their quotient becomes one."""


def nmi(
    fixed: Float[Tensor, "batch 1 *space"],
    warped: Float[Tensor, "batch 1 *space"],
    *,
    bins: int = 32,
    weight: Float[Tensor, "batch 1 *space"] | None = None,
) -> Float[Tensor, ""]:
    r"""Return two minus the normalised mutual information (eq. 2).

    .. math:: 2 - \frac{H(f) + H(m)}{H(f, m)}, \quad H(p) = -\sum_k p_k \log p_k

    In [0, 1]; zero where each image's intensity tells the other's, one where it says nothing of it. Which intensity
    belongs to which does not matter: it is the term for images of two contrasts.

    Args:
        fixed: Fixed image, intensities in [0, 1]; what lies beyond counts as 0 or 1.
        warped: Warped moving image, the same.
        bins: Bins of each image; the first stands at 0, the last at 1.
        weight: Weight of every voxel, zero or more; all the same where it is left out. An image in which nothing
            weighs anything counts as one.

    Raises:
        ShapeError: If the shapes differ.
        InputError: If there are fewer than two bins.

    Notes:
        The Parzen window is the linear B-spline: a voxel is shared between the two nearest bins. It is the narrowest
        window with a slope, so an image of as many grey levels as there are bins has exactly its plain histogram, and
        the four products a voxel need no table of voxels times bins: at 128^3 this takes a twentieth of the time of
        products of such tables. A smoother window would not make the cost smoother in the field, as images are
        interpolated linearly. On CUDA the sums' order, and with it their last bits, is not fixed.

    References:
        Studholme et al., An overlap invariant entropy measure of 3D medical image alignment, Pattern Recognition 32,
        1999. https://doi.org/10.1016/S0031-3203(98)00091-0
    """
    check_one_shape(fixed=fixed, warped=warped, weight=weight)
    if bins < 2:
        raise InputError(f"bins is {bins}, but must be at least 2")
    joint = _joint_histogram(full_precision(fixed), full_precision(warped), bins, weight)
    marginal = _entropy(joint.sum(dim=2)) + _entropy(joint.sum(dim=1))
    quotient = (marginal + _SMALLEST_ENTROPY) / (_entropy(joint.flatten(1)) + _SMALLEST_ENTROPY)
    return (2 - quotient).mean()


def _joint_histogram(fixed: Tensor, warped: Tensor, bins: int, weight: Tensor | None) -> Tensor:
    """Shares of the pairs of bins, (batch, bins of fixed, bins of warped)."""
    bin_f, upper_f = _shared(fixed, bins)
    bin_w, upper_w = _shared(warped, bins)
    corner = bin_f * bins + bin_w
    histogram = fixed.new_zeros(len(fixed), bins * bins)
    for step_f, part_f in enumerate((1 - upper_f, upper_f)):
        for step_w, part_w in enumerate((1 - upper_w, upper_w)):
            part = part_f * part_w
            if weight is not None:
                part = part * full_precision(weight).flatten(1)
            histogram = histogram.scatter_add(1, corner + (step_f * bins + step_w), part)
    total = histogram.sum(dim=1, keepdim=True)
    return (histogram / total.clamp_min(_SMALLEST_SHARE)).view(-1, bins, bins)


def _shared(image: Tensor, bins: int) -> tuple[Tensor, Tensor]:
    """The lower of the two bins that a voxel is shared between, and the share of the upper one; (batch, voxel)."""
    position = image.flatten(1).clamp(0, 1) * (bins - 1)
    lower = position.detach().floor().clamp_max(bins - 2)
    return lower.long(), position - lower


def _entropy(shares: Tensor) -> Tensor:
    """Of each row, in nats."""
    return -(shares * shares.clamp_min(_SMALLEST_SHARE).log()).sum(dim=1)
