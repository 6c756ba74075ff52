from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import GridError, InputError, ShapeError
from sarnet.images import Grid
from sarnet.transforms import Transform


def test_identity_leaves_points_where_they_are(grid, world):
    points = world(grid).reshape(-1, grid.dimension)[::7]

    identity = Transform.identity(grid)

    np.testing.assert_array_equal(identity.points(points), points)
    assert identity.displacement is None
    assert not identity.total_displacement().any()


def test_the_field_acts_before_the_affine_map(grid, world, turn):
    n = grid.dimension
    matrix, shift, push = turn(*[30.0] * (2 * n - 3)) * 1.2, np.arange(1.0, n + 1), np.array([5.0, -2.0, 1.0])[:n]
    field = np.broadcast_to(push, (*grid.shape, n)).astype(np.float32)
    points = world(grid).reshape(-1, n)[::11]

    both = Transform(grid=grid, matrix=matrix, translation=shift, displacement=field)

    np.testing.assert_allclose(both.points(points), (points + push) @ matrix.T + shift, atol=1e-9)
    total = both.total_displacement()
    assert total.dtype == np.float32
    np.testing.assert_allclose(total.reshape(-1, n)[::11], (points + push) @ matrix.T + shift - points, atol=1e-4)


def test_a_field_is_read_linearly_and_is_zero_beyond_its_grid(oblique, world, bumpy):
    grid = oblique(2)
    field = bumpy(grid)
    transform = Transform.identity(grid).with_displacement(field)
    between = world(grid)[3, 4:6].mean(axis=0)
    beyond = np.array(grid.origin) - 10 * grid.voxel_to_world()[:, 0]

    moved = transform.points(np.stack([between, beyond]))

    np.testing.assert_allclose(moved[0] - between, field[3, 4:6].mean(axis=0), atol=1e-5)
    np.testing.assert_array_equal(moved[1], beyond)


def test_no_points_stay_no_points(grid):
    assert Transform.identity(grid).points(np.zeros((0, grid.dimension))).shape == (0, grid.dimension)


def test_points_go_where_itk_leads_them(grid, world, bumpy, turn, rng):
    n = grid.dimension
    transform = Transform(
        grid=grid, matrix=1.1 * turn(*[7.0] * (2 * n - 3)), translation=np.arange(1.0, n + 1), displacement=bumpy(grid)
    )
    middle = world(grid).reshape(-1, n).mean(axis=0)
    points = middle + rng.normal(scale=25, size=(200, n))  # some of them beyond the grid

    itk = transform.to_itk()

    np.testing.assert_allclose(transform.points(points), [itk.TransformPoint(p) for p in points.tolist()], atol=1e-6)


def test_to_itk_and_back_is_the_same_to_the_bit(grid, turn, bumpy):
    n = grid.dimension
    transform = Transform(
        grid=grid, matrix=turn(*[7.0] * (2 * n - 3)), translation=np.full(n, 3.3), displacement=bumpy(grid)
    )

    back = Transform.from_itk(transform.to_itk(), grid)

    np.testing.assert_array_equal(back.matrix, transform.matrix)
    np.testing.assert_array_equal(back.translation, transform.translation)
    np.testing.assert_allclose(back.displacement, transform.displacement, atol=1e-6)


@pytest.mark.parametrize(
    "itk",
    [
        sitk.Euler3DTransform((5, 6, 7), 0.1, -0.2, 0.3, (1, 2, 3)),
        sitk.Similarity3DTransform(1.3, (0, 0, 1), 0.4, (1, 2, 3), (4, 5, 6)),
        sitk.VersorTransform((0, 1, 0), 0.5, (3, 2, 1)),
        sitk.TranslationTransform(3, (6, -4, 3)),
        sitk.ScaleTransform(3, (1.1, 0.9, 1.2)),
        sitk.AffineTransform((1, 0.2, 0, 0, 1, 0, 0.1, 0, 1), (1, 2, 3), (9, 8, 7)),
        sitk.Transform(3, sitk.sitkIdentity),
        sitk.CompositeTransform(3),
    ],
    ids=lambda itk: itk.GetName(),
)
def test_linear_transforms_of_itk_become_a_matrix(itk, oblique, rng):
    points = rng.normal(scale=50, size=(20, 3))

    transform = Transform.from_itk(itk, oblique(3))

    assert transform.displacement is None
    np.testing.assert_allclose(transform.points(points), [itk.TransformPoint(p) for p in points.tolist()], atol=1e-10)


