import numpy as np
import pytest

from sarnet.errors import ShapeError
from sarnet.images import Grid, Image


def test_through_itk_and_back_nothing_changes(oblique_grid, rng):
    image = Image(array=rng.random(oblique_grid.shape), grid=oblique_grid)

    back = Image.from_itk(image.to_itk())

    np.testing.assert_array_equal(back.array, image.array)
    assert back.grid.same_as(image.grid, tolerance=1e-9)


def test_itk_has_a_mask_as_zeros_and_ones():
    image = Image.from_array(np.eye(3, dtype=bool))

    np.testing.assert_array_equal(Image.from_itk(image.to_itk()).array, np.eye(3))


def test_an_array_in_another_order_is_copied():
    assert Image.from_array(np.zeros((3, 4), order="F")).array.flags.c_contiguous


def test_an_array_off_its_grid_is_refused():
    with pytest.raises(ShapeError, match=r"shape \(3, 4\), but its grid has \(4, 3\)"):
        Image(array=np.zeros((3, 4)), grid=Grid.plain((4, 3)))
