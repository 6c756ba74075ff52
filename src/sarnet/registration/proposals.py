"""Proposals for a pair's field, fused place by place."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.config import ProposalSettings
from sarnet.fields import gaussian, warp
from sarnet.losses import squared_correlation
from sarnet.registration.network_pair import NetworkPair

Field = Float[Tensor, "1 axis *space"]


def fuse(proposals: Sequence[Field], pair: NetworkPair, *, settings: ProposalSettings) -> Field:
    r"""Return the field that holds at every place what makes the images most alike there.

    .. math:: u(x) = G_\sigma * \sum_k w_k(x)\, u_k(x), \quad
        w_k(x) \propto \exp\left(c_k(x) / \tau\right)

    with ``c_k`` the squared correlation of the images in a window around ``x`` under the proposal ``u_k``, smoothed.

    Args:
        proposals: In voxels of the pair's grid.
        pair: The images.
        settings: Window, temperature ``tau``, and smoothing.

    References:
        Lempitsky, Roth & Rother, FusionFlow: discrete-continuous optimization for optical flow estimation, CVPR 2008.
        https://doi.org/10.1109/CVPR.2008.4587751
    """
    agreements = torch.stack([_agreement(each, pair, settings) for each in proposals])
    weights = torch.softmax(agreements / settings.temperature, dim=0)
    return gaussian((weights * torch.stack(list(proposals))).sum(dim=0), settings.field_voxels)


def agreement(proposal: Field, pair: NetworkPair, *, settings: ProposalSettings) -> float:
    """Return the mean of the squared correlation that :func:`fuse` chooses by, where the images count.

    Args:
        proposal: In voxels of the pair's grid.
        pair: The images.
        settings: Window and smoothing.
    """
    return float((pair.weight * _agreement(proposal, pair, settings)).sum() / pair.weight.sum())


def _agreement(proposal: Tensor, pair: NetworkPair, settings: ProposalSettings) -> Float[Tensor, "1 1 *space"]:
    warped = warp(pair.moving, proposal)
    correlation = squared_correlation(pair.fixed, warped, window=settings.window_voxels)
    return gaussian(correlation, settings.agreement_voxels)
