import pytest
import torch

from sarnet.fields import identity_grid
from sarnet.losses import smoothness

SPACES = [pytest.param((5, 7), id="2d"), pytest.param((4, 5, 6), id="3d")]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_result_is_a_number_of_the_fields_dtype(space, dtype):
    value = smoothness(torch.rand(2, len(space), *space, dtype=dtype))

    assert value.shape == ()
    assert value.dtype == dtype


@pytest.mark.parametrize("space", SPACES)
def test_translation_is_smooth(space):
    shift = torch.arange(1.0, len(space) + 1).reshape(1, -1, *[1] * len(space)).expand(2, -1, *space)

    assert smoothness(shift) == 0


@pytest.mark.parametrize("space", SPACES)
def test_zoom_has_its_slope_squared(space):
    field = 0.3 * identity_grid(space).double()[None]

    # along each axis one of the components rises by 0.3, the others do not
    assert smoothness(field).item() == pytest.approx(0.3**2)


def test_slopes_along_all_axes_add_up():
    y, x = identity_grid((5, 7)).double()
    field = torch.stack([2 * y + 3 * x, torch.zeros_like(x)])[None]

    assert smoothness(field).item() == pytest.approx((2**2 + 3**2) / 2)  # the mean over two components


def test_axis_of_one_value_has_no_slope():
    field = torch.arange(8.0).expand(1, 2, 1, 8)

    assert smoothness(field).item() == pytest.approx(1)


def test_single_vector_that_stands_out_differs_from_its_neighbours():
    field = torch.zeros(1, 2, 5, 7, dtype=torch.float64)
    field[0, 0, 2, 3] = 1

    # one neighbour to either side along each axis, of 2 x 4 x 7 and 2 x 5 x 6 pairs
    assert smoothness(field).item() == pytest.approx(2 / 56 + 2 / 60)


def test_grows_with_the_square_of_the_field(rng):
    field = torch.from_numpy(rng.normal(size=(1, 3, 4, 5, 6)))

    assert smoothness(3 * field).item() == pytest.approx(9 * smoothness(field).item())


def test_gradient_pulls_a_vector_back_to_its_neighbours():
    field = torch.zeros(1, 2, 5, 7, dtype=torch.float64)
    field[0, 0, 2, 3] = 1
    field.requires_grad_()

    smoothness(field).backward()

    assert field.grad[0, 0, 2, 3].item() == pytest.approx(4 / 56 + 4 / 60)
    assert field.grad[0, 0, 2, 4].item() == pytest.approx(-2 / 60)
    assert torch.count_nonzero(field.grad[0, 1]) == 0
