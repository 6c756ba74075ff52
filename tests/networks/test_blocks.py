import pytest
import torch

from sarnet.networks.blocks import ResidualBlock, normalisation_layer


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
