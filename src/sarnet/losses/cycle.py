"""What is left of an image that went there and back."""

from jaxtyping import Float
from torch import Tensor

from sarnet.losses.arithmetic import check_one_shape, full_precision, mean_by_image


def cycle(
    image: Float[Tensor, "batch 1 *space"],
    returned: Float[Tensor, "batch 1 *space"],
    *,
    weight: Float[Tensor, "batch 1 *space"] | None = None,
) -> Float[Tensor, ""]:
    r"""Return the mean difference of an image and what both generators make of it (one half of eq. 4).

    .. math:: \frac{\sum_x w(x)\, |F(G(I))(x) - I(x)|}{\sum_x w(x)}

    Zero or more, in units of intensity. With warps it is the inverse consistency of the two fields, as far as the
    image shows it.

    Args:
        image: The image.
        returned: The same after one field and then the other.
        weight: Weight of every voxel, zero or more; all the same where it is left out. An image in which nothing
            weighs anything counts as zero.

    Raises:
        ShapeError: If the shapes differ.

    References:
        Zhu et al., Unpaired image-to-image translation using cycle-consistent adversarial networks, ICCV 2017, eq. 2.
        https://arxiv.org/abs/1703.10593
    """
    check_one_shape(image=image, returned=returned, weight=weight)
    return mean_by_image((full_precision(returned) - full_precision(image)).abs(), weight).mean()
