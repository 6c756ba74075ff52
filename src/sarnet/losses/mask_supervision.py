"""How well the generator's masks agree with manual ones."""

from jaxtyping import Float
from torch import Tensor

from sarnet.losses.arithmetic import check_one_shape
from sarnet.losses.soft_dice import soft_dice


def mask_supervision(
    predicted: Float[Tensor, "batch channel *space"], manual: Float[Tensor, "batch channel *space"]
) -> Float[Tensor, ""]:
    r"""Return one minus the overlap of a predicted and a manual mask (the paper's section 2.1).

    .. math:: 1 - \mathrm{DM}(M_{predicted}, M_{manual})

    In [0, 1); zero for equal masks, two empty ones among them. DM is :func:`sarnet.losses.soft_dice.soft_dice`.

    Args:
        predicted: The generator's soft masks, in [0, 1], a structure a channel.
        manual: The masks they should be.

    Raises:
        ShapeError: If the shapes differ.
    """
    check_one_shape(predicted=predicted, manual=manual)
    return (1 - soft_dice(predicted, manual)).mean()
