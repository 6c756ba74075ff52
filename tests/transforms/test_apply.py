from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import GridError, InputError
from sarnet.images import Grid, Image, resample
from sarnet.transforms import Transform, apply


def shift(grid: Grid, *voxels: float) -> Transform:
    """A transform that reads so many voxels further along each array axis."""
    return Transform(grid=grid, matrix=np.eye(grid.dimension), translation=grid.voxel_to_world() @ np.array(voxels))


def test_a_shift_of_one_voxel_reads_the_next_voxel(oblique, phantom):
    image = phantom(oblique(3))

    warped = apply(shift(image.grid, 0, 1, 0), image, image.grid, interpolation="linear")

    np.testing.assert_allclose(warped.array[:, :-1], image.array[:, 1:], atol=1e-5)
    assert warped.grid == image.grid


def test_half_a_voxel_averages_two_neighbours(oblique, phantom):
    image = phantom(oblique(2))

    warped = apply(shift(image.grid, 0, 0.5), image, image.grid, interpolation="linear")

    np.testing.assert_allclose(warped.array[:, :-1], (image.array[:, 1:] + image.array[:, :-1]) / 2, atol=1e-5)


def test_the_reference_decides_the_grid_of_the_result(oblique, phantom):
    image = phantom(oblique(2))
    reference = Grid(size=(7, 5), spacing=(3.0, 4.0), origin=(-60.0, 20.0), direction=(1.0, 0.0, 0.0, 1.0))

    warped = apply(Transform.identity(image.grid), image, reference, interpolation="linear", outside=-1.0)

    expected = sitk.Resample(
        image.to_itk(), reference.empty_itk(), sitk.Transform(2, sitk.sitkIdentity), sitk.sitkLinear, -1.0
    )
    assert warped.grid == reference
    np.testing.assert_allclose(warped.array, sitk.GetArrayFromImage(expected), atol=1e-6)


@pytest.mark.parametrize("kind", [np.int32, np.uint32, np.int64, np.uint64, np.float64])
def test_a_label_above_2_to_the_24_survives(kind):
    label = 2**24 + 1  # float32 has no such number
    array = np.zeros((6, 7, 8), kind)
    array[2:4, 2:5, 2:6] = label
    image = Image.from_array(array)

    warped = apply(shift(image.grid, 1, 1, 1), image, image.grid, interpolation="label")

    assert warped.array.dtype == kind
    np.testing.assert_array_equal(warped.array[:-1, :-1, :-1], array[1:, 1:, 1:])
    assert set(np.unique(warped.array)) == {0, label}


def test_a_mask_stays_a_mask():
    mask = Image.from_array(np.eye(6) > 0)

    warped = apply(shift(mask.grid, 0, 1), mask, mask.grid, interpolation="label")

    assert warped.array.dtype == bool
    np.testing.assert_array_equal(warped.array[:, :-1], mask.array[:, 1:])


def test_what_lies_outside_is_background_unless_told(rng):
    image = Image.from_array(rng.uniform(-1000, 500, (6, 6)))
    labels = Image.from_array(rng.integers(3, 9, (6, 6)))
    away = shift(image.grid, 0, 50)

    def corner(image: Image, **options) -> float:
        return float(apply(away, image, image.grid, **options).array[0, 0])

    assert corner(image, interpolation="linear") == pytest.approx(image.array.min())
    assert corner(image, interpolation="nearest") == image.array.min()
    assert corner(labels, interpolation="label") == 0
    assert corner(image, interpolation="linear", outside=7.0) == 7.0
    assert corner(labels, interpolation="label", outside=255) == 255


def test_linear_gives_floats_and_nearest_keeps_the_type():
    image = Image.from_array(np.arange(36, dtype=np.uint8).reshape(6, 6))
    half = shift(image.grid, 0, 0.5)

    assert apply(half, image, image.grid, interpolation="linear").array.dtype == np.float32
    assert apply(half, image, image.grid, interpolation="nearest").array.dtype == np.uint8
    assert apply(half, image, image.grid, interpolation="linear").array[0, 0] == pytest.approx(0.5)


