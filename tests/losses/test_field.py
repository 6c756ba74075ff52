import math

import pytest
import torch

from sarnet.errors import InputError, ShapeError
from sarnet.losses import field_error, normalised_field_error

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


def _known_error(share, space=(5, 6)):
    """A field whose normalised error is ``share`` where the largest displacement is two voxels."""
    return _shift([2 * math.sqrt(share)] * len(space), space)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("share", [0.0, 0.01, 0.25, 0.9])
def test_normalised_error_goes_through_the_logarithm(space, share):
    found = _known_error(share, space)

    loss = normalised_field_error(found, torch.zeros_like(found), largest_voxels=2)

    assert loss.item() == pytest.approx(-math.log(1 - share))


def test_normalised_error_is_that_of_a_component():
    found = _shift([3.0, 4.0], (5, 6))

    loss = normalised_field_error(found, torch.zeros_like(found), largest_voxels=5)

    assert loss.item() == pytest.approx(-math.log(1 - 0.5))  # 25 in two components, of a largest square of 25


@pytest.mark.parametrize("share", [0.95, 1.0, 3.0, 100.0])
def test_beyond_the_joint_the_logarithm_goes_on_along_its_tangent(share):
    found = _known_error(share)

    loss = normalised_field_error(found, torch.zeros_like(found), largest_voxels=2)

    assert loss.item() == pytest.approx(math.log(10) + 10 * (share - 0.9))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9 - 1e-9, 0.9 + 1e-9, 0.99, 5.0])
def test_slope_grows_up_to_the_joint_and_never_dies(share):
    found = _known_error(share).requires_grad_()

    normalised_field_error(found, torch.zeros_like(found), largest_voxels=2).backward()

    # by the chain rule, 60 components of an error that is the mean of their squares over four
    slope = 1 / (1 - min(share, 0.9))
    assert torch.allclose(60 * found.grad, slope * 2 * found.detach() / 4)


def test_each_field_of_a_batch_has_its_own_logarithm():
    found = torch.cat([_known_error(0.1), _known_error(1.5)])

    loss = normalised_field_error(found, torch.zeros_like(found), largest_voxels=2)

    assert loss.item() == pytest.approx((-math.log(0.9) + math.log(10) + 10 * 0.6) / 2)


def test_voxels_without_weight_do_not_count_in_the_normalised_error():
    found = _known_error(0.25)
    found[..., 3:] = 100
    weight = torch.zeros(1, 1, 5, 6, dtype=torch.float64)
    weight[..., :3] = 0.2

    loss = normalised_field_error(found, torch.zeros_like(found), largest_voxels=2, weight=weight)

    assert loss.item() == pytest.approx(-math.log(0.75))


def test_fields_of_unequal_weight_count_alike():
    found = torch.cat([_shift([0.0, 0.0], (5, 6)), _shift([0.0, 4.0], (5, 6))])
    weight = torch.ones(2, 1, 5, 6, dtype=torch.float64)
    weight[0, ..., 1:] = 0

    assert field_error(found, torch.zeros_like(found), weight=weight).item() == pytest.approx((0 + 16) / 2)


@pytest.mark.parametrize("largest", [0.0, -1.0, math.nan])
def test_largest_displacement_that_is_none_is_refused(largest):
    field = torch.zeros(1, 2, 5, 6)

    with pytest.raises(InputError, match=f"largest_voxels is {largest}, but must be positive"):
        normalised_field_error(field, field, largest_voxels=largest)
