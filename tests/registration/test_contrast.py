import numpy as np
import pytest

from sarnet.registration.contrast import contrast


@pytest.fixture
def image(rng) -> np.ndarray:
    return rng.random((60, 70)).astype(np.float32)


def test_straight_line_is_found_whole_by_the_best_rising_map(image):
    found = contrast(0.2 + 0.5 * image, image, np.ones(image.shape, bool))

    assert found.correlation == pytest.approx(1, abs=1e-6)
    assert found.monotone == pytest.approx(1, abs=0.05)  # bins are smoothed
    np.testing.assert_allclose(found.as_fixed, 0.2 + 0.5 * image, atol=0.03)


def test_falling_map_counts_as_much_as_a_rising_one(image):
    found = contrast(1 - image**2, image, np.ones(image.shape, bool))

    assert found.correlation < -0.9
    assert found.monotone == pytest.approx(found.any_map, rel=1e-3)
    np.testing.assert_allclose(found.as_fixed, 1 - image**2, atol=0.06)


def test_map_that_rises_and_falls_is_seen_as_one(image):
    fixed = np.abs(2 * image - 1)  # dark and bright are one

    found = contrast(fixed, image, np.ones(image.shape, bool))

    assert abs(found.correlation) < 0.05
    assert found.any_map > 0.9
    assert found.monotone < 0.5 * found.any_map
    assert np.abs(found.as_fixed - fixed).mean() < 0.02


def test_share_is_the_correlation_ratio_of_noise_around_a_map(image, rng):
    fixed = image + rng.normal(scale=image.std(), size=image.shape).astype(np.float32)

    found = contrast(fixed, image, np.ones(image.shape, bool))

    assert found.any_map == pytest.approx(0.5, abs=0.03)  # half of the variance is the map's


def test_only_what_counts_is_looked_at(image):
    counted = np.zeros(image.shape, bool)
    counted[:, :30] = True
    fixed = np.where(counted, image, 0.3)

    assert contrast(fixed, image, counted).monotone == pytest.approx(1, abs=0.05)  # bins are smoothed


def test_constant_image_says_nothing(image):
    found = contrast(np.full_like(image, 0.4), image, np.ones(image.shape, bool))

    assert (found.correlation, found.monotone, found.any_map) == (0, 0, 0)
    assert found.as_fixed is image


def test_few_voxels_of_a_ramp_are_enough_to_see_that_it_rises():
    ramp = np.linspace(0, 1, 9, dtype=np.float32)[None]

    found = contrast(ramp, ramp, np.ones(ramp.shape, bool))

    assert found.correlation == pytest.approx(1)
    assert found.monotone == pytest.approx(found.any_map)
