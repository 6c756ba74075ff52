"""Comparing two images' feature maps, place by place."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def local_correlation(
    fixed: Float[Tensor, "batch channel y x"],
    moving: Float[Tensor, "batch channel y x"],
    *,
    radius: int,
) -> Float[Tensor, "batch offset y x"]:
    r"""Correlate each place of ``fixed`` with the places of ``moving`` around it.

    .. math:: c_o(x) = \langle \hat f(x), \hat m(x + o) \rangle, \quad |o|_\infty \le radius

    Features are normalised to unit length first, so that contrast does not count; beyond the edge the outermost place
    holds.

    Args:
        fixed: Features of the fixed image.
        moving: Features of the moving image.
        radius: Half width of the window, in places.

    Returns:
        ``(2 radius + 1)^2`` maps in [-1, 1], offsets in row-major order.

    References:
        Dosovitskiy et al., FlowNet, ICCV 2015, eq. 1. https://arxiv.org/abs/1504.06852
    """
    fixed, moving = F.normalize(fixed, dim=1), F.normalize(moving, dim=1)
    height, width = fixed.shape[2:]
    window = 2 * radius + 1
    padded = F.pad(moving, [radius] * 4, mode="replicate")
    # every place of a row against every place of the row dy below: one matrix product, of which a band is wanted
    rows = padded.unfold(2, height, 1).permute(0, 2, 4, 1, 3)  # (batch, dy, y, channel, width + 2 radius)
    product = fixed.permute(0, 2, 3, 1)[:, None] @ rows  # (batch, dy, y, x, width + 2 radius)
    # the band x' = x + dx stands upright once each row begins one place later than the row before
    skewed = F.pad(product.flatten(-2), [0, width]).reshape(*product.shape[:-1], width + window)
    return skewed[..., :window].permute(0, 1, 4, 2, 3).flatten(1, 2)
