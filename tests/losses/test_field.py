import pytest
import torch

from sarnet.errors import ShapeError
from sarnet.losses import field_error

SPACES = [pytest.param((5, 6), id="2d"), pytest.param((4, 5, 6), id="3d")]


def _shift(vector, space, batch=1):
    field = torch.tensor(vector, dtype=torch.float64).reshape(1, -1, *[1] * len(space))
    return field.expand(batch, -1, *space).clone()


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("norm", ["squared", "euclidean"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_result_is_a_number_of_the_fields_dtype(space, norm, dtype):
    field = torch.ones(2, len(space), *space, dtype=dtype)

    error = field_error(field, 2 * field, norm=norm)

    assert error.shape == ()
    assert error.dtype == dtype


@pytest.mark.parametrize(("norm", "zero"), [("squared", 0.0), ("euclidean", 1e-3)])
def test_field_that_is_right_has_no_error(norm, zero):
    field = _shift([1.5, -2.0], (5, 6))

    assert field_error(field, field, norm=norm).item() == pytest.approx(zero)  # the root's floor: a thousandth


@pytest.mark.parametrize(("norm", "wanted"), [("squared", 25.0), ("euclidean", 5.0)])
def test_error_of_three_and_four_voxels_is_five(norm, wanted):
    found, known = _shift([1.0, 5.0], (5, 6)), _shift([-2.0, 1.0], (5, 6))

    assert field_error(found, known, norm=norm).item() == pytest.approx(wanted)


@pytest.mark.parametrize(("norm", "wanted"), [("squared", 49.0), ("euclidean", 7.0)])
def test_error_in_three_dimensions_has_three_components(norm, wanted):
    found = _shift([2.0, 3.0, 6.0], (4, 5, 6))

    assert field_error(found, torch.zeros_like(found), norm=norm).item() == pytest.approx(wanted)


@pytest.mark.parametrize(("norm", "wanted"), [("squared", (0 + 16) / 2), ("euclidean", (0 + 4) / 2)])
def test_error_is_the_mean_over_voxels_and_batch(norm, wanted):
    found = torch.cat([_shift([0.0, 0.0], (5, 6)), _shift([0.0, 4.0], (5, 6))])

    assert field_error(found, torch.zeros_like(found), norm=norm).item() == pytest.approx(wanted, abs=1e-3)


def test_each_voxel_counts_by_its_weight():
    found = torch.zeros(1, 2, 2, 2, dtype=torch.float64)
    found[0, 0] = torch.tensor([[1.0, 2.0], [3.0, 100.0]])
    weight = torch.tensor([[[[3.0, 1.0], [1.0, 0.0]]]], dtype=torch.float64)

    error = field_error(found, torch.zeros_like(found), weight=weight)

    assert error.item() == pytest.approx((3 * 1 + 1 * 4 + 1 * 9) / 5)


def test_equal_weights_are_no_weights():
    found, known = _shift([1.0, 5.0], (5, 6), batch=2), torch.zeros(2, 2, 5, 6, dtype=torch.float64)
    found[0] *= 2

    weighted = field_error(found, known, weight=torch.full((2, 1, 5, 6), 0.3, dtype=torch.float64))

    assert weighted.item() == pytest.approx(field_error(found, known).item())


@pytest.mark.parametrize(("norm", "wanted"), [("squared", [6.0, 8.0]), ("euclidean", [0.6, 0.8])])
def test_gradient_points_away_from_the_known_field(norm, wanted):
    found = _shift([3.0, 4.0], (5, 6)).requires_grad_()

    field_error(found, torch.zeros_like(found), norm=norm).backward()

    assert torch.allclose(30 * found.grad, _shift(wanted, (5, 6)), rtol=1e-6)


def test_gradient_of_no_error_is_zero_and_no_nan():
    found = torch.zeros(1, 2, 5, 6, requires_grad=True)

    field_error(found, torch.zeros_like(found), norm="euclidean").backward()

    assert torch.count_nonzero(found.grad) == 0


@pytest.mark.usefixtures("unchecked")
def test_fields_of_two_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"displacement has shape \(1, 2, 5, 6\), but known \(1, 2, 5, 7\)"):
        field_error(torch.zeros(1, 2, 5, 6), torch.zeros(1, 2, 5, 7))


@pytest.mark.usefixtures("unchecked")
def test_weight_of_one_batch_for_two_is_refused():
    field = torch.zeros(2, 2, 5, 6)

    with pytest.raises(ShapeError, match=r"weight has shape \(1, 1, 5, 6\), but displacement \(2, 2, 5, 6\)"):
        field_error(field, field, weight=torch.ones(1, 1, 5, 6))
