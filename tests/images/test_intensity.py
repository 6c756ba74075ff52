import numpy as np
import pytest

from sarnet.images import Image, foreground, normalise, with_finite_values


def brain(rng, *, shape=(40, 50), background=0.0):
    """Values from 30 to 120 in the middle of one constant."""
    array = np.full(shape, background, np.float32)
    inside = tuple(slice(n // 3, 2 * n // 3) for n in shape)
    array[inside] = rng.uniform(30, 120, array[inside].shape)
    return array


@pytest.mark.parametrize("shape", [(40, 50), (20, 25, 30)])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_result_is_float32_between_zero_and_one(rng, shape, kind):
    scaled = normalise(rng.uniform(0, 200, shape).astype(kind))

    assert scaled.shape == shape
    assert scaled.dtype == np.float32
    assert (scaled.min(), scaled.max()) == (0, 1)


def test_a_ramp_is_stretched_from_percentile_to_percentile():
    ramp = np.arange(1001.0).reshape(7, 143)

    np.testing.assert_allclose(normalise(ramp), np.clip((ramp - 5) / 990, 0, 1), atol=1e-6)


def test_unit_and_offset_do_not_matter(rng):
    array = rng.normal(size=(30, 30))

    np.testing.assert_allclose(normalise(1e6 + 40 * array), normalise(array), atol=1e-5)


@pytest.mark.parametrize("background", [0.0, -1000.0, 70.0])
def test_inverted_contrast_is_one_minus_the_other(rng, background):
    array = brain(rng, background=background)

    np.testing.assert_allclose(normalise(-array), 1 - normalise(array), atol=1e-6)


def test_a_large_background_takes_nothing_of_the_range(rng):
    near, far = brain(rng), brain(rng, background=-3000)
    inside = near != 0
    far[inside] = near[inside]

    np.testing.assert_array_equal(normalise(near), normalise(far))
    assert normalise(near)[~inside].max() == 0
    assert 0.4 < normalise(near)[inside].mean() < 0.6


def test_a_few_hot_voxels_cost_no_contrast(rng):
    array = rng.uniform(0, 1, (60, 60))
    hot = array.copy()
    hot[5, 5:8] = 1e5

    assert np.abs(normalise(hot) - normalise(array))[array == hot].max() < 0.01


def test_a_mask_keeps_its_zeros_and_ones():
    mask = np.zeros((20, 20), np.uint8)
    mask[5:9, 5:9] = 7

    np.testing.assert_array_equal(normalise(mask), mask / 7)


def test_nan_is_lowest_and_infinities_are_the_ends():
    array = np.linspace(1, 2, 400).reshape(20, 20)
    array[0, 0], array[10, 10], array[10, 11] = np.nan, np.inf, -np.inf

    scaled = normalise(array)

    assert np.isfinite(scaled).all()
    assert (scaled[0, 0], scaled[10, 10], scaled[10, 11]) == (0, 1, 0)


def test_values_that_are_no_numbers_become_the_ends_that_normalise_gives_them():
    array = np.linspace(1, 2, 400).reshape(20, 20)
    array[0, 0], array[10, 10], array[10, 11] = np.nan, np.inf, -np.inf

    finite = with_finite_values(Image.from_array(array)).array

    low, high = array[np.isfinite(array)].min(), array[np.isfinite(array)].max()
    assert (finite[0, 0], finite[10, 10], finite[10, 11]) == (low, high, low)


@pytest.mark.parametrize("value", [0.0, -3.5, np.nan, np.inf])
def test_an_image_of_one_value_becomes_zeros(value):
    np.testing.assert_array_equal(normalise(np.full((5, 6), value)), np.zeros((5, 6)))


@pytest.mark.parametrize("background", [0.0, -1000.0, 255.0])
def test_foreground_is_what_differs_from_the_border(rng, background):
    array = brain(rng, background=background)

    np.testing.assert_array_equal(foreground(array), array != np.float32(background))


def test_without_a_constant_border_all_is_foreground(rng):
    array = rng.random((10, 12))
    array[3:7, 3:7] = 0

    assert foreground(array).all()


def test_a_brain_that_touches_the_border_still_has_a_background(rng):
    array = brain(rng)
    array[0, 10:20] = 50

    np.testing.assert_array_equal(foreground(array), array != 0)


def test_what_is_no_number_is_background_also_where_it_surrounds_the_image(rng):
    array = rng.random((20, 24)).astype(np.float32)
    inside = np.zeros(array.shape, bool)
    inside[4:16, 5:20] = True

    np.testing.assert_array_equal(foreground(np.where(inside, array, np.nan)), inside)
