from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from sarnet.errors import GridError, InputError
from sarnet.images import Grid, Image, network_grid, resample


def world(grid):
    """Position of every voxel, component last."""
    index = np.stack(np.indices(grid.shape), axis=-1)
    return index @ grid.voxel_to_world().T + np.array(grid.origin)


def test_the_same_grid_changes_nothing(oblique_grid, rng):
    image = Image(array=rng.random(oblique_grid.shape).astype(np.float32), grid=oblique_grid)

    np.testing.assert_allclose(resample(image, oblique_grid).array, image.array, atol=1e-5)


@pytest.mark.parametrize(("longest", "edge"), [(120, 0), (24, 6)])
def test_a_linear_ramp_stays_the_world_coordinate_on_the_network_grid(oblique_grid, longest, edge):
    oblique_grid = replace(oblique_grid, size=tuple(3 * s for s in oblique_grid.size))
    # beside the edge, smoothing for the coarser of the two grids takes in values from beyond it
    target = network_grid(oblique_grid, multiple=4, longest_voxels=longest)
    for axis in range(oblique_grid.dimension):
        ramp = world(oblique_grid)[..., axis]
        image = Image(array=ramp.astype(np.float32), grid=oblique_grid)

        sampled = resample(image, target, outside=np.nan).array

        position = (world(target) - np.array(oblique_grid.origin)) @ np.linalg.inv(oblique_grid.voxel_to_world()).T
        inside = ((position >= edge) & (position <= np.array(oblique_grid.shape) - 1 - edge)).all(axis=-1)
        assert inside.any()
        np.testing.assert_allclose(sampled[inside], world(target)[..., axis][inside], atol=2e-5)


def test_linear_agrees_with_scipy(rng):
    image = Image.from_array(rng.random((8, 9, 10)).astype(np.float32), spacing=(1.0, 2.0, 0.5))
    grid = replace(image.grid, origin=(0.3, 0.9, 0.7), size=(8, 8, 6))

    offset = np.array([0.7 / 0.5, 0.9 / 2.0, 0.3])
    expected = ndimage.shift(image.array, -offset, order=1)[:6, :8, :8]

    np.testing.assert_allclose(resample(image, grid).array[:6, :7, :8], expected[:, :7], atol=1e-5)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.uint32, np.int64])
def test_nearest_keeps_labels_and_their_type(kind):
    big = 2**24 + 1 if np.iinfo(kind).max > 2**25 else np.iinfo(kind).max
    image = Image.from_array(np.array([[0, 1, 2], [3, big, 5]], dtype=kind))
    grid = replace(image.grid, origin=(0.4, -0.4))

    labels = resample(image, grid, interpolation="nearest")

    assert labels.array.dtype == kind
    np.testing.assert_array_equal(labels.array, image.array)


def test_nearest_keeps_a_mask_a_mask():
    mask = resample(Image.from_array(np.eye(3, dtype=bool)), Grid.plain((3, 3)), interpolation="nearest")

    assert mask.array.dtype == bool
    np.testing.assert_array_equal(mask.array, np.eye(3, dtype=bool))


def test_integers_are_read_between_voxels_without_rounding():
    image = Image.from_array(np.array([[0, 1], [0, 1], [0, 1]], dtype=np.uint8))

    assert resample(image, replace(image.grid, origin=(0.5, 0.0), size=(1, 3))).array.tolist() == [[0.5]] * 3


def test_outside_is_the_background_or_the_lowest_value(rng):
    beyond = Grid.plain((4, 30))
    framed = np.full((4, 4), 9.0)
    framed[1:3, 1:3] = rng.random((2, 2))
    bare = 3 + rng.random((4, 4))

    assert resample(Image.from_array(framed), beyond).array[0, -1] == 9
    assert resample(Image.from_array(bare), beyond).array[0, -1] == pytest.approx(bare.min())
    assert resample(Image.from_array(bare), beyond, outside=-1).array[0, -1] == -1
    labels = Image.from_array(np.full((4, 4), 5, np.int16))
    assert resample(labels, beyond, interpolation="nearest").array[0, -1] == 0


def test_a_checkerboard_on_a_coarser_grid_is_grey():
    board = Image.from_array((np.indices((40, 40)).sum(axis=0) % 2).astype(np.float32))
    coarse = Grid.plain((10, 10), spacing=(4.0, 4.0))

    smoothed = resample(board, coarse).array

    np.testing.assert_allclose(smoothed[1:-1, 1:-1], 0.5, atol=0.01)


def test_smoothing_acts_only_along_the_coarser_axis():
    rows = np.tile((np.arange(40) % 2)[:, None], (1, 40)).astype(np.float32)
    coarse_x = Grid.plain((40, 10), spacing=(4.0, 1.0))

    np.testing.assert_allclose(resample(Image.from_array(rows), coarse_x).array, rows[:, ::4], atol=1e-6)


def test_smoothing_follows_the_axes_of_a_turned_image():
    # array rows run along the world's x here, so a grid that is coarse in x is coarse along them
    turned = Grid(size=(40, 40), spacing=(1.0, 1.0), origin=(0.0, 0.0), direction=(0.0, 1.0, 1.0, 0.0))
    rows = Image(array=np.tile((np.arange(40) % 2)[:, None], (1, 40)).astype(np.float32), grid=turned)

    smoothed = resample(rows, Grid.plain((40, 10), spacing=(4.0, 1.0))).array

    np.testing.assert_allclose(smoothed[:, 1:-1], 0.5, atol=0.01)


def test_labels_are_never_smoothed():
    labels = Image.from_array((np.arange(64).reshape(8, 8) % 7).astype(np.uint8))

    sampled = resample(labels, Grid.plain((2, 2), spacing=(4.0, 4.0)), interpolation="nearest")

    np.testing.assert_array_equal(sampled.array, labels.array[::4, ::4])


@pytest.mark.usefixtures("unchecked")
def test_an_unknown_interpolation_is_refused():
    with pytest.raises(InputError, match="'cubic', but must be one of"):
        resample(Image.from_array(np.zeros((3, 3))), Grid.plain((3, 3)), interpolation="cubic")


def test_a_grid_of_other_axes_is_refused():
    with pytest.raises(GridError, match="grid has 3 axes, but image has 2"):
        resample(Image.from_array(np.zeros((3, 3))), Grid.plain((3, 3, 3)))