@pytest.mark.parametrize("orientation", ["RAS", "LAS", "LPS", "oblique"])
@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
def test_simpleitk_makes_the_same_image(orientation, interpolation, oblique, phantom, oriented, turned_and_bumpy):
    grid = oriented(orientation)
    centre = np.array(grid.origin) + grid.voxel_to_world() @ (np.array(grid.shape) / 2)
    transform = turned_and_bumpy(grid)
    reference, moving = oblique(3), phantom(grid)
    middle = reference.voxel_to_world() @ (np.array(reference.shape) / 2)
    reference = replace(reference, origin=tuple((centre - middle).tolist()))

    ours = apply(transform, moving, reference, interpolation=interpolation, outside=-1.0).array

    method = {"linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor}[interpolation]
    theirs = sitk.Resample(moving.to_itk(), reference.empty_itk(), transform.to_itk(), method, -1.0)
    theirs = sitk.GetArrayFromImage(theirs)
    differs = np.abs(ours - theirs) > 1e-4
    assert (theirs > 0.1).sum() > 100
    assert (theirs == -1).sum() > 100
    assert differs.mean() < 1e-3  # places between two voxels, or at the edge, by rounding


def test_label_is_the_largest_of_all_masks_read_linearly(oblique, bumpy, rng):
    grid = oblique(3)
    blocks = np.array([5, 2**24 + 1, 2**24 + 2, 7])[rng.integers(0, 4, (5, 7, 8))]
    labels = Image(array=blocks.repeat(4, 0).repeat(4, 1).repeat(4, 2)[:18, :26, :31].copy(), grid=grid)
    transform = Transform.identity(grid).with_displacement(bumpy(grid))

    warped = apply(transform, labels, grid, interpolation="label")

    names = [0, *np.unique(blocks)]
    masks = [(labels.array == name).astype(np.float32) for name in names]
    shares = [
        sitk.GetArrayFromImage(
            sitk.Resample(Image(array=mask, grid=grid).to_itk(), grid.empty_itk(), transform.to_itk(), sitk.sitkLinear)
        )
        for mask in masks
    ]
    shares[0] = 0.5 * (np.max(shares[1:], axis=0) == 0)  # beyond the image
    expected = np.array(names)[np.argmax(shares, axis=0)]
    assert warped.array.dtype == labels.array.dtype
    assert (warped.array != expected).mean() < 1e-3
    assert (apply(transform, labels, grid, interpolation="nearest").array != expected).mean() > 0.005


def test_beyond_the_image_there_is_no_label():
    labels = Image.from_array(np.ones((4, 6), np.uint8))
    away = shift(labels.grid, 0.0, 3.0)

    for reading in ("label", "nearest"):
        assert apply(away, labels, labels.grid, interpolation=reading).array[0].tolist() == [1, 1, 1, 0, 0, 0]


def test_what_lies_outside_may_be_no_number():
    image = Image.from_array(np.ones((4, 6), np.float32))

    found = apply(shift(image.grid, 0.0, 5.0), image, image.grid, interpolation="nearest", outside=np.nan)

    assert np.isnan(found.array).sum() == 20


def test_lengths_stay_in_what_they_were_in():
    picture, slice_ = (Image.from_array(np.eye(4), spacing=each) for each in (None, (1.0, 1.0)))
    still = Transform.identity(picture.grid)

    units = [apply(still, each, each.grid, interpolation="linear").length_unit for each in (picture, slice_)]
    resampled = [resample(each, each.grid).length_unit for each in (picture, slice_)]

    assert units == resampled == ["pixels", "mm"]


def test_of_labels_as_heavy_the_smallest_is_taken():
    labels = Image.from_array(np.array([[9, 4], [4, 9]]))

    warped = apply(shift(labels.grid, 0.5, 0.5), labels, labels.grid, interpolation="label")

    assert warped.array[0, 0] == 4


def test_what_does_not_fit_is_refused(unchecked, rng):
    image = Image.from_array(rng.uniform(size=(6, 6)))
    identity = Transform.identity(image.grid)

    with pytest.raises(InputError, match="must be one of"):
        apply(identity, image, image.grid, interpolation="cubic")
    with pytest.raises(GridError, match="have 2, 2 and 3 axes"):
        apply(identity, image, Grid.plain((6, 6, 6)), interpolation="linear")
    with pytest.raises(InputError, match="holds values that are no integers"):
        apply(identity, image, image.grid, interpolation="label")
    labels = Image.from_array(np.zeros((6, 6), np.uint8))
    with pytest.raises(InputError, match="outside is -1"):
        apply(identity, labels, labels.grid, interpolation="label", outside=-1)
