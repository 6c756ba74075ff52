"""The packaged pair, the released network, and one registration that many tests look at."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from scipy import ndimage

from sarnet.config import RegistrationSettings
from sarnet.images import Grid, Image, SamplePair, sample_pair
from sarnet.networks import LoadedGenerator, load_generator
from sarnet.registration import ComparedPair, ImagePair, Labels, Masks, Middle, Regions, Registration, register
from sarnet.transforms import Transform

FAST = RegistrationSettings(threads=1, longest_voxels=208, magnified_voxels=208, last_layer_magnified_voxels=208)


class KnownPair(NamedTuple):
    """Images whose registration is known: moving(p + u(p)) = fixed(p)."""

    fixed: Image
    moving: Image
    displacement: np.ndarray
    """u in millimetres on the grid of both, x first."""


@pytest.fixture(scope="session")
def prepare() -> Callable[..., ComparedPair]:
    """Both images as the network sees them, from the identity where no start is given."""

    def make(
        fixed: Image,
        moving: Image,
        start: Transform | None = None,
        *,
        masks: Masks | None = None,
        regions: Regions | None = None,
        **settings,
    ) -> ComparedPair:
        middle = Middle.of(fixed.grid, moving.grid, start or Transform.identity(fixed.grid))
        return ImagePair.of(fixed, moving, masks=masks, regions=regions).read_for_network(middle, **settings)

    return make


@pytest.fixture(scope="session")
def fast() -> RegistrationSettings:
    """The defaults, but one thread, and the network sees no more than there is."""
    return FAST


@pytest.fixture(scope="session")
def sample() -> SamplePair:
    return sample_pair(2)


@pytest.fixture(scope="session")
def loaded() -> LoadedGenerator:
    return load_generator()


@pytest.fixture(scope="session")
def registered(sample: SamplePair, loaded: LoadedGenerator) -> Registration:
    """The packaged pair, registered, with labels."""
    labels = Labels(fixed=sample.fixed_labels, moving=sample.moving_labels)
    return register(sample.fixed, sample.moving, FAST, labels=labels, loaded=loaded)


@pytest.fixture(scope="session")
def known(sample: SamplePair) -> KnownPair:
    """The packaged fixed slice and itself, deformed by a smooth field; resampled by SciPy."""
    fixed = sample.fixed
    place = np.moveaxis(np.indices(fixed.grid.shape), 0, -1).astype(float)  # y, x in voxels, which are 1 mm
    came = place.copy()
    for _ in range(50):  # what comes to y comes from p = y - u(p)
        came = place - _smooth(came)
    moved = ndimage.map_coordinates(fixed.array, np.moveaxis(came, -1, 0), order=1, mode="nearest")
    return KnownPair(fixed, Image(array=moved, grid=fixed.grid), _smooth(place)[..., ::-1])


@pytest.fixture(scope="session")
def known_volume() -> KnownPair:
    """The packaged volume and itself, deformed by a smooth field; resampled by SciPy."""
    fixed = sample_pair(3).fixed
    spacing = fixed.grid.spacing[0]
    place = np.moveaxis(np.indices(fixed.grid.shape), 0, -1).astype(float)

    def field(at: np.ndarray) -> np.ndarray:
        z, y, x = np.moveaxis(at, -1, 0)
        return np.stack([2.5 * np.sin(x / 11), 2 * np.cos(z / 13), 2.5 * np.sin(y / 14 + 1)], axis=-1)

    came = place.copy()
    for _ in range(12):  # what comes to y comes from p = y - u(p); the field's slope is 0.23 at most
        came = place - field(came)
    moved = ndimage.map_coordinates(fixed.array, np.moveaxis(came, -1, 0), order=1, mode="nearest")
    return KnownPair(fixed, Image(array=moved, grid=fixed.grid), spacing * field(place)[..., ::-1])


def _smooth(place: np.ndarray) -> np.ndarray:
    """A field in voxels, y first, that differs in every component."""
    y, x = place[..., 0], place[..., 1]
    return np.stack([4 * np.sin(x / 17 + 0.5), 3 * np.cos(y / 21 - 1)], axis=-1)


@pytest.fixture
def oblique() -> Grid:
    """A grid for an array of the fixed slice's shape: turned by 20 degrees, mirrored, longer than wide."""
    c, s = np.cos(np.deg2rad(20)), np.sin(np.deg2rad(20))
    return Grid(size=(165, 196), spacing=(1.2, 0.9), origin=(-37.0, 12.0), direction=(-c, -s, -s, c))
