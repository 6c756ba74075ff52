import numpy as np
import pytest

from sarnet.errors import ShapeError
from sarnet.images import Grid, Image, read_image, read_labels, write_image


def test_through_itk_and_back_nothing_changes(oblique_grid, rng):
    image = Image(array=rng.random(oblique_grid.shape), grid=oblique_grid)

    back = Image.from_itk(image.to_itk())

    np.testing.assert_array_equal(back.array, image.array)
    assert back.grid.same_as(image.grid, tolerance=1e-9)


def test_itk_has_a_mask_as_zeros_and_ones():
    image = Image.from_array(np.eye(3, dtype=bool))

    np.testing.assert_array_equal(Image.from_itk(image.to_itk()).array, np.eye(3))


@pytest.mark.parametrize("dtype", ["float16", ">f4", ">i2"])
def test_itk_has_the_values_of_types_that_it_does_not_know(dtype):
    array = np.arange(12).reshape(3, 4).astype(dtype)

    np.testing.assert_array_equal(Image.from_itk(Image.from_array(array).to_itk()).array, array)


def test_an_array_in_another_order_is_copied():
    assert Image.from_array(np.zeros((3, 4), order="F")).array.flags.c_contiguous


def test_an_array_off_its_grid_is_refused():
    with pytest.raises(ShapeError, match=r"shape \(3, 4\), but its grid has \(4, 3\)"):
        Image(array=np.zeros((3, 4)), grid=Grid.plain((4, 3)))


def test_lengths_are_in_pixels_where_nothing_tells_the_spacing(tmp_path):
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    write_image(Image.from_array(array), tmp_path / "picture.png")
    write_image(Image.from_array(array, spacing=(2.0, 2.0)), tmp_path / "slice.nii.gz")

    assert Image.from_array(array).length_unit == "pixels"
    assert Image.from_array(array, spacing=(2.0, 2.0)).length_unit == "mm"
    for read in (read_image, read_labels):
        assert read(tmp_path / "picture.png").length_unit == "pixels"
        assert read(tmp_path / "slice.nii.gz").length_unit == "mm"
        told = read(tmp_path / "picture.png", spacing=(0.5,))
        assert (told.length_unit, told.grid.spacing) == ("mm", (0.5, 0.5))
