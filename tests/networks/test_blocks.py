import pytest
import torch

from sarnet.networks.blocks import BlockStack, ResidualBlock, normalisation_layer


@pytest.mark.parametrize("normalisation", ["batch", "group", "none"])
def test_block_keeps_the_shape(normalisation):
    assert ResidualBlock(8, normalisation)(torch.rand(2, 8, 5, 7)).shape == (2, 8, 5, 7)


def test_block_without_normalisation_starts_as_the_identity_of_what_is_not_negative():
    block, maps = ResidualBlock(8, "none"), torch.rand(1, 8, 5, 7)
    torch.nn.init.zeros_(block.second.bias)

    assert torch.equal(block(maps), maps)


@pytest.mark.parametrize("normalisation", ["batch", "group", "none"])
def test_shortcut_passes_around_both_convolutions(normalisation):
    block, maps = ResidualBlock(8, normalisation).eval(), torch.rand(1, 8, 5, 7)
    torch.nn.init.normal_(block.second.weight)
    inner = []
    block.second_norm.register_forward_hook(lambda *call: inner.append(call[-1]))

    out = block(maps)

    assert torch.allclose(out, (maps + inner[0]).clamp_min(0))


@pytest.mark.parametrize("maps", [4, 8, 64])
def test_groups_are_eight_or_as_many_as_there_are_maps(maps):
    assert normalisation_layer("group", maps).num_groups == min(8, maps)


@pytest.mark.parametrize("normalisation", ["group", "none"])
def test_layers_of_a_stack_are_what_every_convolution_gives_behind_its_activation(normalisation):
    torch.manual_seed(0)
    stack, maps = BlockStack(2, 8, normalisation), torch.rand(1, 8, 5, 7)

    layers = stack.layers(maps)

    first, second = stack
    after_first = first(maps)
    wanted = [
        maps,
        first.first_norm(first.first(maps)).clamp_min(0),
        after_first,
        second.first_norm(second.first(after_first)).clamp_min(0),
        second(after_first),
    ]
    assert len(layers) == len(wanted)
    assert all(torch.allclose(found, each) for found, each in zip(layers, wanted))
    assert torch.equal(stack(maps), layers[-1])
