"""The map of the uncertainty by a registration whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest

from sarnet.images import foreground, normalise
from sarnet.registration import Labels, Masks, PairImages, Registration
from sarnet.registration.uncertainty import _exposed, uncertainty
from sarnet.transforms import Transform


@pytest.fixture
def images(sample) -> PairImages:
    labels = Labels(fixed=sample.fixed_labels, moving=sample.moving_labels)
    return PairImages(fixed=sample.fixed, moving=sample.moving, masks=Masks(), labels=labels)


class _Shifts:
    """Answers each registration by a shift along x, one millimetre further each time, and keeps what it was asked."""

    def __init__(self, registered: Registration) -> None:
        self._registered = registered
        self.asked: list[PairImages] = []

    def __call__(self, images: PairImages) -> Registration:
        self.asked.append(images)
        return self.answer(float(len(self.asked)))

    def answer(self, shift_mm: float) -> Registration:
        identity = Transform.identity(self._registered.transform.grid)
        return replace(self._registered, transform=replace(identity, translation=np.array([shift_mm, 0.0])))


def _map(images, run, *, seed=0):
    off_mm = np.full(images.fixed.grid.shape, 3.0)
    return uncertainty(run.answer(0.0), images, run, off_mm=off_mm, seed=seed)


def test_spread_of_the_repetitions_and_round_trip_are_added_as_squares(images, registered):
    found = _map(images, _Shifts(registered))

    # shifts of 0 to 4 mm: a variance of 2; the round trip is 3 mm off everywhere
    np.testing.assert_allclose(found.array, np.sqrt(2 + 9), rtol=1e-6)
    assert found.grid == images.fixed.grid


def test_repetitions_see_other_exposures_by_the_seed_and_no_labels(images, registered):
    first, again, other = (_Shifts(registered) for _ in range(3))

    for run, seed in ((first, 1), (again, 1), (other, 2)):
        _map(images, run, seed=seed)

    seen = [each.fixed.array for each in first.asked]
    assert len(seen) == 4
    assert all(each.labels is None for each in first.asked)
    assert not any(np.array_equal(one, images.fixed.array) for one in seen)
    assert not np.array_equal(seen[0], seen[1])
    assert all(np.array_equal(one, each.fixed.array) for one, each in zip(seen, again.asked, strict=True))
    assert not np.array_equal(seen[0], other.asked[0].fixed.array)


@pytest.mark.parametrize("units", [lambda brain: brain, lambda brain: brain - 60, lambda brain: -brain])
def test_repetitions_have_the_foreground_of_their_image(sample, units):
    """Also where the background is not the lowest value: brains in z-scores, and turned over."""
    shown = foreground(sample.fixed.array)
    array = np.where(shown, units(sample.fixed.array.astype(np.float32)), 0).astype(np.float32)
    shown = array != 0

    seen = _exposed(replace(sample.fixed, array=array), np.random.default_rng(0))

    np.testing.assert_array_equal(foreground(seen.array), shown)
    assert np.abs(seen.array - normalise(array))[shown].mean() > 0.01


def test_one_hot_voxel_does_not_drown_the_repetitions_in_noise(sample):
    array = sample.fixed.array.astype(np.float32)
    hot = array.copy()
    hot[100, 100] = 50 * array.max()

    seen, with_hot = (_exposed(replace(sample.fixed, array=each), np.random.default_rng(0)) for each in (array, hot))

    assert np.abs(with_hot.array - seen.array).mean() < 1e-3
