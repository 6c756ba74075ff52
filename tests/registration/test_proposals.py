"""Of two proposals for a field the one that makes the images alike holds, place by place."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from sarnet.config import ProposalSettings
from sarnet.fields import joined
from sarnet.images import Grid
from sarnet.registration import ComparedPair, Guides, register
from sarnet.registration.proposals import fuse, fuse_if_plausible

HOW = ProposalSettings()
WIDTH, SHIFT = 64, 6


@pytest.fixture
def slid(rng) -> ComparedPair:
    """A texture of which the right half lies six voxels further down in the moving image."""
    texture = ndimage.gaussian_filter(rng.normal(size=(WIDTH, WIDTH)), 1.5)
    texture = torch.from_numpy((texture - texture.min()) / (texture.max() - texture.min())).float()[None, None]
    moving = texture.clone()
    moving[..., WIDTH // 2 :] = texture.roll(SHIFT, dims=2)[..., WIDTH // 2 :]
    return ComparedPair(fixed=texture, moving=moving, weight=torch.ones_like(texture), grid=Grid.plain((WIDTH, WIDTH)))


def _constant(*voxels):
    """Halves of a field that is the same everywhere."""
    field = torch.tensor(voxels, dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, WIDTH, WIDTH)
    return torch.cat([-field, field]) / 2


def test_each_half_follows_the_proposal_that_is_right_for_it(slid):
    fused = fuse(_constant(SHIFT, 0), _constant(0, 0), slid, settings=HOW)

    inner = slice(WIDTH // 8, -WIDTH // 8)
    field = joined(fused)
    stays, slides = field[:, :, inner, 8 : WIDTH // 2 - 8], field[:, :, inner, WIDTH // 2 + 8 : -8]
    assert stays.abs().mean() < 0.1
    assert (slides[:, 0] - SHIFT).abs().mean() < 0.1
    assert slides[:, 1].abs().max() == 0


def test_order_of_the_proposals_does_not_matter(slid):
    first, second = _constant(SHIFT, 0), _constant(0, 1)

    torch.testing.assert_close(fuse(first, second, slid, settings=HOW), fuse(second, first, slid, settings=HOW))


def test_proposals_that_say_the_same_are_what_they_say(slid):
    same = _constant(2, -1)

    torch.testing.assert_close(fuse(same, same, slid, settings=HOW), same, atol=1e-5, rtol=0)


def test_where_images_do_not_count_they_do_not_choose(slid):
    blind = replace(slid, weight=torch.zeros_like(slid.weight))

    fused = fuse(_constant(SHIFT, 0), _constant(0, 0), blind, settings=HOW)

    torch.testing.assert_close(fused, _constant(SHIFT / 2, 0), atol=1e-5, rtol=0)


def test_what_was_found_stays_where_the_other_proposal_is_implausible(slid):
    found = _constant(SHIFT, 0)

    assert fuse_if_plausible(found, _constant(23, 17), slid, settings=HOW) is found


def test_what_was_found_stays_where_fusing_gains_nothing(slid):
    still = replace(slid, moving=slid.fixed)
    found = _constant(0, 0)
    always = HOW.model_copy(update={"plausible_share": 0.0})

    assert fuse_if_plausible(found, _constant(1, 0), still, settings=always) is found


def test_pair_exchanged_is_fused_to_the_halves_exchanged(slid):
    found, placed = _constant(SHIFT, 0), _constant(0, 0)

    fused = fuse_if_plausible(found, placed, slid, settings=HOW)
    turned = fuse_if_plausible(found.flip(0), placed, slid.exchanged(), settings=HOW)

    torch.testing.assert_close(fused, fuse(found, placed, slid, settings=HOW))
    torch.testing.assert_close(turned, fused.flip(0))


@pytest.fixture
def never(fast):
    return fast.model_copy(update={"proposals": HOW.model_copy(update={"plausible_share": 1e9})})


def _fields(fixed, moving, *settings, **options):
    return [register(fixed, moving, each, **options).transform.displacement for each in settings]


def test_images_that_came_apart_are_no_proposal(sample, fast, never):
    grid = sample.moving.grid
    moved = replace(sample.moving, grid=replace(grid, origin=(grid.origin[0] + 60, grid.origin[1] - 40)))

    fused, plain = _fields(sample.fixed, moved, fast, never)

    assert (fused == plain).all()


def _half_slid(image, voxels):
    array, half = image.array.copy(), image.array.shape[0] // 2
    array[:half] = np.roll(array[:half], voxels, axis=1)
    return replace(image, array=array)


def test_half_that_stays_is_let_be_and_half_that_slid_is_followed(sample, fast, never):
    rows, slid_voxels = sample.fixed.array.shape[0], 14
    brain = sample.fixed.array > 0.1 * sample.fixed.array.max()
    slides, stays = brain.copy(), brain.copy()
    slides[rows // 2 - 16 :] = False
    stays[: rows // 2 + 16] = False

    fused, plain = _fields(sample.fixed, _half_slid(sample.fixed, slid_voxels), fast, never)

    assert np.linalg.norm(fused[stays], axis=1).mean() < 0.8 * np.linalg.norm(plain[stays], axis=1).mean()
    assert np.abs(fused[slides] - [slid_voxels, 0]).mean() < 0.15


def test_structures_that_the_user_gives_are_left_to_the_network(sample, fast, never):
    moving = _half_slid(sample.fixed, 14)
    guides = Guides(fixed_labels=sample.fixed_labels, moving_labels=_half_slid(sample.fixed_labels, 14))

    fused, plain = _fields(sample.fixed, moving, fast, never)
    guided, guided_plain = _fields(sample.fixed, moving, fast, never, guides=guides)

    assert not (fused == plain).all()
    assert (guided == guided_plain).all()
