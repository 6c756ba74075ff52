from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import GridError, InputError
from sarnet.images import Grid, Image
from sarnet.transforms import Transform, affine, align


@pytest.fixture
def fine(oblique):
    """A grid of the number of axes asked for, with more voxels than the oblique one."""

    def make(dimension: int) -> Grid:
        grid = oblique(dimension)
        size = (90, 70, 40)[:dimension]
        return replace(grid, size=size, spacing=tuple(s / 3 for s in grid.spacing))

    return make


def middle(grid: Grid) -> np.ndarray:
    return np.array(grid.origin) + grid.voxel_to_world() @ ((np.array(grid.shape) - 1) / 2)


def error_voxels(found: Transform, truth: Transform, points: np.ndarray) -> float:
    """How far the two lead the points apart on average, in voxels of the fixed grid."""
    apart_mm = found.points(points) - truth.points(points)
    return float(np.linalg.norm(apart_mm @ np.linalg.inv(truth.grid.voxel_to_world()).T, axis=1).mean())


@pytest.fixture
def pair(fine, about, turn, phantom, world):
    """Fixed and moving image, the truth between them and the points in the object it is judged at."""

    def make(dimension: int, kind: str, contrast=lambda array: array):
        grid = fine(dimension)
        matrix = turn(*([8.0] if dimension == 2 else [4.0, -6.0, 5.0]))
        if kind == "affine":
            matrix = matrix @ np.diag([1.08, 0.94, 1.05][:dimension])
        truth = about(middle(grid), matrix, np.array([3.0, -2.0, 1.5])[:dimension], grid)
        # fixed(p) = moving(T p): the fixed image is the moving one's blobs, seen through the truth
        moving = phantom(grid)
        moving = Image(array=contrast(moving.array), grid=grid)
        points = world(grid).reshape(-1, dimension)
        near = points[np.linalg.norm(points - middle(grid), axis=1) < 14][::5]
        return phantom(grid, truth), moving, truth, near

    return make


@pytest.mark.parametrize("kind", ["rigid", "affine"])
@pytest.mark.parametrize("dimension", [2, 3])
def test_map_of_the_exchanged_pair_is_the_inverse(pair, dimension, kind):
    fixed, moving, _, _ = pair(dimension, kind)
    small = replace(moving.grid, origin=tuple(np.add(moving.grid.origin, 2.0)))
    moving = replace(moving, grid=small)

    there, back = align(fixed, moving, kind=kind), align(moving, fixed, kind=kind)

    around = there.transform.homogeneous() @ back.transform.homogeneous()
    np.testing.assert_allclose(around, np.eye(dimension + 1), atol=1e-9)
    assert there.kept
    assert there.cost_final == pytest.approx(back.cost_final, abs=1e-9)


@pytest.mark.parametrize("kind", ["rigid", "affine"])
@pytest.mark.parametrize("dimension", [2, 3])
def test_a_known_map_is_found_to_half_a_voxel(pair, dimension, kind):
    fixed, moving, truth, points = pair(dimension, kind)

    found = align(fixed, moving, kind=kind)

    assert found.kept
    assert found.cost_final < found.cost_initial
    assert found.iterations > 0
    assert found.transform.displacement is None
    assert error_voxels(Transform.identity(fixed.grid), truth, points) > 2
    assert error_voxels(found.transform, truth, points) < 0.5


def test_a_rigid_map_keeps_lengths(pair):
    fixed, moving, _, _ = pair(3, "affine")

    matrix = align(fixed, moving, kind="rigid").transform.matrix

    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-9)


def test_contrast_may_differ(pair):
    fixed, moving, truth, points = pair(2, "rigid", contrast=lambda array: np.exp(-2 * array).astype(np.float32))

    found = align(fixed, moving, kind="rigid")

    assert error_voxels(found.transform, truth, points) < 0.5


def test_images_that_lie_far_apart_find_each_other(phantom, fine):
    fixed = phantom(fine(2))
    away = np.array([300.0, -150.0])
    moving = Image(array=fixed.array, grid=replace(fixed.grid, origin=tuple(np.array(fixed.grid.origin) + away)))

    found = align(fixed, moving, kind="rigid")

    assert found.start in ("centres", "masses")
    np.testing.assert_allclose(found.transform.points(middle(fixed.grid)[None]), [middle(moving.grid)], atol=0.05)


def test_sizes_spacings_and_types_may_differ(phantom, about, turn, fine, world):
    grid = fine(2)
    other = Grid(size=(75, 80), spacing=(0.8, 0.9), origin=(-60.0, 10.0), direction=(1.0, 0.0, 0.0, 1.0))
    other = replace(other, origin=tuple(np.array(other.origin) + middle(grid) - middle(other)))
    truth = about(middle(grid), turn(6.0), np.array([2.0, 1.0]), grid)
    fixed, moving = phantom(grid, truth), phantom(other)  # blobs lie around the middle of a grid: both share it
    moving = Image(array=(100 * moving.array).astype(np.int16), grid=other)

    found = align(fixed, moving, kind="rigid")

    points = world(grid).reshape(-1, 2)
    near = points[np.linalg.norm(points - middle(grid), axis=1) < 14]
    assert error_voxels(found.transform, truth, near) < 0.5


