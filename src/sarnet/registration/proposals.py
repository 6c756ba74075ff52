"""Two proposals for a pair's field, fused place by place."""

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.config import ProposalSettings
from sarnet.fields import gaussian, warp
from sarnet.losses import squared_correlation
from sarnet.registration.network_pair import NetworkPair

Field = Float[Tensor, "1 axis *space"]
Fields = tuple[Field, Field]
"""There and back."""


def fuse(first: Field, second: Field, pair: NetworkPair, *, settings: ProposalSettings) -> Field:
    r"""Return, place by place, the field under which the images agree better.

    .. math:: u(x) = G_\sigma * \left((1 - w(x))\, u_1(x) + w(x)\, u_2(x)\right), \quad
        w(x) = \frac{1}{1 + \exp\left(-(c_2(x) - c_1(x)) / \tau\right)}

    with ``c`` the squared correlation of the images in a window around ``x``, smoothed, zero where the images do not
    count. Where nothing tells between the two it is their mean.

    Args:
        first: In voxels of the pair's grid.
        second: The same.
        pair: The images.
        settings: Window, temperature ``tau``, and smoothing.

    References:
        Lempitsky, Roth & Rother, FusionFlow: discrete-continuous optimization for optical flow estimation, CVPR 2008.
        https://doi.org/10.1109/CVPR.2008.4587751
    """
    better = _agreement(second, pair, settings) - _agreement(first, pair, settings)
    share = torch.sigmoid(better / settings.temperature)
    return gaussian(first + share * (second - first), settings.field_voxels)


def fuse_both_ways(found: Fields, placed: Fields, pair: NetworkPair, *, settings: ProposalSettings) -> Fields:
    """Return what the network found, but where the images agree better as they were placed.

    What was found stays where the images as they were placed agree much less than undeformed, for chance would choose;
    and where nothing is gained by fusing, for it also smooths.

    Args:
        found: The network's fields there and back, in voxels of the pair's grid.
        placed: Those that leave the images where they came from.
        pair: The images, for the way there.
        settings: How, and what is plausible.
    """
    pairs = pair, pair.exchanged()

    def agreement(fields: Fields) -> float:
        maps = (_agreement(field, each, settings) for field, each in zip(fields, pairs, strict=True))
        return float(sum(each.sum() for each in maps))

    undeformed = torch.zeros_like(found[0]), torch.zeros_like(found[1])
    if agreement(placed) < settings.plausible_share * agreement(undeformed):
        return found
    there, back = (fuse(*each, settings=settings) for each in zip(found, placed, pairs, strict=True))
    return (there, back) if agreement((there, back)) > agreement(found) else found


def _agreement(proposal: Tensor, pair: NetworkPair, settings: ProposalSettings) -> Float[Tensor, "1 1 *space"]:
    correlation = squared_correlation(pair.fixed, warp(pair.moving, proposal), window=settings.window_voxels)
    return gaussian(pair.weight * correlation, settings.agreement_voxels)
