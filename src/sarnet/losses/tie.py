"""The tie between the generator's own image and the one its field gives."""

from jaxtyping import Float
from torch import Tensor

from sarnet.losses.arithmetic import check_one_shape, full_precision


def tie(synthesized: Float[Tensor, "batch 1 *space"], warped: Float[Tensor, "batch 1 *space"]) -> Float[Tensor, ""]:
    r"""Return the mean difference of the synthesized and the warped image, a term of this project's own.

    .. math:: \frac{1}{N} \sum_x |I_{synthesized}(x) - I_{warped}(x)|

    Zero or more, in units of intensity. The generator sees the fixed image, so an image of its own that nothing ties
    to the field could copy it (method, section 3).

    Args:
        synthesized: The generator's own image.
        warped: The moving image, resampled through the generator's field.

    Raises:
        ShapeError: If the shapes differ.
    """
    check_one_shape(synthesized=synthesized, warped=warped)
    return (full_precision(synthesized) - full_precision(warped)).abs().mean()
