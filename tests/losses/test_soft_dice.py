import pytest
import torch

from sarnet.losses import soft_dice
from sarnet.metrics import dice

SPACES = [pytest.param((20, 24), id="2d"), pytest.param((8, 10, 12), id="3d")]


@pytest.mark.parametrize("space", SPACES)
def test_masks_of_zero_and_one_have_dices_overlap_with_one_voxel_in_common(rng, space):
    first, second = (rng.uniform(size=space) < share for share in (0.4, 0.7))
    size, overlap = int(first.sum()) + int(second.sum()), dice(first.astype(int), second.astype(int))[1]

    soft = soft_dice(*(torch.from_numpy(mask).double()[None, None] for mask in (first, second)))

    assert soft.item() == pytest.approx((overlap * size + 1) / (size + 1))
    assert soft.item() == pytest.approx(overlap, abs=1 / size)


@pytest.mark.parametrize("space", SPACES)
def test_soft_mask_overlaps_wholly_with_itself_alone(rng, space):
    mask = torch.from_numpy(rng.uniform(size=(1, 1, *space)))

    assert soft_dice(mask, mask).item() == pytest.approx(1)
    assert soft_dice(mask, mask.round()) < 0.95
    assert soft_dice(mask, 0.8 * mask) < 0.99


def test_two_empty_masks_overlap_wholly():
    empty = torch.zeros(1, 1, 20, 24)

    assert soft_dice(empty, empty) == 1


def test_each_structure_of_each_image_has_its_own_overlap(rng):
    first, second = (torch.from_numpy(rng.uniform(size=(2, 3, 5, 6))) for _ in range(2))

    together = soft_dice(first, second)

    assert together.shape == (2, 3)
    apart = [[soft_dice(a[None, None], b[None, None]).item() for a, b in zip(*pair)] for pair in zip(first, second)]
    assert torch.allclose(together, torch.tensor(apart, dtype=torch.float64))


def test_masks_may_be_swapped(rng):
    first, second = (torch.from_numpy(rng.uniform(size=(1, 1, 5, 6))) for _ in range(2))

    assert soft_dice(first, second).item() == soft_dice(second, first).item()


def test_gradient_agrees_with_small_steps(rng):
    first, second = (torch.from_numpy(rng.uniform(size=(2, 2, 3, 4))).requires_grad_() for _ in range(2))

    assert torch.autograd.gradcheck(soft_dice, (first, second))
