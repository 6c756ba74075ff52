import pytest
import torch

from sarnet.config import GeneratorSettings
from sarnet.networks.matching import MatchingTrunk

SMALL = {"maps": 8, "blocks": 1, "encoder_blocks": 1, "matched_maps": 4, "radius": 1}


class _Ramp(torch.nn.Module):
    """In place of the coarse layer: the index along x, in places of the coarse grid, for both components."""

    def forward(self, maps):
        return torch.arange(float(maps.shape[3])).expand(len(maps), 2, *maps.shape[2:])


def _trunk(stride=4, seed=0):
    torch.manual_seed(seed)
    return MatchingTrunk(GeneratorSettings(stride=stride, **SMALL)).eval()


def _say(trunk, *shift):
    """Let the coarse layer answer ``shift``, in voxels of the trunk's grid, whatever it sees."""
    with torch.no_grad():
        trunk.coarse_field.weight.zero_()
        trunk.coarse_field.bias.copy_(torch.tensor(shift) / 2)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_images_must_be_a_multiple_of_twice_the_stride(stride):
    assert MatchingTrunk.multiple(GeneratorSettings(stride=stride)) == 2 * stride


def test_base_is_the_coarse_answer_in_voxels_of_the_trunks_grid():
    trunk = _trunk()
    _say(trunk, 1.5, -2.0)

    base = trunk(torch.rand(1, 1, 32, 40), torch.rand(1, 1, 32, 40)).base

    assert torch.allclose(base[:, 0], torch.tensor(1.5), atol=1e-5)
    assert torch.allclose(base[:, 1], torch.tensor(-2.0), atol=1e-5)


def test_coarse_place_stands_in_the_middle_of_the_two_it_was_made_of():
    trunk = _trunk()
    trunk.coarse_field = _Ramp()

    base = trunk(torch.rand(1, 1, 32, 64), torch.rand(1, 1, 32, 64)).base

    place = torch.arange(16.0)  # coarse place k is at 2 k + 1/2
    assert torch.allclose(base[0, 0, 0, 4:-4] + 0.5, place[4:-4], atol=1e-4)


def test_moving_maps_are_warped_by_the_base_before_the_fine_comparison():
    trunk, stride = _trunk(), 4
    _say(trunk, 1.0, -2.0)
    fixed = torch.rand(1, 1, 96, 96)
    moving = fixed.roll((stride, -2 * stride), (2, 3))  # moving(x + shift) = fixed(x)
    seen = []
    trunk.decode[0].register_forward_pre_hook(lambda _, maps: seen.append(maps[0]))

    trunk(fixed, moving)

    middle = seen[0][0, 4]  # no offset, in a window of nine
    assert torch.allclose(middle[8:-8, 8:-8], torch.ones(8, 8), atol=1e-5)


def test_both_images_are_encoded_by_the_same_layers():
    trunk = _trunk()
    one, other = torch.rand(1, 1, 32, 32), torch.rand(1, 1, 32, 32)

    first, second = trunk(one, other), trunk(other, one)

    for of_fixed, of_moving in zip(first.fixed_layers, second.moving_layers):  # those of the encoders come first
        assert torch.allclose(of_fixed, of_moving, atol=1e-6)
    assert not torch.allclose(first.fixed_layers[0], first.moving_layers[0], atol=1e-3)


@pytest.mark.parametrize(("encoder_blocks", "blocks"), [(1, 1), (2, 3)])
def test_every_convolution_has_its_layer_on_its_own_grid(encoder_blocks, blocks):
    torch.manual_seed(0)
    settings = GeneratorSettings(stride=2, **{**SMALL, "encoder_blocks": encoder_blocks, "blocks": blocks})

    features = MatchingTrunk(settings)(torch.rand(2, 1, 32, 40), torch.rand(2, 1, 32, 40))

    fine, coarse = (2, 8, 16, 20), (2, 8, 8, 10)
    encoders = [fine] * (1 + 2 * encoder_blocks) + [coarse] * (1 + 2 * encoder_blocks)
    decoders = [coarse] * (1 + 2 * blocks) + [fine] * (1 + 2 * blocks)
    assert [tuple(layer.shape) for layer in features.moving_layers] == encoders
    assert [tuple(layer.shape) for layer in features.fixed_layers] == encoders + decoders
    assert MatchingTrunk.layers(settings) == (len(features.fixed_layers), len(features.moving_layers))
    assert features.fixed_layers[-1] is features.maps
