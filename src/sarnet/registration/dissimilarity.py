"""How unlike two images are: what the adaptation and the refinement lower alike."""

from jaxtyping import Float
from torch import Tensor

from sarnet.config import MeasuredSimilarity
from sarnet.losses import lncc, mask_overlap, nmi


def dissimilarity(
    fixed: Float[Tensor, "1 channel *space"],
    warped: Float[Tensor, "1 channel *space"],
    *,
    weight: Float[Tensor, "1 1 *space"],
    similarity: MeasuredSimilarity,
    window: int,
    region_weight: float,
) -> Float[Tensor, ""]:
    r"""Return the cost of two images and of the regions that belong together.

    .. math:: E = S(I_{fixed}, I_{warped}) - \beta\, \log \mathrm{DM}(R_{fixed}, R_{warped})

    with ``S`` one minus the local correlation, or two minus the normalised mutual information.

    Args:
        fixed: The fixed image, then its regions, soft masks in [0, 1], as further channels.
        warped: The same of the moving image.
        weight: Where the images count; regions count everywhere.
        similarity: How the images are compared.
        window: Width of the window of local correlation in voxels, odd.
        region_weight: :math:`\beta`.
    """
    images = fixed[:, :1], warped[:, :1]
    cost = nmi(*images, weight=weight) if similarity == "nmi" else lncc(*images, window=window, weight=weight)
    if fixed.shape[1] > 1:
        cost = cost + region_weight * mask_overlap(fixed[:, 1:], warped[:, 1:])
    return cost
