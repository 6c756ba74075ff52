import pytest
import torch

from sarnet.fields import invert, warp
from sarnet.losses import cycle

SPACES = [pytest.param((5, 6), id="2d"), pytest.param((4, 5, 6), id="3d")]


@pytest.mark.parametrize("space", SPACES)
def test_image_that_returned_whole_has_no_loss(rng, space):
    image = torch.from_numpy(rng.uniform(size=(2, 1, *space)))

    assert cycle(image, image.clone()) == 0


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("offset", [0.25, -0.25])
def test_every_difference_counts_by_its_size(rng, space, offset):
    image = torch.from_numpy(rng.uniform(size=(2, 1, *space)))

    assert cycle(image, image + offset).item() == pytest.approx(0.25)


def test_single_voxel_counts_by_its_share():
    image = torch.zeros(1, 1, 5, 6)
    returned = image.clone()
    returned[0, 0, 2, 3] = 0.6

    assert cycle(image, returned).item() == pytest.approx(0.6 / 30)


def test_each_voxel_counts_by_its_weight():
    returned = torch.tensor([[[[1.0, 2.0], [3.0, 100.0]]]])
    weight = torch.tensor([[[[3.0, 1.0], [1.0, 0.0]]]])

    assert cycle(torch.zeros_like(returned), returned, weight=weight).item() == pytest.approx((3 + 2 + 3) / 5)


def test_gradient_is_a_sign_over_the_voxels():
    image = torch.zeros(1, 1, 5, 6)
    returned = torch.full_like(image, 0.5)
    returned[..., 3:] = -0.5
    returned.requires_grad_()

    cycle(image, returned).backward()

    assert torch.allclose(30 * returned.grad, returned.detach().sign())


def test_gradient_of_no_difference_is_zero():
    image = torch.ones(1, 1, 5, 6)
    returned = image.clone().requires_grad_()

    cycle(image, returned).backward()

    assert torch.count_nonzero(returned.grad) == 0


def test_field_and_its_inverse_return_what_two_forward_fields_do_not():
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(40.0), indexing="ij")
    image = torch.exp(-((y - 20) ** 2 + (x - 20) ** 2) / 60)[None, None]
    field = torch.stack([torch.sin(x / 8), torch.cos(y / 8)])[None]
    there = warp(image, field)

    back, further = warp(there, invert(field).displacement), warp(there, field)

    assert cycle(image, back) < cycle(image, further) / 5
