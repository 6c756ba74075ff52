import numpy as np
import pytest
import torch
from scipy import interpolate, ndimage

from sarnet.errors import InputError, ShapeError
from sarnet.fields import bspline_basis, bspline_field, controls_to_cover

SPACES = [pytest.param((9, 12), id="2d"), pytest.param((6, 7, 9), id="3d")]
AXES = [(12, 1.0), (12, 2.5), (13, 4.0), (30, 7.3), (2, 5.0), (1, 3.0)]
"""Voxels and distance of two controls."""

LIKE = torch.zeros((), dtype=torch.float64)


def _covering(space, spacing):
    return [controls_to_cover(size, spacing) for size in space]


def _random(rng, space, spacing):
    return torch.from_numpy(rng.standard_normal((1, len(space), *_covering(space, spacing))))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_basis_has_a_row_a_voxel_and_a_column_a_control(dtype):
    basis = bspline_basis(9, 5, spacing=4, origin=-4, like=torch.zeros(1, dtype=dtype))

    assert basis.shape == (9, 5)
    assert basis.dtype == dtype


def test_basis_is_single_precision_without_a_tensor_to_be_like():
    assert bspline_basis(4, 4, spacing=2, origin=0).dtype == torch.float32


def test_weights_on_a_control_are_one_sixth_and_four():
    basis = bspline_basis(9, 5, spacing=2, origin=0, like=LIKE)

    wanted = torch.tensor([0, 1 / 6, 4 / 6, 1 / 6, 0], dtype=torch.float64)
    assert torch.allclose(basis[4], wanted, rtol=0, atol=1e-15)


def test_weights_between_two_controls_are_one_and_twenty_three():
    basis = bspline_basis(9, 5, spacing=2, origin=0, like=LIKE)

    wanted = torch.tensor([1, 23, 23, 1, 0], dtype=torch.float64) / 48
    assert torch.allclose(basis[3], wanted, rtol=0, atol=1e-15)


@pytest.mark.parametrize(("size", "spacing"), AXES)
@pytest.mark.parametrize(("controls", "origin"), [(1, 0.0), (3, 2.0), (5, -4.5), (40, -60.0)])
def test_weights_of_a_voxel_sum_to_one_wherever_the_controls_are(size, spacing, controls, origin):
    basis = bspline_basis(size, controls, spacing=spacing, origin=origin, like=LIKE)

    assert torch.allclose(basis.sum(dim=1), torch.ones(size, dtype=torch.float64), rtol=0, atol=1e-12)
    assert basis.min() >= 0


@pytest.mark.parametrize(("size", "spacing"), AXES)
def test_basis_agrees_with_scipys_basis_elements(size, spacing):
    count = controls_to_cover(size, spacing)

    basis = bspline_basis(size, count, spacing=spacing, origin=-spacing, like=LIKE)

    for k in range(count):
        element = interpolate.BSpline.basis_element(spacing * (k - 1 + np.arange(-2, 3)), extrapolate=False)
        wanted = np.nan_to_num(element(np.arange(size, dtype=float)))
        np.testing.assert_allclose(basis[:, k], wanted, atol=1e-12)


@pytest.mark.parametrize(("size", "spacing"), AXES)
def test_controls_to_cover_give_nothing_to_controls_further_out(size, spacing):
    count = controls_to_cover(size, spacing)

    wider = bspline_basis(size, count + 2, spacing=spacing, origin=-2 * spacing, like=LIKE)

    assert wider[:, [0, -1]].max() < 1e-12
    assert torch.allclose(
        wider[:, 1:-1], bspline_basis(size, count, spacing=spacing, origin=-spacing, like=LIKE), rtol=0, atol=1e-12
    )


@pytest.mark.parametrize(("size", "spacing"), AXES)
def test_one_control_less_would_not_cover_unless_its_weight_is_nothing(size, spacing):
    count = controls_to_cover(size, spacing)

    basis = bspline_basis(size, count, spacing=spacing, origin=-spacing, like=LIKE)

    last_on_a_control = (size - 1) % spacing == 0
    assert (basis[:, -1].max() < 1e-12) == last_on_a_control


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_field_has_the_space_asked_for_and_the_controls_dtype(space, dtype):
    controls = torch.zeros(2, len(space), *[4] * len(space), dtype=dtype)

    field = bspline_field(controls, space, spacing=4, origin=-4)

    assert field.shape == (2, len(space), *space)
    assert field.dtype == dtype


