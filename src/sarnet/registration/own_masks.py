"""The network's own masks of a pair, where it knows what it sees (method, section 5)."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.networks import otsu_level, soft_mask
from sarnet.registration.network_pair import NetworkPair
from sarnet.registration.plane_fields import PlaneFields

_TEMPERATURE = 0.05
"""Softness of the masks' edge, in the fused map's unit: enough of a slope to pull by."""

_LEAST_SEPARATED = 0.76
"""Share of a fused map's variance that lies between its two classes: an image of another kind falls apart less well."""

_SHARES = (0.1, 0.34)
"""Lungs cover so much of a chest X-ray; of brains and hearts the network marks more."""


def with_own_masks(pair: NetworkPair, fields: PlaneFields, *, weight: float) -> NetworkPair | None:
    """Return the pair with the masks that the network cuts out of its own feature maps as regions that shall meet.

    Args:
        pair: A slice.
        fields: What the network says of it, unmagnified.
        weight: What the masks count beside the similarity of the images.

    Returns:
        Nothing where the images are not of the kind that the network was trained on, as far as the masks tell: they
        must fall apart into two classes and cover what lungs do. Nothing, too, for a volume or weights without masks.
    """
    if len(fields.features) > 1 or not fields.generator.settings.segments:
        return None
    (features,) = fields.features.values()
    with torch.no_grad():
        # the far edges were held on to a size that the network takes
        fused = [each[..., : fields.space[0], : fields.space[1]] for each in fields.generator.fused_maps(features)]
        if not all(_is_known(each) for each in fused):
            return None
        fixed, moving = (soft_mask(each, temperature=_TEMPERATURE) for each in fused)
    if pair.fixed_regions is not None and pair.moving_regions is not None:  # what the user says counts as it is
        return pair
    return replace(pair, fixed_regions=fixed, moving_regions=moving, region_weight=weight)


def _is_known(fused: Float[Tensor, "1 1 y x"]) -> bool:
    level = otsu_level(fused).view(())
    marked = fused > level
    share = float(marked.float().mean())
    if not _SHARES[0] <= share <= _SHARES[1]:
        return False
    between = share * (1 - share) * float(fused[marked].mean() - fused[~marked].mean()) ** 2
    return between >= _LEAST_SEPARATED * float(fused.var(unbiased=False))
