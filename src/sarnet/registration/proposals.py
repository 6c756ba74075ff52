"""Two proposals for a pair's field, fused place by place."""

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.config import ProposalSettings
from sarnet.fields import gaussian, warp
from sarnet.losses import squared_correlation
from sarnet.registration.network_pair import NetworkPair

Field = Float[Tensor, "1 axis *space"]


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


def agreement(proposal: Field, pair: NetworkPair, *, settings: ProposalSettings) -> float:
    """Return the mean of the squared correlation that :func:`fuse` chooses by, where the images count.

    Args:
        proposal: In voxels of the pair's grid.
        pair: The images.
        settings: Window and smoothing.
    """
    return float(_agreement(proposal, pair, settings).sum() / pair.weight.sum())


def _agreement(proposal: Tensor, pair: NetworkPair, settings: ProposalSettings) -> Float[Tensor, "1 1 *space"]:
    correlation = squared_correlation(pair.fixed, warp(pair.moving, proposal), window=settings.window_voxels)
    return gaussian(pair.weight * correlation, settings.agreement_voxels)
