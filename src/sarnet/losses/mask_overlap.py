"""How well the masks of the two images lie on each other."""

from jaxtyping import Float
from torch import Tensor

from sarnet.losses.arithmetic import check_one_shape
from sarnet.losses.soft_dice import soft_dice


def mask_overlap(
    fixed_mask: Float[Tensor, "batch channel *space"], warped_mask: Float[Tensor, "batch channel *space"]
) -> Float[Tensor, ""]:
    r"""Return minus the logarithm of the masks' overlap (eq. 5).

    .. math:: -\log \mathrm{DM}(M_{fixed}, M_{moving} \circ (x + u(x)))

    Zero for equal masks, two empty ones among them, more the less they overlap; where they do not at all it is the
    logarithm of their size in voxels, not infinite. DM is :func:`sarnet.losses.soft_dice.soft_dice`.

    Args:
        fixed_mask: Mask of the fixed image, in [0, 1], a structure a channel.
        warped_mask: Mask of the moving image, resampled *linearly* through the field: read at the nearest voxel it has
            no slope, and this term does nothing.

    Raises:
        ShapeError: If the shapes differ.
    """
    check_one_shape(fixed_mask=fixed_mask, warped_mask=warped_mask)
    return -soft_dice(fixed_mask, warped_mask).log().mean()
