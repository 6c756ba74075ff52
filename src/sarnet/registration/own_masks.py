"""The network's own masks of a pair, cut out of its feature maps (method, section 5)."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from torch import Tensor

from sarnet.images import Grid, Image
from sarnet.networks import otsu_level, soft_mask
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.middle import Middle
from sarnet.registration.plane_fields import PlaneFields
from sarnet.transforms import apply, invert

_TEMPERATURE = 0.05
"""Softness of the masks' edge, in the fused map's unit: enough of a slope to pull by."""

_LEAST_SEPARATED = 0.76
"""Share of a fused map's variance that lies between its two classes: an image of another kind falls apart less well."""

_SHARES = (0.1, 0.34)
"""Lungs cover so much of a chest X-ray; of brains and hearts the network marks more."""


@dataclass(frozen=True, kw_only=True, eq=False)
class OwnMasks:
    """What the network marks of each image: 1 inside, 0 outside."""

    fixed: Image
    """On the grid of the fixed image."""
    moving: Image
    """On the grid of the moving image."""


def knows(fields: PlaneFields) -> bool:
    """Whether a slice's images are of the kind that the network was trained on, as far as its masks tell.

    Both must fall apart into two classes and cover what lungs do. Of volumes, and with weights without masks: no.
    """
    if len(fields.space) > 2 or fields.fused is None:
        return False
    return all(_is_known(each) for each in fields.fused)


def with_own_masks(pair: ComparedPair, fields: PlaneFields, *, weight: float) -> ComparedPair:
    """Return the pair with the network's masks, softly cut, as regions that shall meet.

    Args:
        pair: The images; regions that the user gave stay as they are.
        fields: What the network says of them; of weights without masks the pair comes back as it is.
        weight: What the masks count beside the similarity of the images.
    """
    if fields.fused is None or pair.fixed_regions is not None:
        return pair
    fixed, moving = (soft_mask(each, temperature=_TEMPERATURE) for each in fields.fused)
    return replace(pair, fixed_regions=fixed, moving_regions=moving, region_weight=weight)


def own_masks(fields: PlaneFields, middle: Middle, *, seen: Grid, fixed: Grid, moving: Grid) -> OwnMasks | None:
    """Return the network's masks, cut hard, each on the grid of its image; of weights without masks nothing.

    Args:
        fields: What the network says of the pair.
        middle: Where it saw the images.
        seen: Grid that it saw them on.
        fixed: Grid of the fixed image.
        moving: Grid of the moving image.
    """
    if fields.fused is None:
        return None
    of_fixed, of_moving = (Image(array=each[0, 0].cpu().numpy(), grid=seen) for each in fields.fused)
    levels = [float(otsu_level(each)) for each in fields.fused]
    from_moving = invert(middle.to_moving, moving).transform
    return OwnMasks(
        fixed=_cut(apply(middle.from_fixed, of_fixed, fixed, interpolation="linear", outside=0), levels[0]),
        moving=_cut(apply(from_moving, of_moving, moving, interpolation="linear", outside=0), levels[1]),
    )


def _cut(fused: Image, level: float) -> Image:
    return replace(fused, array=(fused.array > level).astype(np.uint8))


def _is_known(fused: Float[Tensor, "1 1 y x"]) -> bool:
    level = otsu_level(fused).view(())
    marked = fused > level
    share = float(marked.float().mean())
    if not _SHARES[0] <= share <= _SHARES[1]:
        return False
    between = share * (1 - share) * float(fused[marked].mean() - fused[~marked].mean()) ** 2
    return between >= _LEAST_SEPARATED * float(fused.var(unbiased=False))
