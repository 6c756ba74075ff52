import numpy as np
import pytest
import torch
from scipy import ndimage

from sarnet.errors import InputError
from sarnet.fields import gaussian

SPACES = [pytest.param((21, 24), id="2d"), pytest.param((15, 16, 17), id="3d")]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_dtype_stay(space, dtype):
    field = torch.zeros(2, len(space), *space, dtype=dtype)

    smooth = gaussian(field, 1.5)

    assert (smooth.shape, smooth.dtype) == (field.shape, dtype)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("sigma", [0.5, 1.7])
def test_agrees_with_scipy_up_to_the_edge(rng, space, sigma):
    field = rng.normal(size=(2, 3, *space))

    found = gaussian(torch.from_numpy(field), sigma)

    radius = int(np.ceil(3 * sigma))
    wanted = ndimage.gaussian_filter(
        field, (0, 0, *[sigma] * len(space)), mode="nearest", radius=(0, 0, *[radius] * len(space))
    )
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-12)


def test_constant_stays_constant():
    field = torch.full((1, 2, 9, 11), 3.5, dtype=torch.float64)

    assert torch.allclose(gaussian(field, 2.0), field, rtol=0, atol=1e-12)


def test_no_width_changes_nothing():
    field = torch.rand(1, 2, 5, 6)

    assert torch.equal(gaussian(field, 0.0), field)


def test_gradient_is_that_of_a_linear_map():
    field = torch.rand(1, 2, 6, 7, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(lambda each: gaussian(each, 0.8), (field,))


def test_negative_width_is_refused():
    with pytest.raises(InputError, match=r"sigma_voxels is -1.0, but must not be negative"):
        gaussian(torch.zeros(1, 2, 5, 5), -1.0)
