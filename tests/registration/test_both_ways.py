"""How sure a registration says it is, against what is known."""

from dataclasses import replace

import numpy as np
import pytest

from sarnet.images import Image, foreground
from sarnet.registration import Masks, PairImages, register_images
from sarnet.registration.uncertainty import _exposed


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


@pytest.mark.parametrize("units", [lambda brain: brain, lambda brain: brain - 60, lambda brain: -brain])
def test_repetitions_have_the_foreground_of_their_image(known, units):
    """Also where the background is not the lowest value: brains in z-scores, and turned over."""
    shown = foreground(known.fixed.array)
    array = np.where(shown, units(known.fixed.array.astype(np.float32)), 0).astype(np.float32)
    shown = array != 0

    seen = _exposed(replace(known.fixed, array=array), np.random.default_rng(0))

    np.testing.assert_array_equal(foreground(seen.array), shown)
    assert np.abs(seen.array - array)[shown].mean() > 0.01 * np.ptp(array)


def test_seed_decides_what_is_repeated(images, loaded, fast):
    settings = fast.model_copy(update={"uncertainty": True, "adapt": "none"})

    first, again, other = (
        register_images(images, settings.model_copy(update={"seed": seed}), loaded).uncertainty.array
        for seed in (1, 1, 2)
    )

    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


def test_labels_are_not_looked_at_by_the_repetitions(images, loaded, fast, sample):
    from sarnet.registration import Labels

    settings = fast.model_copy(update={"uncertainty": True, "adapt": "none"})
    labels = Labels(fixed=sample.fixed_labels, moving=sample.fixed_labels)

    with_labels = register_images(replace(images, labels=labels), settings, loaded).uncertainty.array

    np.testing.assert_array_equal(with_labels, register_images(images, settings, loaded).uncertainty.array)


def test_lengths_are_told_in_what_they_are_in(known, loaded, fast):
    fixed, moving = (Image.from_array(each.array) for each in (known.fixed, known.moving))
    images = PairImages(fixed=fixed, moving=moving, masks=Masks())

    found = register_images(images, fast.model_copy(update={"adapt": "none"}), loaded, both_ways=True)

    assert "pixels on average" in found.record.verdict[-1]


def test_record_has_the_settings_as_they_were_asked_for(unsure):
    assert unsure.record.settings["uncertainty"] is True
