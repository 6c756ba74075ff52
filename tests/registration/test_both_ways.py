"""How sure a registration says it is, against what is known."""

from dataclasses import replace

import numpy as np
import pytest

from sarnet.images import Image, foreground
from sarnet.registration import Guides, Masks, PairImages, register_images
from sarnet.registration.both_ways import _exchanged
from sarnet.transforms import Transform


@pytest.fixture(scope="module")
def images(known) -> PairImages:
    return PairImages(fixed=known.fixed, moving=known.moving, masks=Masks())


@pytest.fixture(scope="module")
def unsure(images, loaded, fast):
    return register_images(images, fast.model_copy(update={"uncertainty": True, "adapt": "last-layer"}), loaded)


def test_without_being_asked_nothing_is_done_twice(images, loaded, fast):
    found = register_images(images, fast.model_copy(update={"adapt": "none"}), loaded)

    assert found.uncertainty is None
    assert (found.record.inverse_consistency_mm, found.record.uncertainty_mm) == (None, None)


def test_figures_are_means_over_the_foreground(unsure, known):
    shown = foreground(known.fixed.array)

    assert unsure.uncertainty.grid == known.fixed.grid
    assert unsure.record.uncertainty_mm == pytest.approx(float(unsure.uncertainty.array[shown].mean()))
    assert 0 < unsure.record.inverse_consistency_mm < 1.5


def test_result_is_that_of_one_registration(unsure, images, loaded, fast):
    once = register_images(images, fast.model_copy(update={"adapt": "last-layer"}), loaded)

    np.testing.assert_array_equal(unsure.transform.displacement, once.transform.displacement)


def test_where_the_images_show_nothing_the_result_is_less_sure(known, loaded, fast):
    blank = np.ones(known.fixed.grid.shape, bool)
    blank[60:130, 30:80] = False  # half of the brain without its structures
    fixed, moving = (
        replace(image, array=np.where(blank, image.array, image.array[~blank].mean()).astype(np.float32))
        for image in (known.fixed, known.moving)
    )
    settings = fast.model_copy(update={"uncertainty": True, "adapt": "last-layer"})
    found = register_images(PairImages(fixed=fixed, moving=moving, masks=Masks()), settings, loaded)

    error = np.linalg.norm(found.transform.total_displacement() - known.displacement, axis=-1)
    seen = foreground(known.fixed.array) & blank
    assert error[~blank].mean() > 1.5 * error[seen].mean()
    assert found.uncertainty.array[~blank].mean() > 1.5 * found.uncertainty.array[seen].mean()


def test_what_is_of_one_image_goes_with_it_when_the_pair_is_exchanged(known):
    start = replace(Transform.identity(known.fixed.grid), translation=np.array([3.0, -2.0]))
    mask = Image(array=np.ones(known.fixed.grid.shape, np.uint8), grid=known.fixed.grid)
    points = np.array([[10.0, 20.0]]), np.array([[13.0, 18.0]])
    images = PairImages(
        fixed=known.fixed,
        moving=known.moving,
        masks=Masks(fixed=mask),
        guides=Guides(fixed_points=points[0], moving_points=points[1]),
        initial_transform=start,
    )

    found = _exchanged(images)

    assert (found.fixed, found.moving) == (known.moving, known.fixed)
    assert (found.masks.fixed, found.masks.moving) == (None, mask)
    assert (found.guides.fixed_points, found.guides.moving_points) == (points[1], points[0])
    np.testing.assert_allclose(found.initial_transform.points(points[1]), points[0])


def test_transform_that_is_taken_as_it_is_comes_back_from_the_other_way(known, fast):
    grid = known.fixed.grid
    y, x = np.indices(grid.shape)
    field = 3.0 * np.stack([np.sin(y / 20), np.sin(x / 25)], axis=-1)
    start = replace(Transform.identity(grid).with_displacement(field), translation=np.array([4.0, -6.0]))
    images = PairImages(fixed=known.fixed, moving=known.moving, masks=Masks(), initial_transform=start)

    found = register_images(images, fast.model_copy(update={"transform": "rigid"}), None, both_ways=True)

    assert found.record.inverse_consistency_mm < 0.05


def test_lengths_are_told_in_what_they_are_in(known, loaded, fast):
    fixed, moving = (Image.from_array(each.array) for each in (known.fixed, known.moving))
    images = PairImages(fixed=fixed, moving=moving, masks=Masks())

    found = register_images(images, fast.model_copy(update={"adapt": "none"}), loaded, both_ways=True)

    assert "pixels on average" in found.record.verdict[-1]


def test_record_has_the_settings_as_they_were_asked_for(unsure):
    assert unsure.record.settings["uncertainty"] is True
