from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import GridError, InputError
from sarnet.images import Grid
from sarnet.transforms import Transform, apply, compose


def inner(grid: Grid, world) -> np.ndarray:
    """World positions of voxels far enough from the edge that no field leads beyond it."""
    return world(grid)[(slice(5, -5),) * grid.dimension].reshape(-1, grid.dimension)


@pytest.fixture
def pair(grid, bumpy, about, turn, world):
    """Two transforms with a field each that do not commute."""
    n = grid.dimension
    middle = world(grid).reshape(-1, n).mean(axis=0)
    first = about(middle, turn(*[8.0, -5.0, 11.0][: 2 * n - 3]), np.array([6.0, -4.0, 3.0])[:n], grid)
    second = about(middle, np.diag([1.2, 0.9, 1.1][:n]), np.array([-3.0, 1.0, 2.0])[:n], grid)
    return first.with_displacement(bumpy(grid, 2.0)), second.with_displacement(bumpy(grid, 2.5)[..., ::-1].copy())


def test_a_scale_then_a_shift_takes_one_to_twelve():
    grid = Grid.plain((3, 3))
    scale = Transform(grid=grid, matrix=2 * np.eye(2), translation=np.zeros(2))
    shift = Transform(grid=grid, matrix=np.eye(2), translation=np.full(2, 10.0))

    one = np.ones((1, 2))

    np.testing.assert_array_equal(compose(scale, shift).points(one), [[12, 12]])
    np.testing.assert_array_equal(compose(shift, scale).points(one), [[22, 22]])


def test_a_point_passes_the_first_then_the_second(pair, grid, world):
    first, second = pair
    points = inner(grid, world)

    both = compose(first, second)

    np.testing.assert_allclose(both.points(points), second.points(first.points(points)), atol=1e-3)
    assert np.abs(both.points(points) - first.points(second.points(points))).max() > 0.5
    assert both.grid == first.grid


def test_itk_composes_to_the_same(pair, grid):
    first, second = pair

    ours = compose(first, second).total_displacement()

    both = sitk.CompositeTransform([second.to_itk(), first.to_itk()])  # the last acts first
    theirs = sitk.TransformToDisplacementField(
        both, sitk.sitkVectorFloat64, grid.size, grid.origin, grid.spacing, grid.direction
    )
    apart = np.abs(ours - sitk.GetArrayFromImage(theirs)).max(axis=-1)
    assert np.quantile(apart, 0.999) < 1e-3  # at the edge of the second field rounding decides


def test_an_image_is_acted_on_in_the_other_order(oblique, about, turn, phantom, world):
    grid = oblique(2)
    middle = world(grid).reshape(-1, 2).mean(axis=0)
    first = about(middle, turn(25.0), np.array([4.0, 2.0]), grid)
    second = about(middle, np.diag([1.3, 0.8]), np.array([-2.0, 5.0]), grid)
    moving = phantom(grid)

    at_once = apply(compose(first, second), moving, grid, interpolation="linear").array
    halfway = apply(second, moving, grid, interpolation="linear")
    one_by_one = apply(first, halfway, grid, interpolation="linear").array

    inside = (slice(8, -8),) * 2
    assert np.abs(at_once - one_by_one)[inside].mean() < 0.02
    wrong = apply(compose(second, first), moving, grid, interpolation="linear").array
    assert np.abs(wrong - one_by_one)[inside].mean() > 0.1


def test_affine_maps_stay_a_matrix(oblique, turn):
    grid = oblique(3)
    first = Transform(grid=grid, matrix=turn(1.0, 2.0, 3.0), translation=np.array([1.0, 2.0, 3.0]))
    second = Transform(grid=grid, matrix=np.diag([2.0, 3.0, 4.0]), translation=np.zeros(3))

    both = compose(first, second, first)

    assert both.displacement is None
    np.testing.assert_allclose(both.matrix, first.matrix @ second.matrix @ first.matrix)


def test_three_are_composed_from_left_to_right(pair, grid, world):
    first, second = pair
    points = inner(grid, world)

    at_once = compose(first, second, second)

    np.testing.assert_allclose(
        at_once.points(points), compose(compose(first, second), second).points(points), atol=1e-9
    )


def test_a_field_on_a_finer_grid_is_the_field_between_its_voxels(pair, grid, world):
    first, _ = pair
    finer = replace(
        grid, size=tuple(2 * size - 1 for size in grid.size), spacing=tuple(spacing / 2 for spacing in grid.spacing)
    )

    fine = compose(first, grid=finer)

    points = world(finer).reshape(-1, grid.dimension)
    assert fine.grid == finer
    np.testing.assert_allclose(fine.points(points), first.points(points), atol=1e-4)


def test_a_field_on_its_own_grid_is_taken_as_it_is(pair):
    first, _ = pair

    np.testing.assert_array_equal(compose(first, grid=replace(first.grid)).displacement, first.displacement)


def test_what_does_not_fit_is_refused(oblique):
    with pytest.raises(InputError, match="needs one at least"):
        compose()
    with pytest.raises(GridError, match="has 3 axes, but the others or the grid 2"):
        compose(Transform.identity(oblique(2)), Transform.identity(oblique(3)))