def test_the_same_image_stays_where_it_is(phantom, fine):
    image = phantom(fine(2))

    found = align(image, image, kind="affine")

    assert not found.kept
    assert found.cost_final == found.cost_initial
    np.testing.assert_array_equal(found.transform.matrix, np.eye(2))


def test_an_initial_transform_is_gone_on_from(pair):
    fixed, moving, truth, points = pair(2, "affine")
    initial = replace(truth, translation=truth.translation + 2.0)

    found = align(fixed, moving, kind="rigid", initial=initial)

    assert found.start == "initial"
    assert error_voxels(found.transform, truth, points) < 0.5


def test_an_initial_transform_that_is_best_is_returned(phantom, fine):
    image = phantom(fine(2))
    identity = Transform.identity(image.grid)

    found = align(image, image, kind="rigid", initial=identity)

    assert not found.kept
    np.testing.assert_array_equal(found.transform.translation, identity.translation)


def test_what_a_mask_leaves_out_does_not_count(pair, world):
    fixed, moving, truth, points = pair(2, "rigid")
    places = world(fixed.grid) - middle(fixed.grid)
    around = np.linalg.norm(places, axis=-1) > 14  # a pattern that stays while what it surrounds moves
    pattern = 3 * np.sin(places[..., 0] / 1.5) * np.sin(places[..., 1] / 1.5)
    masks = [Image(array=(~around).astype(np.uint8), grid=fixed.grid)] * 2
    spoilt = [
        Image(array=np.where(around, pattern, image.array).astype(np.float32), grid=fixed.grid)
        for image in (fixed, moving)
    ]

    found = align(spoilt[0], spoilt[1], kind="rigid", fixed_mask=masks[0], moving_mask=masks[1])
    misled = align(spoilt[0], spoilt[1], kind="rigid")

    assert error_voxels(found.transform, truth, points) < 0.5
    assert error_voxels(misled.transform, truth, points) > 1.0


def test_the_same_bits_come_out_twice_whatever_the_threads(pair, monkeypatch):
    fixed, moving, _, _ = pair(2, "affine")
    monkeypatch.setattr(affine, "_SAMPLES", 2000)  # so that the sampling of large images is part of it
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()

    runs = [align(fixed, moving, kind="affine", threads=threads) for threads in (1, 2, 2, None)]

    for run in runs[1:]:
        np.testing.assert_array_equal(run.transform.matrix, runs[0].transform.matrix)
        np.testing.assert_array_equal(run.transform.translation, runs[0].transform.translation)
        assert run.cost_final == runs[0].cost_final
    monkeypatch.setattr(affine, "_SEED", 2)  # other places of the same voxels
    assert align(fixed, moving, kind="affine").cost_final != runs[0].cost_final
    assert sitk.ProcessObject.GetGlobalDefaultNumberOfThreads() == before


def test_what_cannot_be_aligned_is_refused(unchecked, phantom, oblique, bumpy):
    image = phantom(oblique(2))
    flat = Image.from_array(np.full((9, 9), 4.0))
    holed = Image(array=np.where(image.array > 0.5, np.nan, image.array), grid=image.grid)
    field = Transform.identity(image.grid).with_displacement(bumpy(image.grid))

    with pytest.raises(InputError, match="kind is 'similarity'"):
        align(image, image, kind="similarity")
    with pytest.raises(InputError, match="moving is 4 everywhere"):
        align(image, flat, kind="rigid")
    with pytest.raises(InputError, match="fixed holds values that are not finite"):
        align(holed, image, kind="rigid")
    with pytest.raises(InputError, match="needs 4 voxels along each axis: begin without one"):
        align(image, Image.from_array(np.eye(3)), kind="rigid")
    with pytest.raises(InputError, match="initial holds a displacement field"):
        align(image, image, kind="rigid", initial=field)
    with pytest.raises(GridError, match="initial has 3 axes"):
        align(image, image, kind="rigid", initial=Transform.identity(oblique(3)))
    with pytest.raises(GridError, match="but moving has 3"):
        align(image, phantom(oblique(3)), kind="rigid")
    with pytest.raises(GridError, match="moving_mask has another grid"):
        align(image, image, kind="rigid", moving_mask=flat)
    with pytest.raises(InputError, match="fixed_mask is zero everywhere"):
        align(image, image, kind="rigid", fixed_mask=Image(array=np.zeros_like(image.array), grid=image.grid))
