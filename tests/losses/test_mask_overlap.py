import math

import pytest
import torch

from sarnet.fields import identity_grid, warp
from sarnet.losses import mask_overlap

SPACES = [pytest.param((40, 48), id="2d"), pytest.param((10, 12, 16), id="3d")]


def _bar(space, first, last):
    mask = torch.zeros(1, 1, *space, dtype=torch.float64)
    mask[..., first:last] = 1
    return mask


def _disk(centre, radius=60, size=256):
    y, x = identity_grid((size, size)).double()
    return (((y - size / 2) ** 2 + (x - centre) ** 2) < radius**2).double()[None, None]


@pytest.mark.parametrize("space", SPACES)
def test_equal_masks_have_no_loss(space):
    mask = _bar(space, 2, 8)

    assert mask_overlap(mask, mask.clone()) == 0
    assert mask_overlap(0.3 * mask, 0.3 * mask) == 0


@pytest.mark.parametrize("space", SPACES)
def test_two_empty_masks_have_no_loss_and_no_slope(space):
    empty = torch.zeros(1, 1, *space, requires_grad=True)

    loss = mask_overlap(torch.zeros(1, 1, *space), empty)
    loss.backward()

    assert loss == 0
    assert torch.count_nonzero(empty.grad) == 0


@pytest.mark.parametrize("space", SPACES)
def test_half_in_common_is_the_logarithm_of_two(space):
    loss = mask_overlap(_bar(space, 2, 8), _bar(space, 5, 11))

    assert loss.item() == pytest.approx(math.log(2), abs=1e-2)  # the voxel that all masks have in common


def test_half_of_a_mask_overlaps_by_two_thirds():
    assert mask_overlap(_bar((40, 48), 2, 8), _bar((40, 48), 2, 5)).item() == pytest.approx(math.log(1.5), abs=1e-2)


@pytest.mark.parametrize("shift", [20, 60, 100])
def test_disks_overlap_by_their_lens(shift):
    radius = 60
    half = shift / (2 * radius)
    lens = (2 / math.pi) * (math.acos(half) - half * math.sqrt(1 - half**2))  # its area over that of a disk

    loss = mask_overlap(_disk(78), _disk(78 + shift))

    assert loss.item() == pytest.approx(-math.log(lens), rel=5e-3)


@pytest.mark.parametrize("space", SPACES)
def test_masks_with_nothing_in_common_cost_the_logarithm_of_their_size(space):
    first, second = _bar(space, 0, 4), _bar(space, 6, 9)
    size = (first.sum() + second.sum()).item()

    assert mask_overlap(first, second).item() == pytest.approx(math.log(size + 1))


def test_structures_count_alike_whatever_their_size():
    fixed = torch.cat([_bar((40, 48), 0, 32), _bar((40, 48), 0, 4)], dim=1)
    warped = torch.cat([_bar((40, 48), 0, 32), _bar((40, 48), 2, 6)], dim=1)

    loss = mask_overlap(fixed, warped)

    assert loss.item() == pytest.approx(mask_overlap(fixed[:, 1:], warped[:, 1:]).item() / 2)


@pytest.mark.parametrize(("mode", "reaches"), [("linear", True), ("nearest", False)])
def test_gradient_reaches_the_field_through_linear_masks_alone(mode, reaches):
    fixed, moving = _bar((40, 48), 10, 30), _bar((40, 48), 13, 33)
    displacement = torch.full((1, 2, 40, 48), 0.4, dtype=torch.float64, requires_grad=True)

    mask_overlap(fixed, warp(moving, displacement, mode=mode)).backward()

    assert torch.count_nonzero(displacement.grad[:, 0]) == 0  # the bars reach from edge to edge
    assert (torch.count_nonzero(displacement.grad[:, 1]) > 0) == reaches


def test_steps_along_the_gradient_bring_the_masks_together():
    fixed, moving = _bar((40, 48), 10, 30), _bar((40, 48), 13, 33)
    shift = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.SGD([shift], lr=10)

    for _ in range(60):
        optimiser.zero_grad()
        mask_overlap(fixed, warp(moving, shift.view(1, 2, 1, 1).expand(1, 2, 40, 48))).backward()
        optimiser.step()

    assert shift.tolist() == pytest.approx([0, 3], abs=0.3)