@pytest.mark.parametrize("space", SPACES)
def test_equal_controls_are_a_constant_field_up_to_the_edge(space):
    controls = torch.full((1, len(space), *[2] * len(space)), 3.25, dtype=torch.float64)

    field = bspline_field(controls, space, spacing=2.5, origin=1.0)

    assert torch.allclose(field, torch.tensor(3.25, dtype=torch.float64))


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("spacing", [1.0, 2.5, 4.0])
def test_controls_on_a_ramp_are_that_ramp(space, spacing):
    slopes = np.arange(1.0, len(space) + 1)
    position = (np.indices(_covering(space, spacing)) - 1) * spacing
    controls = torch.from_numpy(np.tensordot(slopes, position, axes=1))[None, None].repeat(
        1, len(space), *[1] * len(space)
    )

    field = bspline_field(controls, space, spacing=spacing, origin=-spacing)

    wanted = np.tensordot(slopes, np.indices(space), axes=1)
    for axis in range(len(space)):
        np.testing.assert_allclose(field[0, axis], wanted, atol=1e-10)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("spacing", [1.0, 2.5, 4.0])
def test_field_agrees_with_ndimage(rng, space, spacing):
    controls = _random(rng, space, spacing)

    field = bspline_field(controls, space, spacing=spacing, origin=-spacing)

    position = np.indices(space) / spacing + 1
    for axis in range(len(space)):
        wanted = ndimage.map_coordinates(controls[0, axis].numpy(), position, order=3, prefilter=False, mode="constant")
        np.testing.assert_allclose(field[0, axis], wanted, atol=1e-10)


@pytest.mark.parametrize("space", SPACES)
def test_outermost_controls_hold_beyond_them(rng, space):
    controls = torch.from_numpy(rng.standard_normal((1, len(space), *[3] * len(space))))
    wider = torch.from_numpy(np.pad(controls.numpy(), [(0, 0), (0, 0), *[(4, 4)] * len(space)], mode="edge"))

    field = bspline_field(controls, space, spacing=2.0, origin=1.0)

    assert torch.allclose(field, bspline_field(wider, space, spacing=2.0, origin=1.0 - 4 * 2.0))


def test_is_linear_in_the_controls(rng):
    first, second = _random(rng, (9, 12), 4.0), _random(rng, (9, 12), 4.0)

    def field(controls):
        return bspline_field(controls, (9, 12), spacing=4.0, origin=-4.0)

    assert torch.allclose(field(2 * first - 3 * second), 2 * field(first) - 3 * field(second))


@pytest.mark.parametrize("space", SPACES)
def test_gradient_of_a_control_is_its_weight(space):
    controls = torch.zeros(1, len(space), *_covering(space, 3.0), dtype=torch.float64, requires_grad=True)
    voxel, control = (3,) * len(space), (2,) * len(space)  # control 2 stands on voxel 3

    bspline_field(controls, space, spacing=3.0, origin=-3.0)[(0, 1, *voxel)].backward()

    assert controls.grad[(0, 1, *control)].item() == pytest.approx((2 / 3) ** len(space))
    assert torch.count_nonzero(controls.grad[0, 0]) == 0


def test_gradcheck(rng):
    controls = _random(rng, (4, 5), 2.0).requires_grad_()

    assert torch.autograd.gradcheck(lambda c: bspline_field(c, (4, 5), spacing=2.0, origin=-2.0), (controls,))


@pytest.mark.parametrize(("size", "controls", "spacing"), [(0, 4, 2.0), (4, 0, 2.0), (4, 4, 0.0), (4, 4, float("nan"))])
def test_counts_and_spacing_that_are_not_positive_are_refused(size, controls, spacing):
    with pytest.raises(InputError, match=r"size, controls and spacing are .* must be positive"):
        bspline_basis(size, controls, spacing=spacing, origin=0.0)


def test_space_of_another_number_of_axes_is_refused():
    with pytest.raises(ShapeError, match=r"controls has shape \(1, 2, 4, 4\), but space \(5, 5, 5\) has 3 axes"):
        bspline_field(torch.zeros(1, 2, 4, 4), (5, 5, 5), spacing=2.0, origin=0.0)
