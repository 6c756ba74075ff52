import pytest
import torch

from sarnet.losses import mask_supervision

SPACES = [pytest.param((20, 24), id="2d"), pytest.param((8, 10, 12), id="3d")]


@pytest.mark.parametrize("space", SPACES)
def test_mask_that_is_right_has_no_loss(rng, space):
    manual = torch.from_numpy(rng.uniform(size=(2, 1, *space))).round()

    assert mask_supervision(manual.clone(), manual) == 0


@pytest.mark.parametrize("space", SPACES)
def test_mask_that_is_wrong_everywhere_loses_all_but_one_voxel(rng, space):
    manual = torch.from_numpy(rng.uniform(size=(1, 1, *space))).round()

    loss = mask_supervision(1 - manual, manual)

    assert loss.item() == pytest.approx(1 - 1 / (manual.numel() + 1))


@pytest.mark.parametrize("certainty", [0.25, 0.5, 0.75])
def test_unsure_mask_of_the_right_place_has_a_known_loss(certainty):
    manual = torch.zeros(1, 1, 100, 100, dtype=torch.float64)
    manual[..., :50] = 1

    loss = mask_supervision(certainty * manual, manual)

    # Dice of p m and m: 2 p / (p^2 + 1)
    assert loss.item() == pytest.approx((1 - certainty) ** 2 / (1 + certainty**2), abs=1e-3)


def test_gradient_fills_the_mask_and_empties_what_is_beside_it():
    manual = torch.zeros(1, 1, 10, 10, dtype=torch.float64)
    manual[..., :5] = 1
    predicted = torch.full_like(manual, 0.5).requires_grad_()

    mask_supervision(predicted, manual).backward()

    # with s = 25 + 50 + 1 and c = 50 + 1: -(2 m s - 2 p c) / s^2
    wanted = -(2 * manual * 76 - 2 * 0.5 * 51) / 76**2
    assert torch.allclose(predicted.grad, wanted)
