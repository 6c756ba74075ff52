import itertools

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from sarnet.errors import ShapeError
from sarnet.fields import compose, identity_grid, jacobian_determinant, smallest_determinant

SPACES = [pytest.param((8, 9), id="2d"), pytest.param((6, 7, 8), id="3d")]


def _affine(space, matrix):
    change = torch.as_tensor(matrix, dtype=torch.float64) - torch.eye(len(space), dtype=torch.float64)
    return torch.einsum("ab,b...->a...", change, identity_grid(space).double())[None]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_result_has_one_value_a_voxel_in_the_fields_dtype(space, dtype):
    determinant = jacobian_determinant(torch.zeros(2, len(space), *space, dtype=dtype))

    assert determinant.shape == (2, *space)
    assert determinant.dtype == dtype


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("shift", [0.0, 3.7])
def test_translation_changes_no_volume(space, shift):
    determinant = jacobian_determinant(torch.full((1, len(space), *space), shift))

    assert torch.equal(determinant, torch.ones(1, *space))


@pytest.mark.parametrize("space", SPACES)
def test_determinant_of_an_affine_map_is_that_of_its_matrix(rng, space):
    matrix = np.eye(len(space)) + rng.uniform(-0.6, 0.6, (len(space), len(space)))

    determinant = jacobian_determinant(_affine(space, matrix))

    assert torch.allclose(determinant, torch.tensor(np.linalg.det(matrix)), rtol=1e-10)


@pytest.mark.parametrize("space", SPACES)
def test_fold_is_negative(space):
    mirror = np.eye(len(space))
    mirror[0, 0] = -2

    assert torch.allclose(jacobian_determinant(_affine(space, mirror)), torch.tensor(-2.0).double())


@pytest.mark.parametrize("space", SPACES)
def test_agrees_with_numpy(rng, space):
    field = rng.uniform(-1, 1, (len(space), *space))

    determinant = jacobian_determinant(torch.from_numpy(field[None]))

    slopes = np.array([np.gradient(component) for component in field])  # (component, axis, *space)
    matrices = np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(len(space))
    np.testing.assert_allclose(determinant[0], np.linalg.det(matrices), atol=1e-10)


@pytest.mark.parametrize("space", SPACES)
def test_agrees_with_itk_inside(rng, space):
    field = rng.uniform(-0.4, 0.4, (len(space), *space))

    determinant = jacobian_determinant(torch.from_numpy(field[None]))[0]

    vectors = np.ascontiguousarray(np.moveaxis(field[::-1], 0, -1))
    itk = sitk.DisplacementFieldJacobianDeterminant(sitk.GetImageFromArray(vectors, isVector=True))
    inner = (slice(1, -1),) * len(space)
    np.testing.assert_allclose(determinant[inner], sitk.GetArrayFromImage(itk)[inner], atol=1e-5)


@pytest.mark.parametrize("space", SPACES)
def test_determinants_multiply_under_composition(space):
    n = len(space)
    first, second = 0.9 * np.eye(n), np.diag(np.linspace(0.7, 1.0, n))
    first[0, 1] = 0.05

    both = jacobian_determinant(compose(_affine(space, first), _affine(space, second)))

    inner = both[(0, *[slice(1, -2)] * n)]
    assert torch.allclose(inner, torch.tensor(np.linalg.det(first) * np.linalg.det(second)))


@pytest.mark.parametrize("space", SPACES)
def test_gradient_at_the_identity_is_half_of_each_neighbour(space):
    field = torch.zeros(1, len(space), *space, dtype=torch.float64, requires_grad=True)
    voxel = (3,) * len(space)

    jacobian_determinant(field)[(0, *voxel)].backward()

    wanted = torch.zeros_like(field)
    for axis in range(len(space)):
        for step in (-1, 1):
            neighbour = [3 + step * (axis == other) for other in range(len(space))]
            wanted[(0, axis, *neighbour)] = step / 2
    assert torch.allclose(field.grad, wanted)


@pytest.mark.parametrize("space", [(3, 4), (3, 2, 3)], ids=["2d", "3d"])
def test_gradcheck(rng, space):
    field = torch.from_numpy(rng.uniform(-0.5, 0.5, (1, len(space), *space))).requires_grad_()

    assert torch.autograd.gradcheck(jacobian_determinant, (field,))


def test_axis_of_one_voxel_is_refused():
    with pytest.raises(ShapeError, match="a derivative needs two voxels along each axis"):
        jacobian_determinant(torch.zeros(1, 3, 1, 4, 4))


def test_what_is_no_field_is_refused():
    with pytest.raises(ShapeError, match=r"displacement has shape \(1, 3, 4, 4\), but a field must be"):
        jacobian_determinant(torch.zeros(1, 3, 4, 4))


@pytest.mark.parametrize("space", SPACES)
def test_smallest_determinant_is_that_of_the_one_sided_slopes_by_numpy(rng, space):
    field = rng.uniform(-1, 1, (len(space), *space))
    corners = []
    for sides in itertools.product((0, 1), repeat=len(space)):
        slopes = np.empty((len(space), len(space), *space))
        for axis, after in enumerate(sides):
            steps = np.diff(field, axis=1 + axis)
            slopes[:, axis] = np.pad(
                steps,
                [(0, 0)] + [((0, 1) if after else (1, 0)) if axis == each else (0, 0) for each in range(len(space))],
                mode="edge",
            )
        corners.append(np.linalg.det(np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(len(space))))

    found = smallest_determinant(torch.from_numpy(field[None]))

    np.testing.assert_allclose(found[0], np.min(corners, axis=0), atol=1e-10)


def test_central_differences_may_hide_a_fold_that_one_sided_ones_see():
    field = torch.zeros(1, 2, 6, 9)
    field[:, 1, :, 4] = 1.5  # a column that passes its neighbour

    assert jacobian_determinant(field).min() > 0
    assert smallest_determinant(field).min() == -0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_smallest_determinant_has_one_value_a_voxel_in_the_fields_dtype(dtype):
    determinant = smallest_determinant(torch.zeros(2, 3, 4, 5, 6, dtype=dtype))

    assert torch.equal(determinant, torch.ones(2, 4, 5, 6, dtype=dtype))


def test_smallest_determinant_refuses_what_has_no_slope():
    with pytest.raises(ShapeError, match="two voxels along each axis"):
        smallest_determinant(torch.zeros(1, 2, 1, 6))
