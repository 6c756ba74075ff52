from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import GridError
from sarnet.images import Grid
from sarnet.transforms import Transform, jacobian


def test_determinant_of_an_affine_map_is_that_of_its_matrix(grid, turn):
    n = grid.dimension
    matrix = turn(*[20.0, 10.0, 5.0][: 2 * n - 3]) @ np.diag([1.2, 0.7, 1.5][:n])
    transform = Transform(grid=grid, matrix=matrix, translation=np.ones(n))

    determinant = jacobian(transform, grid)

    np.testing.assert_allclose(determinant.array, np.prod([1.2, 0.7, 1.5][:n]), rtol=1e-6)
    assert determinant.array.dtype == np.float32
    assert determinant.grid == grid


def test_a_linear_field_has_the_determinant_of_its_matrix(grid, world):
    n = grid.dimension
    matrix = np.array([[1.1, 0.2, 0.0], [0.1, 0.8, 0.3], [0.0, -0.1, 1.3]])[:n, :n]
    field = world(grid) @ (matrix - np.eye(n)).T
    transform = Transform(grid=grid, matrix=np.diag([2.0, 3.0, 0.5][:n]), translation=np.zeros(n))

    determinant = jacobian(transform.with_displacement(field), grid)

    expected = np.linalg.det(np.diag([2.0, 3.0, 0.5][:n]) @ matrix)
    np.testing.assert_allclose(determinant.array, expected, rtol=1e-4)


def test_itk_has_the_same_determinant_where_the_axes_are_the_worlds(grid, bumpy):
    grid = replace(grid, direction=tuple(np.eye(grid.dimension).ravel().tolist()))  # ITK's passes over direction
    transform = Transform.identity(grid).with_displacement(bumpy(grid))

    ours = jacobian(transform, grid).array

    vectors = sitk.GetImageFromArray(transform.displacement, isVector=True)
    grid.place(vectors)
    theirs = sitk.GetArrayFromImage(sitk.DisplacementFieldJacobianDeterminant(vectors))
    inside = (slice(1, -1),) * grid.dimension
    np.testing.assert_allclose(ours[inside], theirs[inside], atol=1e-3)


def test_logarithm_is_that_of_the_determinant_and_none_where_the_field_folds(oblique, bumpy):
    grid = oblique(2)
    folding = Transform.identity(grid).with_displacement(bumpy(grid, 25.0))

    determinant, logarithm = jacobian(folding, grid).array, jacobian(folding, grid, log=True).array

    folds = determinant <= 0
    assert folds.any()
    np.testing.assert_array_equal(np.isnan(logarithm), folds)
    np.testing.assert_allclose(logarithm[~folds], np.log(determinant[~folds]), rtol=1e-5)


def test_the_reference_decides_the_grid(oblique, bumpy):
    grid = oblique(2)
    coarse = replace(grid, size=(15, 13), spacing=(3.0, 4.0))

    determinant = jacobian(Transform.identity(grid).with_displacement(bumpy(grid)), coarse)

    assert determinant.grid == coarse


def test_along_an_axis_of_one_voxel_the_field_is_constant():
    grid = Grid.plain((1, 5, 6))
    field = np.zeros((*grid.shape, 3))
    field[..., 0] = 0.25 * np.arange(6)

    determinant = jacobian(Transform.identity(grid).with_displacement(field), grid)

    np.testing.assert_allclose(determinant.array, np.full(grid.shape, 1.25))


def test_another_number_of_axes_is_refused(oblique):
    with pytest.raises(GridError, match="3 axes"):
        jacobian(Transform.identity(oblique(3)), oblique(2))
