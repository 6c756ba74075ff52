"""Two proposals for a pair's field, fused place by place."""

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.config import ProposalSettings
from sarnet.fields import gaussian, warp
from sarnet.losses import squared_correlation
from sarnet.registration.compared_pair import ComparedPair

Halves = Float[Tensor, "2 axis *space"]
"""From the pair's grid to the fixed and to the moving image, in voxels of it."""


def fuse(first: Halves, second: Halves, pair: ComparedPair, *, settings: ProposalSettings) -> Halves:
    r"""Return, place by place, the field under which the images agree better.

    .. math:: v(x) = G_\sigma * \left((1 - w(x))\, v_1(x) + w(x)\, v_2(x)\right), \quad
        w(x) = \frac{1}{1 + \exp\left(-(c_2(x) - c_1(x)) / \tau\right)}

    with ``c`` the squared correlation of the images in a window around ``x``, smoothed, zero where the images do not
    count. Where nothing tells between the two it is their mean.

    Args:
        first: Halves of a field.
        second: Those of the other.
        pair: The images.
        settings: Window, temperature ``tau``, and smoothing.

    References:
        Lempitsky, Roth & Rother, FusionFlow: discrete-continuous optimization for optical flow estimation, CVPR 2008.
        https://doi.org/10.1109/CVPR.2008.4587751
    """
    better = _agreement(second, pair, settings) - _agreement(first, pair, settings)
    share = torch.sigmoid(better / settings.temperature)
    return gaussian(first + share * (second - first), settings.field_voxels)


def fuse_if_plausible(found: Halves, placed: Halves, pair: ComparedPair, *, settings: ProposalSettings) -> Halves:
    """Return the network's field, but the placed images' where those agree better.

    The network's field is kept whole if the placed images agree much less than the affinely aligned ones, where chance
    would choose, or if fusing, which also smooths, does not raise the agreement.

    Args:
        found: Halves of the network's field.
        placed: Those that leave the images where they came from.
        pair: The images.
        settings: How, and what is plausible.
    """

    def agreement(halves: Halves) -> float:
        return float(_agreement(halves, pair, settings).sum())

    if agreement(placed) < settings.plausible_share * agreement(torch.zeros_like(found)):
        return found
    fused = fuse(found, placed, pair, settings=settings)
    return fused if agreement(fused) > agreement(found) else found


def _agreement(halves: Tensor, pair: ComparedPair, settings: ProposalSettings) -> Float[Tensor, "1 1 *space"]:
    fixed, moving = warp(torch.cat([pair.fixed, pair.moving]), halves).chunk(2)
    correlation = squared_correlation(fixed, moving, window=settings.window_voxels)
    return gaussian(pair.weight * correlation, settings.agreement_voxels)
