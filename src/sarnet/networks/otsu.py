"""Otsu's threshold."""

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.errors import InputError


def otsu_level(image: Float[Tensor, "batch *space"], *, bins: int = 256) -> Float[Tensor, " batch"]:
    r"""Return the level that best separates each image's intensities into two classes.

    .. math:: t^* = \arg\max_t\; w_0(t)\, w_1(t)\, \left(\mu_0(t) - \mu_1(t)\right)^2

    with the shares :math:`w` and means :math:`\mu` of the voxels below and above ``t``.

    Args:
        image: Intensities of any unit; each image's histogram spans its own range.
        bins: Bins of the histogram.

    Returns:
        A level for each image: the middle of the last bin of the lower class. That of an image of one value is this
        value, that of one with NaN is NaN. No gradient passes.

    Raises:
        InputError: If ``bins`` is less than two.

    References:
        Otsu, A threshold selection method from gray-level histograms, IEEE Trans. SMC 9, 1979.
        https://doi.org/10.1109/TSMC.1979.4310076
    """
    if bins < 2:
        raise InputError(f"bins is {bins}, but two classes need two at least")
    return torch.stack([_level(single.detach().float().flatten(), bins) for single in image])


def _level(values: Tensor, bins: int) -> Tensor:
    low, high = values.aminmax()
    if not low < high:  # of one value, or with NaN
        return low
    # a bin is found by its number rather than by torch.histc, which has no version for every device
    index = ((values - low) / (high - low) * bins).long().clamp(max=bins - 1)
    count = torch.bincount(index, minlength=bins).double()
    centre = low + (torch.arange(bins, device=values.device, dtype=torch.float64) + 0.5) * (high - low) / bins
    below, mass = count.cumsum(0)[:-1], (count * centre).cumsum(0)
    above = count.sum() - below
    difference = mass[:-1] / below - (mass[-1] - mass[:-1]) / above
    return centre[(below * above * difference**2).argmax()].to(values.dtype)
