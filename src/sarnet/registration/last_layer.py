"""The generator's last layer, in coordinates that suit an optimiser."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.networks import Features, Generator

_SLOPE_WEIGHT = 2.0
"""What a control value's slope counts beside its size, when the length of a step is measured."""

_RIDGE = 1e-3
"""Share of the diagonal that is added to it: maps that say the same are told apart no further than this."""

_SILENT = 1e-8
"""Added to the diagonal for maps that are zero everywhere."""


class LayerWeights(NamedTuple):
    """What the last layer holds."""

    weight: Float[Tensor, "axis channel y x"]
    bias: Float[Tensor, " axis"]
    earlier: Float[Tensor, "axis earlier"]
    """Weights on the maps of the earlier blocks, one tap each; as trained they are zero."""


class LastLayer:
    r"""All fields that the last layer can make of one pair's features, and how to move among them.

    The field is linear in the layer's weights ``W``: its control values are ``base + W Phi`` with the unfolded feature
    maps ``Phi`` (a row for each map and tap of the kernel, one for the bias, one for each map of the earlier blocks).
    The maps overlap and differ a hundredfold in scale, so that a step in ``W`` means little. Here a step is measured by
    the field it makes, its size and its slope together,

    .. math:: |\Delta W|^2 = \tfrac{1}{N}\, \Delta W \left(\Phi \Phi^T
        + \alpha\, \nabla\Phi\, \nabla\Phi^T\right) \Delta W^T = |\Delta W L|^2

    with the Cholesky factor ``L``: the coordinates are ``c = \Delta W L``. It is the same layer and the same set of
    fields; an optimiser merely needs a handful of steps where it would need hundreds.
    """

    def __init__(self, generator: Generator, features: Features, *, reads: Literal["last", "all"]) -> None:
        """Unfold the features of one pair and factor their metric.

        Args:
            generator: Whose last layer it is.
            features: What its trunk says of the pair: of a slice, or of all slices of a volume, which share the layer.
            reads: ``"last"``: the layer as trained. ``"all"``: it also reads the maps of the blocks before the last, by
                a tap each that starts at zero, and spans a richer space of fields.
        """
        maps = features.maps.float()
        self._places = (len(maps), *maps.shape[2:])
        self._kernel = generator.last.weight.shape
        self._start_controls = generator.controls(features).detach()
        earlier = [each.float().flatten(2) for each in features.earlier] if reads == "all" else []
        self._start = LayerWeights(
            generator.last.weight.detach(),
            _bias(generator),
            maps.new_zeros(self._kernel[0], sum(each.shape[1] for each in earlier)),
        )
        width = self._kernel[-1]
        taps = F.unfold(maps, width, padding=width // 2)  # (slice, channel * y * x taps, places)
        rows = torch.cat([taps, taps.new_ones(len(taps), 1, taps.shape[2]), *earlier], dim=1)
        self._phi = rows.transpose(0, 1).flatten(1)
        self._factor = torch.linalg.cholesky(_metric(self._phi.view(-1, *self._places)))

    @property
    def device(self) -> torch.device:
        """Where its fields are computed."""
        return self._phi.device

    @property
    def coordinates(self) -> tuple[int, int]:
        """Shape of the coordinates: an axis of the field, a row of ``Phi``."""
        return self._kernel[0], self._phi.shape[0]

    def controls(self, coordinates: Float[Tensor, "axis row"]) -> Float[Tensor, "slice axis y x"]:
        """Return the control values of the field; zero coordinates are the layer as trained."""
        change = self._step(coordinates) @ self._phi
        return self._start_controls + change.view(-1, *self._places).transpose(0, 1)

    def weights(self, coordinates: Float[Tensor, "axis row"]) -> LayerWeights:
        """Return what the last layer would have to hold to make that field."""
        parts = [self._start.weight[0].numel(), 1, self._start.earlier.shape[1]]
        taps, bias, earlier = torch.split(self._step(coordinates), parts, dim=1)
        return LayerWeights(
            self._start.weight + taps.reshape(self._kernel),
            self._start.bias + bias[:, 0],
            self._start.earlier + earlier,
        )

    def _step(self, coordinates: Tensor) -> Tensor:
        """Change of the layer's weights: ``c L^{-1}``."""
        step: Tensor = torch.linalg.solve_triangular(self._factor, coordinates, upper=False, left=False)
        return step


def _metric(phi: Tensor) -> Tensor:
    """``Phi (Phi + alpha laplacian(Phi))^T``: one product of matrices gives size and slope together."""
    acted = phi.clone()
    for axis in (2, 3):  # within a slice
        slope = _SLOPE_WEIGHT * torch.diff(phi, dim=axis)
        # the transpose of a difference: what leaves one place arrives at the next
        acted.narrow(axis, 0, phi.shape[axis] - 1).sub_(slope)
        acted.narrow(axis, 1, phi.shape[axis] - 1).add_(slope)
    metric: Tensor = acted.flatten(1) @ phi.flatten(1).T
    metric = (metric + metric.T) / (2 * phi[0].numel())  # symmetric but for rounding
    return metric + torch.diag(_RIDGE * metric.diagonal() + _SILENT)


def _bias(generator: Generator) -> Tensor:
    assert generator.last.bias is not None
    return generator.last.bias.detach()
