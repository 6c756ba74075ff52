"""Pairs that show a wrong sign, order or frame, and are small enough to be registered often."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from sarnet.images import Grid, Image, SamplePair, sample_pair

_TURN = np.deg2rad(20.0)


def _obliquely(image: Image) -> Image:
    """A third of the rows, half of the columns, turned in the world; in an order of memory that is not C's."""
    matrix = np.array([[np.cos(_TURN), -np.sin(_TURN)], [np.sin(_TURN), np.cos(_TURN)]])
    grid = Grid(
        size=(-(-image.grid.size[0] // 2), -(-image.grid.size[1] // 3)),
        spacing=(2.0, 3.0),
        origin=tuple((matrix @ image.grid.origin).tolist()),
        direction=tuple(matrix.ravel().tolist()),
    )
    return Image(array=np.asfortranarray(image.array[::3, ::2]), grid=grid)


@pytest.fixture(scope="session")
def pair() -> SamplePair:
    """The packaged slices on coarse, anisotropic, oblique grids."""
    return SamplePair(*map(_obliquely, sample_pair(2)))


def _shifted(dimension: int) -> tuple[Image, Image, np.ndarray]:
    """Blobs, the same elsewhere in the world, and how far in millimetres."""
    shape = {2: (40, 48), 3: (24, 28, 32)}[dimension]
    inner = np.zeros(shape)
    inner[(slice(6, -6),) * dimension] = 1
    texture = ndimage.gaussian_filter(np.random.default_rng(4).normal(size=shape), 2.5)
    image = Image.from_array(
        (ndimage.gaussian_filter(inner, 1.5) * (1 + 2 * texture / texture.std())).astype(np.float32),
        spacing=(2.0, 3.0, 2.5)[:dimension],
    )
    shift = np.array([4.0, -3.0, 2.5])[:dimension]
    return image, replace(image, grid=replace(image.grid, origin=tuple(shift.tolist()))), shift


shifted = pytest.fixture(lambda: _shifted)
