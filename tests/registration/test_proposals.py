"""Of two proposals for a field the one that makes the images alike holds, place by place."""

from dataclasses import replace

import pytest
import torch
from scipy import ndimage

from sarnet.config import ProposalSettings
from sarnet.images import Grid
from sarnet.registration import NetworkPair, register
from sarnet.registration.proposals import agreement, fuse

HOW = ProposalSettings()
WIDTH, SHIFT = 64, 6


@pytest.fixture
def slid(rng) -> NetworkPair:
    """A texture of which the right half lies six voxels further down in the moving image."""
    texture = ndimage.gaussian_filter(rng.normal(size=(WIDTH, WIDTH)), 1.5)
    texture = torch.from_numpy((texture - texture.min()) / (texture.max() - texture.min())).float()[None, None]
    moving = texture.clone()
    moving[..., WIDTH // 2 :] = texture.roll(SHIFT, dims=2)[..., WIDTH // 2 :]
    return NetworkPair(fixed=texture, moving=moving, weight=torch.ones_like(texture), grid=Grid.plain((WIDTH, WIDTH)))


def _constant(*voxels):
    return torch.tensor(voxels, dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, WIDTH, WIDTH)


def test_each_half_follows_the_proposal_that_is_right_for_it(slid):
    fused = fuse([_constant(SHIFT, 0), _constant(0, 0)], slid, settings=HOW)

    inner = slice(WIDTH // 8, -WIDTH // 8)
    stays, slides = fused[:, :, inner, 8 : WIDTH // 2 - 8], fused[:, :, inner, WIDTH // 2 + 8 : -8]
    assert stays.abs().mean() < 0.1
    assert (slides[:, 0] - SHIFT).abs().mean() < 0.1
    assert slides[:, 1].abs().max() == 0


def test_order_of_the_proposals_does_not_matter(slid):
    first, second = _constant(SHIFT, 0), _constant(0, 1)

    there, back = (fuse(each, slid, settings=HOW) for each in ([first, second], [second, first]))

    torch.testing.assert_close(there, back)


def test_proposals_that_say_the_same_are_what_they_say(slid):
    torch.testing.assert_close(fuse([_constant(2, -1)] * 2, slid, settings=HOW), _constant(2, -1), atol=1e-5, rtol=0)


def test_agreement_is_one_where_a_proposal_undoes_the_shift_and_counts_where_the_weight_is(slid):
    right_half = torch.zeros_like(slid.weight)
    right_half[..., 8 : WIDTH - 16, WIDTH // 2 + 8 : -8] = 1
    where = NetworkPair(fixed=slid.fixed, moving=slid.moving, weight=right_half, grid=slid.grid)

    assert agreement(_constant(SHIFT, 0), where, settings=HOW) > 0.95
    assert agreement(_constant(0, 0), where, settings=HOW) < 0.3


def test_images_that_came_apart_are_no_proposal(sample, fast):
    grid = sample.moving.grid
    moved = replace(sample.moving, grid=replace(grid, origin=(grid.origin[0] + 60, grid.origin[1] - 40)))
    never = fast.model_copy(update={"proposals": HOW.model_copy(update={"plausible": 1e9})})

    fused, plain = (register(sample.fixed, moved, settings) for settings in (fast, never))

    assert (fused.transform.displacement == plain.transform.displacement).all()


def test_images_that_came_as_they_belong_are_one(sample, fast):
    never = fast.model_copy(update={"proposals": HOW.model_copy(update={"plausible": 1e9})})

    fused, plain = (register(sample.fixed, sample.fixed, settings) for settings in (fast, never))

    # nothing moved: what the network found beside that is taken back
    assert abs(fused.transform.displacement).mean() <= abs(plain.transform.displacement).mean()


def test_window_without_a_middle_is_refused():
    with pytest.raises(ValueError, match="window_voxels is 4, but must be odd"):
        ProposalSettings(window_voxels=4)
