"""Dice's overlap of masks that have values between 0 and 1."""

from jaxtyping import Float
from torch import Tensor

from sarnet.losses.arithmetic import full_precision

_ONE_VOXEL = 1.0
"""Counted as common to both: the overlap of two empty masks is one, of any other pair above zero."""


def soft_dice(
    first: Float[Tensor, "batch channel *space"], second: Float[Tensor, "batch channel *space"]
) -> Float[Tensor, "batch channel"]:
    r"""Return the overlap of every mask.

    .. math:: \frac{2 \sum_x a(x)\, b(x) + 1}{\sum_x a(x)^2 + \sum_x b(x)^2 + 1}

    In (0, 1], and one for equal masks alone. With plain sums below the line, which for masks of 0 and 1 are the
    same, a soft mask would not overlap wholly with itself, and moving its edge to where it is hard would look like an
    improvement.

    Args:
        first: Soft masks in [0, 1], one a channel.
        second: The same structures in the other image.

    References:
        Milletari et al., V-Net: fully convolutional neural networks for volumetric medical image segmentation,
        3DV 2016, section 3. https://arxiv.org/abs/1606.04797
    """
    a, b = full_precision(first).flatten(2), full_precision(second).flatten(2)
    squares = a.square().sum(dim=2) + b.square().sum(dim=2)
    return (2 * (a * b).sum(dim=2) + _ONE_VOXEL) / (squares + _ONE_VOXEL)
