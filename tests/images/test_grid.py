import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import GridError
from sarnet.images import Grid


def test_voxel_to_world_agrees_with_itk(oblique_grid):
    itk = oblique_grid.empty_itk()
    index = [1, 2, 3][: oblique_grid.dimension]

    world = np.array(oblique_grid.origin) + oblique_grid.voxel_to_world() @ index[::-1]

    np.testing.assert_allclose(world, itk.TransformIndexToPhysicalPoint(index), atol=1e-9)


def test_of_and_place_are_inverse(oblique_grid):
    assert Grid.of(oblique_grid.empty_itk()).same_as(oblique_grid, tolerance=1e-9)


def test_shape_is_the_size_the_other_way_round():
    assert Grid.plain((2, 3, 4)).size == (4, 3, 2)
    assert Grid.plain((2, 3, 4), spacing=(1, 2, 3)).shape == (2, 3, 4)


def test_a_shift_of_a_tenth_of_a_voxel_is_another_grid_and_the_rounding_of_a_header_is_none():
    image = sitk.Image([512, 512], sitk.sitkUInt8)
    image.SetSpacing((0.48828125, 0.48828125))
    grid = Grid.of(image)

    image.SetSpacing((0.488281, 0.488281))  # as text has it
    assert grid.same_as(Grid.of(image))
    assert not grid.same_as(Grid.of(image), tolerance=1e-4)
    image.SetOrigin((0.05, 0))
    assert not grid.same_as(Grid.of(image))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": (3,), "spacing": (1.0,), "origin": (0.0,), "direction": (1.0,)}, "two or three axes"),
        ({"spacing": (1.0, 1.0, 1.0)}, "do not fit"),
        ({"size": (0, 3)}, "every axis needs a voxel"),
        ({"spacing": (0.0, 1.0)}, "spacing positive"),
        ({"origin": (np.nan, 1.0)}, "must be finite"),
    ],
)
def test_a_grid_that_is_none_is_refused(change, message):
    good = {"size": (3, 3), "spacing": (1.0, 1.0), "origin": (0.0, 0.0), "direction": (1.0, 0.0, 0.0, 1.0)}

    with pytest.raises(GridError, match=message):
        Grid(**(good | change))


def test_vectors_in_voxels_count_along_the_arrays_axes(oblique_grid):
    grid = oblique_grid
    steps = np.arange(1.0, grid.dimension + 1)  # voxels, array order
    vectors = np.broadcast_to(grid.voxel_to_world() @ steps, (*grid.shape, grid.dimension))

    voxels = grid.in_voxels(vectors)

    assert voxels.shape == (grid.dimension, *grid.shape)
    for axis, step in enumerate(steps):
        np.testing.assert_allclose(voxels[axis], step, atol=1e-9)
