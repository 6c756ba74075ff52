"""Half fields: from a place between two images to either of them."""

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.errors import ShapeError
from sarnet.fields.compose import compose
from sarnet.fields.invert import invert
from sarnet.fields.unfold import unfold
from sarnet.fields.warp import check_field


def joined(halves: Float[Tensor, "2 axis *space"]) -> Float[Tensor, "1 axis *space"]:
    r"""Return the field that two half fields come to: back from the fixed image, then on to the moving one.

    .. math:: x + u(x) = \varphi_m(\varphi_f^{-1}(x)), \quad \varphi(y) = y + v(y)

    Args:
        halves: To the fixed and to the moving image, in voxels. Exchanged they come to the inverse.

    Returns:
        The field; that to the moving image as it is, to the bit, where the other one is zero.

    Raises:
        ShapeError: If ``halves`` is not a field.
    """
    check_field(halves, name="halves")
    if len(halves) != 2:
        raise ShapeError(f"halves has a batch of {len(halves)}, but must be two fields: to either image")
    to_fixed, to_moving = halves.chunk(2)
    if not to_fixed.any():
        return to_moving
    return compose(invert(to_fixed, iterations=10, tolerance_voxels=0.01).displacement, to_moving)


def one_sided(displacement: Float[Tensor, "1 axis *space"]) -> Float[Tensor, "2 axis *space"]:
    """Return the halves of a field that lies where the fixed image does: it moves the moving image alone."""
    return torch.cat([torch.zeros_like(displacement), displacement])


def unfolded(halves: Float[Tensor, "2 axis *space"]) -> Float[Tensor, "2 axis *space"]:
    """Return halves of a field without folds, as :func:`unfold` takes them out; one-sided.

    Of each half first, for what folds has no inverse; then of what they come to, which may fold anew between voxels.
    """
    return one_sided(unfold(joined(unfold(halves))))
