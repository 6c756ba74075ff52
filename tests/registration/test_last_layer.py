import copy

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, pad

from sarnet.config import GeneratorSettings
from sarnet.networks import Generator
from sarnet.registration import last_layer
from sarnet.registration.last_layer import LastLayer

SMALL = {"maps": 8, "blocks": 3, "encoder_blocks": 1, "matched_maps": 4, "radius": 1, "stride": 2}


@pytest.fixture(params=["matching", "residual"])
def generator(request: pytest.FixtureRequest) -> Generator:
    torch.manual_seed(4)
    made = Generator(GeneratorSettings(trunk=request.param, **SMALL)).eval().requires_grad_(False)
    for module in made.modules():  # a fresh network's blocks pass everything on as it is
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.normal_(module.weight, std=0.15)
    return made


@pytest.fixture(params=[1, 2])
def features(request: pytest.FixtureRequest, generator: Generator):
    """Of a slice, and of two that share the layer."""
    made = torch.Generator().manual_seed(7)
    images = torch.rand(2 * request.param, 1, 12, 14, generator=made)
    smooth = torch.nn.functional.interpolate(images, scale_factor=8, mode="bilinear")
    return generator.features(*smooth.chunk(2))


def _coordinates(layer: LastLayer) -> torch.Tensor:
    return torch.randn(layer.coordinates, generator=torch.Generator().manual_seed(1))


def _from_weights(layer: LastLayer, change: torch.Tensor) -> torch.Tensor:
    """Coordinates of a change of all weights, by what every coordinate alone does to them."""
    rows = []
    zero = _flat(layer, torch.zeros(layer.coordinates))
    for member in range(layer.coordinates[1]):
        unit = torch.zeros(layer.coordinates)
        unit[0, member] = 1
        rows.append((_flat(layer, unit) - zero)[0])
    return torch.linalg.solve(torch.stack(rows).double().T, change.double().T).T.float()


def _flat(layer: LastLayer, coordinates: torch.Tensor) -> torch.Tensor:
    weight, bias, earlier = layer.weights(coordinates)
    return torch.cat([weight.flatten(1), bias[:, None], earlier.flatten(1)], dim=1)


@pytest.mark.parametrize("reads", ["last", "all"])
def test_zero_is_the_layer_as_trained(reads, generator, features):
    layer = LastLayer(generator, features, reads=reads)
    zero = torch.zeros(layer.coordinates)

    assert torch.equal(layer.controls(zero), generator.controls(features))
    assert torch.equal(layer.weights(zero).weight, generator.last.weight)
    assert torch.equal(layer.weights(zero).bias, generator.last.bias)


def test_weights_in_a_copy_of_the_generator_make_the_same_field(generator, features):
    layer = LastLayer(generator, features, reads="last")
    coordinates = _coordinates(layer)
    other = copy.deepcopy(generator)

    weights = layer.weights(coordinates)
    other.last.weight.copy_(weights.weight)
    other.last.bias.copy_(weights.bias)

    wanted = layer.controls(coordinates)
    assert (wanted - generator.controls(features)).abs().max() > 0.1
    assert torch.allclose(other.controls(features), wanted, atol=2e-3 * float(wanted.abs().max()))


def test_weights_on_earlier_maps_add_to_the_field(generator, features):
    layer = LastLayer(generator, features, reads="all")
    coordinates = _coordinates(layer)
    other = copy.deepcopy(generator)

    weights = layer.weights(coordinates)
    other.last.weight.copy_(weights.weight)
    other.last.bias.copy_(weights.bias)
    made = other.controls(features) + conv2d(torch.cat(features.earlier, dim=1), weights.earlier, padding=1)

    wanted = layer.controls(coordinates)
    assert layer.coordinates[1] > LastLayer(generator, features, reads="last").coordinates[1]
    assert torch.allclose(made, wanted, atol=2e-3 * float(wanted.abs().max()))


def test_generator_is_not_written_to(generator, features):
    before = {name: value.clone() for name, value in generator.state_dict().items()}

    layer = LastLayer(generator, features, reads="all")
    layer.controls(_coordinates(layer))
    layer.weights(_coordinates(layer))

    assert all(torch.equal(before[name], value) for name, value in generator.state_dict().items())


@pytest.mark.parametrize("reads", ["last", "all"])
def test_translation_is_as_long_as_itself(reads, generator, features):
    layer = LastLayer(generator, features, reads=reads)
    change = torch.zeros(layer.coordinates)
    change[:, generator.last.weight[0].numel()] = torch.tensor([3.0, -4.0])  # the bias: the same step everywhere

    coordinates = _from_weights(layer, change)

    assert float(coordinates.square().sum()) == pytest.approx(25, rel=0.01)


def test_length_of_kernels_is_the_size_and_slope_of_what_they_make():
    maps = torch.randn(3, 2, 9, 14, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    kernels = torch.randn(3, 1, 3, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    metric = last_layer._metric_of_taps(maps, (3, 3))

    made = conv2d(
        pad(maps.transpose(0, 1), (4, 4, 4, 4)), kernels, padding=1, groups=3
    )  # with what lies beyond the edge
    flat = kernels.flatten(1)
    found = torch.einsum("ct,ctu,cu->c", flat, metric, flat)
    ridge = last_layer._TAP_RIDGE / (1 + last_layer._TAP_RIDGE) * (metric.diagonal(dim1=1, dim2=2) * flat**2).sum(dim=1)
    wanted = [_size_and_slope(made[:, [each]]) * made[:, 0].numel() / maps[0].numel() for each in range(3)]
    assert (found - ridge).tolist() == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("reads", ["last", "all"])
def test_fields_of_single_steps_are_nearly_as_long_as_each_other(reads, generator, features):
    layer = LastLayer(generator, features, reads=reads)
    zero = layer.controls(torch.zeros(layer.coordinates))
    lengths = []
    for member in range(layer.coordinates[1]):
        step = torch.zeros(layer.coordinates)
        step[0, member] = 1
        lengths.append(_size_and_slope(layer.controls(step) - zero) ** 0.5)

    maps = torch.cat([features.maps, *(features.earlier if reads == "all" else ())], dim=1)
    raw = [_size_and_slope(each[:, None]) ** 0.5 for each in maps.unbind(1)]
    assert max(lengths) < 1.1  # none longer than it says, and the ridges make the least of them shorter
    assert max(lengths) / np.median(lengths) < 2
    assert max(raw) / min(each for each in raw if each > 0) > 5 * max(lengths) / np.median(lengths)


def _size_and_slope(fields: torch.Tensor) -> float:
    """The sum over the components of (slice, component, y, x), the mean over all places."""
    slope = sum(torch.diff(fields, dim=axis).square().sum() for axis in (2, 3))
    return float(fields.square().sum() + last_layer._SLOPE_WEIGHT * slope) / fields[:, 0].numel()


def test_gradient_reaches_every_coordinate(generator, features):
    layer = LastLayer(generator, features, reads="all")
    coordinates = torch.zeros(layer.coordinates).requires_grad_()

    layer.controls(coordinates).square().sum().backward()

    assert (coordinates.grad.abs().sum(dim=0) > 0).float().mean() > 0.9
