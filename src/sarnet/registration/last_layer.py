"""The generator's last layer, in coordinates that suit an optimiser."""

from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from scipy.fft import next_fast_len
from torch import Tensor
from torch.nn import functional as F

from sarnet.networks import Features, Generator

_SLOPE_WEIGHT = 2.0
"""What a control value's slope counts beside its size, when the length of a step is measured."""

_RIDGE = 1e-3
"""Share of the diagonal that is added to it, so that nearly identical maps do not make it singular."""

_TAP_RIDGE = 1e-2
"""The same among the taps of one map: neighbours of a smooth map say nearly the same."""

_SILENT = 1e-8
"""Added to the diagonal for maps that are zero everywhere."""


class LayerWeights(NamedTuple):
    """What the last layer holds."""

    weight: Float[Tensor, "axis channel y x"]
    bias: Float[Tensor, " axis"]
    earlier: Float[Tensor, "axis earlier y x"]
    """Weights on the maps of the earlier blocks; as trained they are zero."""


class LastLayer:
    r"""All fields that the last layer can make of one pair's features, and how to move among them.

    The field is linear in the layer's weights ``W``: its control values are ``base + W * m`` with the maps ``m``, a
    kernel for each. The maps say much the same and differ a hundredfold in scale, so that a step in ``W`` means little.
    A step is to be as long as the field ``v`` it makes, size and slope together,

    .. math:: |v|^2 = \tfrac{1}{N} \sum_x v\, (1 + \alpha \nabla^T \nabla)\, v

    So the maps are mixed to ``z = L^{-1} m``, each of length one and at right angles to the others, by the Cholesky
    factor ``L`` of their products in that sense; and of each ``z`` the copies that the taps of its kernel shift are
    mixed likewise, by a factor of their own. A step's coordinates are those in the mixtures. Their length is nearly
    that of the field: shifted copies of two different ``z`` are taken to be at right angles, too, and beyond the edge a
    shifted copy counts as zero. It is the same layer with the same set of fields; an optimiser merely needs a dozen
    steps where it would need hundreds.
    """

    def __init__(self, generator: Generator, features: Features, *, reads: Literal["last", "all"]) -> None:
        """Mix the features of one pair.

        Args:
            generator: Whose last layer it is.
            features: What its trunk says of the pair: of a slice, or of all slices of a volume, which share the layer.
            reads: ``"last"``: the layer as trained. ``"all"``: it also reads the maps of the blocks before the last, by
                kernels that start at zero, and spans a richer space of fields.
        """
        last = features.maps.float()
        maps = torch.cat([last, *(each.float() for each in features.earlier)], dim=1) if reads == "all" else last
        kernel = generator.last.weight.shape[2:]
        self._start_controls = generator.controls(features).detach()
        self._start = LayerWeights(
            generator.last.weight.detach(),
            _bias(generator),
            last.new_zeros(len(_bias(generator)), maps.shape[1] - last.shape[1], *kernel),
        )
        self._factor = torch.linalg.cholesky(_metric(maps.transpose(0, 1)))
        # (mixture, place); a triangular solution takes twice the time of the product
        self._mixed = torch.linalg.inv(self._factor) @ maps.transpose(0, 1).flatten(1)
        self._places = (len(maps), *maps.shape[2:])  # slice, y, x
        of_taps = _metric_of_taps(self._mixed.view(-1, *self._places), (kernel[0], kernel[1]))
        self._to_taps = torch.linalg.inv(torch.linalg.cholesky(of_taps))  # (mixture, coordinate, tap)

    @property
    def device(self) -> torch.device:
        """Where its fields are computed."""
        device: torch.device = self._mixed.device
        return device

    @property
    def coordinates(self) -> tuple[int, int]:
        """Shape of the coordinates: an axis of the field; the taps of every mixture, and the bias."""
        return len(self._start.bias), self._to_taps[..., 0].numel() + 1

    def controls(self, coordinates: Float[Tensor, "axis coordinate"]) -> Float[Tensor, "slice axis y x"]:
        """Return the control values of the field; zero coordinates are the layer as trained."""
        kernel, bias = self._step(coordinates)
        axes, _, *width = kernel.shape
        # a convolution to as few as two maps is three times as quick by a product of matrices, tap by tap
        by_tap = kernel.movedim(1, 3).flatten(0, 2) @ self._mixed
        slices = self._places[0]
        by_tap = by_tap.view(axes, -1, slices, by_tap.shape[1] // slices).movedim(2, 0)  # (slice, axis, tap, place)
        shifted = by_tap.flip(2).flatten(1, 2)  # fold adds where a tap points to, a convolution reads there
        change = F.fold(shifted, self._places[1:], tuple(width), padding=tuple(each // 2 for each in width))
        return self._start_controls + change + bias[:, None, None]

    def weights(self, coordinates: Float[Tensor, "axis coordinate"]) -> LayerWeights:
        """Return what the last layer would have to hold to make that field."""
        kernel, bias = self._step(coordinates)
        unmixed = torch.linalg.solve_triangular(self._factor.T, kernel.transpose(0, 1).flatten(1), upper=True)
        change = unmixed.view(kernel.transpose(0, 1).shape).transpose(0, 1)
        last = self._start.weight.shape[1]
        return LayerWeights(
            self._start.weight + change[:, :last], self._start.bias + bias, self._start.earlier + change[:, last:]
        )

    def _step(self, coordinates: Tensor) -> tuple[Float[Tensor, "axis mixture y x"], Float[Tensor, " axis"]]:
        """What is added to the kernels of the mixtures, and to the bias."""
        mixtures, taps = self._to_taps.shape[:2]
        of_mixtures = coordinates[:, :-1].view(-1, mixtures, taps).transpose(0, 1) @ self._to_taps
        height, width = self._start.weight.shape[2:]
        return of_mixtures.transpose(0, 1).reshape(-1, mixtures, height, width), coordinates[:, -1]


def _metric(maps: Float[Tensor, "channel slice y x"]) -> Float[Tensor, "channel channel"]:
    """``m (1 + alpha nabla^T nabla) m^T / N``: one product of matrices gives size and slope together."""
    acted = maps.clone()
    for axis in (2, 3):  # within a slice
        slope = _SLOPE_WEIGHT * torch.diff(maps, dim=axis)
        # the transpose of a difference: what leaves one place arrives at the next
        acted.narrow(axis, 0, maps.shape[axis] - 1).sub_(slope)
        acted.narrow(axis, 1, maps.shape[axis] - 1).add_(slope)
    metric: Tensor = acted.flatten(1) @ maps.flatten(1).T
    metric = (metric + metric.T) / (2 * maps[0].numel())  # symmetric but for rounding
    return metric + torch.diag(_RIDGE * metric.diagonal() + _SILENT)


def _metric_of_taps(
    maps: Float[Tensor, "channel slice y x"], kernel: tuple[int, int]
) -> Float[Tensor, "channel tap tap"]:
    """The same among the shifted copies of each map by itself: what it has in common with itself so far away."""
    # so many zeros that nothing comes round the edge
    space = [next_fast_len(size + width, real=True) for size, width in zip(maps.shape[2:], kernel, strict=True)]
    rows, columns = torch.fft.fftfreq(space[0])[:, None], torch.fft.rfftfreq(space[1])[None]
    slope = 4 - 2 * torch.cos(2 * torch.pi * rows) - 2 * torch.cos(2 * torch.pi * columns)
    power = torch.fft.rfft2(maps, s=space).abs().square().sum(dim=1) * (1 + _SLOPE_WEIGHT * slope.to(maps.device))
    common = torch.fft.irfft2(power, s=space) / maps[0].numel()
    taps = torch.cartesian_prod(*(torch.arange(width, device=maps.device) for width in kernel))
    down, right = (taps[None] - taps[:, None]).unbind(-1)
    metric: Tensor = common[:, down, right]  # negative distances count from the end, as the transform has them
    return metric + torch.diag_embed(_TAP_RIDGE * metric.diagonal(dim1=1, dim2=2) + _SILENT)


def _bias(generator: Generator) -> Tensor:
    assert generator.last.bias is not None
    return generator.last.bias.detach()
