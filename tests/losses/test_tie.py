import pytest
import torch

from sarnet.losses import tie

SPACES = [pytest.param((5, 6), id="2d"), pytest.param((4, 5, 6), id="3d")]


@pytest.mark.parametrize("space", SPACES)
def test_images_that_are_one_are_tied(rng, space):
    image = torch.from_numpy(rng.uniform(size=(2, 1, *space)))

    assert tie(image, image.clone()) == 0


@pytest.mark.parametrize("space", SPACES)
def test_loss_is_the_mean_size_of_the_difference(rng, space):
    synthesized, warped = (torch.from_numpy(rng.uniform(size=(2, 1, *space))) for _ in range(2))

    wanted = abs(synthesized.numpy() - warped.numpy()).mean()

    assert tie(synthesized, warped).item() == pytest.approx(wanted)


def test_both_images_are_drawn_to_each_other():
    synthesized = torch.full((1, 1, 5, 6), 0.7, requires_grad=True)
    warped = torch.full((1, 1, 5, 6), 0.2, requires_grad=True)

    tie(synthesized, warped).backward()

    assert torch.allclose(synthesized.grad, torch.full((1, 1, 5, 6), 1 / 30))
    assert torch.allclose(warped.grad, torch.full((1, 1, 5, 6), -1 / 30))
