"""The generator's last layer, in coordinates that suit an optimiser."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.networks import Features, Generator

_SLOPE_WEIGHT = 10.0
"""What a control value's slope counts beside its size, when the length of a step is measured."""

_RIDGE = 1e-3
"""Share of the mean diagonal that is added to it: maps that say the same are told apart no further than this."""


class LayerWeights(NamedTuple):
    """What the last convolution holds."""

    weight: Float[Tensor, "axis channel y x"]
    bias: Float[Tensor, " axis"]


class LastLayer:
    r"""All fields that the last layer can make of one pair's features, and how to move among them.

    The field is linear in the layer's weights ``W``: its control values are ``base + W Phi`` with the unfolded feature
    maps ``Phi`` (a row for each map and each tap of the kernel, one for the bias). The maps overlap and differ a
    hundredfold in scale, so that a step in ``W`` means little. Here a step is measured by the field it makes, its size
    and its slope together,

    .. math:: |\Delta W|^2 = \tfrac{1}{N}\, \Delta W \left(\Phi \Phi^T
        + \alpha\, \nabla\Phi\, \nabla\Phi^T\right) \Delta W^T = |\Delta W L|^2

    with the Cholesky factor ``L``: the coordinates are ``c = \Delta W L``, the basis is ``L^{-1} Phi``. It is the same
    layer and the same set of fields; an optimiser merely needs a handful of steps where it would need hundreds.
    """

    def __init__(self, generator: Generator, features: Features) -> None:
        """Factor the features of one pair (a batch of one)."""
        maps = features.maps.float()
        self._grid = maps.shape[2:]
        self._kernel = generator.last.weight.shape
        self._start = LayerWeights(generator.last.weight.detach(), _bias(generator))
        self._start_controls = generator.controls(features).detach()
        kernel = self._kernel[-1]
        taps = F.unfold(maps, kernel, padding=kernel // 2)[0]  # (channel * y * x taps, places)
        phi = torch.cat([taps, taps.new_ones(1, taps.shape[1])])
        self._factor = torch.linalg.cholesky(_metric(phi.view(-1, *self._grid)))
        self._basis = torch.linalg.solve_triangular(self._factor, phi, upper=False)

    @property
    def coordinates(self) -> tuple[int, int]:
        """Shape of the coordinates: an axis of the field, a member of the basis."""
        return self._kernel[0], self._basis.shape[0]

    def controls(self, coordinates: Float[Tensor, "axis member"]) -> Float[Tensor, "1 axis y x"]:
        """Return the control values of the field; zero coordinates are the layer as trained."""
        change: Tensor = coordinates @ self._basis
        return self._start_controls + change.view(1, -1, *self._grid)

    def weights(self, coordinates: Float[Tensor, "axis member"]) -> LayerWeights:
        """Return what the last layer would have to hold to make that field."""
        change = torch.linalg.solve_triangular(self._factor, coordinates, upper=False, left=False)
        weight = self._start.weight + change[:, :-1].reshape(self._kernel)
        return LayerWeights(weight, self._start.bias + change[:, -1])


def _metric(phi: Tensor) -> Tensor:
    """``Phi (Phi + alpha laplacian(Phi))^T``: one product of matrices gives size and slope together."""
    acted = phi.clone()
    for axis in (1, 2):
        slope = _SLOPE_WEIGHT * torch.diff(phi, dim=axis)
        # the transpose of a difference: what leaves one place arrives at the next
        acted.narrow(axis, 0, phi.shape[axis] - 1).sub_(slope)
        acted.narrow(axis, 1, phi.shape[axis] - 1).add_(slope)
    metric: Tensor = acted.flatten(1) @ phi.flatten(1).T
    metric = (metric + metric.T) / (2 * phi[0].numel())  # symmetric but for rounding
    return metric + _RIDGE * metric.diagonal().mean() * torch.eye(len(metric))


def _bias(generator: Generator) -> Tensor:
    assert generator.last.bias is not None
    return generator.last.bias.detach()
