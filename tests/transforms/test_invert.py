from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import GridError, ShapeError
from sarnet.transforms import Transform, apply, compose, invert, invert_points, jacobian


@pytest.fixture
def full(grid, bumpy, about, turn, world):
    """A rotation, a shift of (6, -4, 3) mm and a strong smooth field."""
    n = grid.dimension
    middle = world(grid).reshape(-1, n).mean(axis=0)
    affine = about(middle, turn(*[8.0, -5.0, 11.0][: 2 * n - 3]), np.array([6.0, -4.0, 3.0])[:n], grid)
    return affine.with_displacement(bumpy(grid, 6.0))


@pytest.fixture
def moving_grid(grid, full, world):
    """Another grid than the fixed one, of other spacing and direction, around all that the fixed grid is led to."""
    led = full.points(world(grid).reshape(-1, grid.dimension))
    spacing = np.array([1.1, 1.7, 2.6])[: grid.dimension]
    return replace(
        grid,
        size=tuple(int(size) for size in np.ptp(led, axis=0) // spacing + 2),
        spacing=tuple(spacing.tolist()),
        direction=tuple(np.eye(grid.dimension).ravel().tolist()),
        origin=tuple(led.min(axis=0).tolist()),
    )


def test_inverse_of_a_shift_is_the_shift_back(grid, world):
    shift = np.array([6.0, -4.0, 3.0])[: grid.dimension]
    points = world(grid).reshape(-1, grid.dimension)[::17]

    inverse = invert(Transform(grid=grid, matrix=np.eye(grid.dimension), translation=shift), grid)

    np.testing.assert_allclose(inverse.transform.points(points), points - shift, atol=1e-9)
    assert inverse.transform.displacement is None
    assert not inverse.residual_mm.any()


def test_strong_smooth_field_is_inverted_to_a_twentieth_of_a_voxel(full, moving_grid, world):
    n = full.grid.dimension

    inverse = invert(full, moving_grid)

    reached = ~np.isnan(inverse.residual_mm)
    places = world(moving_grid)[reached]
    apart = np.linalg.norm(full.points(inverse.transform.points(places)) - places, axis=1)
    assert reached.sum() > 200
    assert (jacobian(full, full.grid).array > 0).all()
    assert np.linalg.norm(full.displacement, axis=-1).max() > 1.5 * min(full.grid.spacing)
    assert apart.mean() < 0.05 * min(full.grid.spacing)
    np.testing.assert_allclose(inverse.residual_mm[reached], apart, atol=1e-3)
    assert inverse.mean_mm == pytest.approx(apart.mean(), abs=1e-4)
    assert inverse.largest_mm == pytest.approx(apart.max(), abs=1e-3)
    assert inverse.transform.grid == moving_grid
    assert places.shape[1] == n


def test_inverse_undoes_from_the_other_side_too(full, moving_grid, world):
    grid = full.grid
    points = world(grid)[(slice(6, -6),) * grid.dimension].reshape(-1, grid.dimension)

    inverse = invert(full, moving_grid)

    back = inverse.transform.points(full.points(points))
    there = np.linalg.norm(full.points(points) - points, axis=1).mean()
    assert np.linalg.norm(back - points, axis=1).mean() < 0.02 * there


def test_itk_inverts_to_the_same(oblique, bumpy):
    grid = oblique(2)
    field = Transform.identity(grid).with_displacement(bumpy(grid, 2.0))

    ours = invert(field, grid).transform.displacement

    itk = sitk.InvertDisplacementField(
        sitk.TransformToDisplacementField(
            field.to_itk(), sitk.sitkVectorFloat64, grid.size, grid.origin, grid.spacing, grid.direction
        ),
        maximumNumberOfIterations=100,
        maxErrorToleranceThreshold=1e-4,
        meanErrorToleranceThreshold=1e-5,
        enforceBoundaryCondition=False,
    )
    inside = (slice(4, -4),) * 2
    np.testing.assert_allclose(ours[inside], sitk.GetArrayFromImage(itk)[inside], atol=5e-3)


def test_a_wrong_sign_or_order_would_leave_millimetres(full, moving_grid, world):
    inverse = invert(full, moving_grid)
    places = world(moving_grid)[~np.isnan(inverse.residual_mm)]
    negative = replace(inverse.transform, displacement=-inverse.transform.displacement)

    apart = np.linalg.norm(full.points(negative.points(places)) - places, axis=1)

    assert apart.mean() > 1


def test_image_goes_there_and_back(oblique, bumpy, about, turn, world, phantom):
    grid = oblique(2)
    middle = world(grid).reshape(-1, 2).mean(axis=0)
    transform = about(middle, turn(15.0), np.array([3.0, -2.0]), grid).with_displacement(bumpy(grid, 2.0))
    image = phantom(grid)

    warped = apply(transform, image, grid, interpolation="linear")
    back = apply(invert(transform, grid).transform, warped, grid, interpolation="linear").array

    inside = (slice(7, -7),) * 2
    assert np.abs(back - image.array)[inside].mean() < 0.05
    assert np.abs(warped.array - image.array)[inside].mean() > 0.1


def test_points_go_back_to_where_they_came_from(full, world):
    grid = full.grid
    points = world(grid)[(slice(4, -4),) * grid.dimension].reshape(-1, grid.dimension)[::3]

    found = invert_points(full, full.points(points))

    np.testing.assert_allclose(found.points_world, points, atol=5e-3)
    np.testing.assert_allclose(
        found.residual_mm, np.linalg.norm(full.points(found.points_world) - full.points(points), axis=1)
    )
    assert found.residual_mm.max() < 5e-3


def test_points_far_from_the_field_follow_the_affine_map_alone(full, rng):
    points = 1000 + rng.normal(scale=50, size=(9, full.grid.dimension))

    found = invert_points(full, points)

    np.testing.assert_allclose(full.points(found.points_world), points, atol=1e-9)
    assert len(invert_points(full, points[:0]).points_world) == 0


def test_a_field_that_stretches_steeply_is_inverted(oblique, world):
    grid = oblique(2)
    points = world(grid)
    offset = points - points.reshape(-1, 2).mean(axis=0)
    length = np.linalg.norm(offset, axis=-1, keepdims=True)
    steep = Transform.identity(grid).with_displacement(offset * 5 * np.minimum(1, 1 / np.maximum(length / 4, 1e-9)))

    inverse = invert(steep, grid)

    assert jacobian(steep, grid).array.max() > 20  # a plain iteration overshoots fivefold
    assert inverse.largest_mm < 2e-3 * min(grid.spacing)


def test_a_fold_leaves_a_large_residual(oblique, world):
    grid = oblique(2)
    points = world(grid)
    offset = points - points.reshape(-1, 2).mean(axis=0)
    field = -3 * offset * np.exp(-(offset**2).sum(axis=-1, keepdims=True) / 10**2)
    folded = Transform.identity(grid).with_displacement(field)

    inverse = invert(folded, grid)

    assert (jacobian(folded, grid).array <= 0).any()
    assert inverse.largest_mm > 0.3 * min(grid.spacing)


def test_a_grid_that_the_field_does_not_reach_has_no_residual(full):
    away = replace(full.grid, origin=tuple(coordinate + 1e4 for coordinate in full.grid.origin))

    inverse = invert(full, away)

    assert np.isnan(inverse.residual_mm).all()
    assert (inverse.mean_mm, inverse.largest_mm) == (0, 0)


def test_inverse_composed_with_its_transform_is_the_identity(full, moving_grid):
    inverse = invert(full, moving_grid)

    both = compose(inverse.transform, full)

    reached = ~np.isnan(inverse.residual_mm)
    assert np.abs(both.total_displacement()[reached]).mean() < 0.02


def test_what_does_not_fit_is_refused(unchecked, oblique):
    with pytest.raises(GridError, match="grid has 3 axes, but the transform has 2"):
        invert(Transform.identity(oblique(2)), oblique(3))
    with pytest.raises(ShapeError, match=r"wanted \(point, 2\)"):
        invert_points(Transform.identity(oblique(2)), np.zeros((4, 3)))
