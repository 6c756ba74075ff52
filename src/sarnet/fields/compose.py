"""One displacement field after another."""

from jaxtyping import Float
from torch import Tensor

from sarnet.errors import ShapeError
from sarnet.fields.warp import check_acts_on, check_field, warp


def compose(
    first: Float[Tensor, "batch axis *space"],
    second: Float[Tensor, "batch axis *grid"],
) -> Float[Tensor, "batch axis *space"]:
    r"""Return the field of a point that passes ``first``, then ``second``.

    .. math:: u(x) = u_1(x) + u_2(x + u_1(x))

    An image warped by ``second`` and the result warped by ``first`` equals the image warped by the composition, up to
    interpolation: images are acted on in the other order than points.

    Args:
        first: Field in voxels, on the grid of the result.
        second: Field in voxels, read where ``first`` leads; beyond its edge its outermost vectors hold.

    Returns:
        The composition, on the grid of ``first``.

    Raises:
        ShapeError: If the two have different numbers of components or batches.
    """
    if first.ndim != second.ndim or first.shape[1] != second.shape[1]:
        raise ShapeError(
            f"second has shape {tuple(second.shape)}, but first {tuple(first.shape)} has another number of axes"
        )
    check_field(second, name="second")
    check_acts_on(first, second, name="first", image_name="second")
    return first + warp(second, first)
