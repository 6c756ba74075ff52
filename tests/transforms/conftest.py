"""A grid that shows every mistake of sign and order, and a phantom on it."""

from dataclasses import replace

import numpy as np
import pytest

from sarnet.images import Grid, Image
from sarnet.transforms import Transform


def _turn(*degrees: float) -> np.ndarray:
    """Rotation about x, then y, then z; with one angle, in the plane."""
    a = np.deg2rad(degrees)
    if len(a) == 1:
        return np.array([[np.cos(a[0]), -np.sin(a[0])], [np.sin(a[0]), np.cos(a[0])]])
    matrix = np.eye(3)
    for axis, angle in enumerate(a):
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        step = np.eye(3)
        step[i, i] = step[j, j] = np.cos(angle)
        step[i, j], step[j, i] = -np.sin(angle), np.sin(angle)
        matrix = step @ matrix
    return matrix


def _oblique(dimension: int) -> Grid:
    """An anisotropic, oblique, left-handed grid away from the origin."""
    direction = _turn(20.0) if dimension == 2 else _turn(10.0, -15.0, 25.0)
    direction[:, 0] *= -1
    return Grid(
        size=(31, 26, 18)[:dimension],
        spacing=(1.5, 2.0, 3.5)[:dimension],
        origin=(-37.0, 12.0, 55.0)[:dimension],
        direction=tuple(direction.ravel().tolist()),
    )


def _oriented(orientation: str) -> Grid:
    """An anisotropic grid of three axes that runs as the name says (NIfTI's letters), or the oblique one."""
    if orientation == "oblique":
        return _oblique(3)
    signs = [1 if letter in "LPS" else -1 for letter in orientation]
    return replace(_oblique(3), direction=tuple(np.diag(signs).astype(float).ravel().tolist()))


@pytest.fixture(params=[2, 3])
def grid(request: pytest.FixtureRequest) -> Grid:
    return _oblique(request.param)


def _world(grid: Grid) -> np.ndarray:
    """World position of every voxel: (*space, axis)."""
    index = np.stack(np.meshgrid(*(np.arange(size) for size in grid.shape), indexing="ij"), axis=-1)
    return index @ grid.voxel_to_world().T + np.array(grid.origin)


def _phantom(grid: Grid, transform: Transform | None = None) -> Image:
    """Blobs around the middle of `grid`; with a transform, as seen through it, without resampling."""
    points, n = _world(grid), grid.dimension
    middle = points.reshape(-1, n).mean(axis=0)
    if transform is not None:
        points = transform.points(points.reshape(-1, n)).reshape(points.shape)
    blobs = np.random.default_rng(7)
    array = np.zeros(grid.shape)
    for _ in range(30):
        centre = middle + blobs.uniform(-14, 14, n)
        radius, height = blobs.uniform(2.5, 5), blobs.uniform(0.3, 1.0)
        array += height * np.exp(-((points - centre) ** 2).sum(axis=-1) / (2 * radius**2))
    return Image(array=array.astype(np.float32), grid=grid)


def _about(centre: np.ndarray, matrix: np.ndarray, shift: np.ndarray, grid: Grid) -> Transform:
    """The affine map that keeps `centre` but for `shift`."""
    return Transform(grid=grid, matrix=matrix, translation=centre - matrix @ centre + shift)


def _bumpy(grid: Grid, peak_mm: float = 4.0) -> np.ndarray:
    """A smooth field that differs in every component."""
    points = _world(grid)
    phase = np.arange(grid.dimension)
    return (peak_mm * np.sin(points / 11.0 + phase)).astype(np.float32)


def _turned_and_bumpy(grid: Grid, peak_mm: float = 4.0) -> Transform:
    """A rotation about the middle, a shift of (6, -4, 3) mm, and a smooth field in front of them."""
    n = grid.dimension
    matrix = _turn(*[4.0, -7.0, 9.0][: 2 * n - 3])
    middle = _world(grid).reshape(-1, n).mean(axis=0)
    affine = _about(middle, matrix, np.array([6.0, -4.0, 3.0])[:n], grid)
    return affine.with_displacement(_bumpy(grid, peak_mm))


# what the tests call, by fixtures: files of tests cannot import one another
turn = pytest.fixture(lambda: _turn)
oriented = pytest.fixture(lambda: _oriented)
oblique = pytest.fixture(lambda: _oblique)
world = pytest.fixture(lambda: _world)
phantom = pytest.fixture(lambda: _phantom)
about = pytest.fixture(lambda: _about)
bumpy = pytest.fixture(lambda: _bumpy)
turned_and_bumpy = pytest.fixture(lambda: _turned_and_bumpy)