def test_composites_keep_their_order(oblique, rng):
    scale, shift = sitk.ScaleTransform(2, (2, 3)), sitk.TranslationTransform(2, (10, 20))
    nested = sitk.CompositeTransform(
        [sitk.CompositeTransform([scale, shift]), sitk.Euler2DTransform((1, 1), 0.5, (0, 2))]
    )
    points = rng.normal(scale=50, size=(20, 2))

    transform = Transform.from_itk(nested, oblique(2))

    np.testing.assert_allclose(
        transform.points(points), [nested.TransformPoint(p) for p in points.tolist()], atol=1e-10
    )


@pytest.mark.parametrize("order", ["field last", "two fields"])
def test_any_other_composite_becomes_its_total_displacement(order, oblique, world, bumpy):
    grid = oblique(2)
    field = Transform.identity(grid).with_displacement(bumpy(grid)).to_itk()
    other = sitk.Euler2DTransform((0, 20), 0.1, (1, 1)) if order == "field last" else field
    composite = sitk.CompositeTransform([field, other])
    points = world(grid).reshape(-1, 2)

    transform = Transform.from_itk(composite, grid)

    np.testing.assert_array_equal(transform.matrix, np.eye(2))
    expected = np.array([composite.TransformPoint(p) for p in points.tolist()])
    np.testing.assert_allclose(transform.points(points), expected, atol=1e-4)


def test_a_spline_is_read_on_the_grid(oblique, world):
    grid = oblique(2)
    spline = sitk.BSplineTransformInitializer(grid.empty_itk(), [3, 3])
    spline.SetParameters(np.random.default_rng(0).normal(scale=3, size=len(spline.GetParameters())).tolist())
    points = world(grid)[2:-2, 2:-2].reshape(-1, 2)

    transform = Transform.from_itk(spline, grid)

    expected = [spline.TransformPoint(p) for p in points.tolist()]
    np.testing.assert_allclose(transform.points(points), expected, atol=1e-4)


def test_with_displacement_keeps_the_affine_map(oblique, bumpy):
    grid = oblique(2)
    affine = Transform(grid=grid, matrix=np.diag([1.1, 0.9]), translation=np.ones(2))

    both = affine.with_displacement(bumpy(grid).astype(np.float64))

    assert both.displacement.dtype == np.float32
    np.testing.assert_array_equal(both.matrix, affine.matrix)
    assert both.with_displacement(None).displacement is None


def test_what_does_not_fit_is_refused(unchecked, oblique, bumpy):
    grid = oblique(2)
    good = Transform.identity(grid)

    with pytest.raises(ShapeError, match="a grid of 2 axes needs"):
        replace(good, matrix=np.eye(3))
    with pytest.raises(ShapeError, match="displacement has shape"):
        good.with_displacement(bumpy(grid)[1:])
    with pytest.raises(InputError, match="must be finite"):
        replace(good, matrix=np.full((2, 2), np.nan))
    with pytest.raises(InputError, match="displacement must be finite"):
        good.with_displacement(np.full_like(bumpy(grid), np.inf))
    with pytest.raises(InputError, match="is singular"):
        replace(good, matrix=np.ones((2, 2)))
    with pytest.raises(ShapeError, match=r"wanted \(point, 2\)"):
        good.points(np.zeros((4, 3)))
    with pytest.raises(GridError, match="transform has 3 axes"):
        Transform.from_itk(sitk.AffineTransform(3), Grid.plain((4, 4)))
