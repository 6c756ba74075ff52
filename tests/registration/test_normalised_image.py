from dataclasses import replace

import numpy as np
import pytest

from sarnet.images import Grid, Image
from sarnet.registration.normalised_image import BACKGROUND, OUTSIDE, SHOWN, NormalisedImage, read_averaged
from sarnet.transforms import Transform


@pytest.fixture
def disc() -> Image:
    """Brighter inwards, on a background of -1000, a pixel without a value in it."""
    y, x = np.mgrid[:40, :60].astype(np.float32)
    from_middle = np.hypot(y - 20, x - 30)
    array = np.where(from_middle < 12, 500 - 20 * from_middle, -1000).astype(np.float32)
    array[20, 30] = np.nan
    return Image(array=array, grid=Grid.plain((40, 60), spacing=(2.0, 2.0)))


def _shifted(grid: Grid, x_mm: float) -> Transform:
    return replace(Transform.identity(grid), translation=np.array([x_mm, 0.0]))


def test_identity_leaves_every_value_as_it_is(disc):
    image = NormalisedImage.of(disc)

    read = image.read(Transform.identity(disc.grid), disc.grid)

    assert np.array_equal(read, image.values.array)
    assert (read.min(), read.max()) == (0.0, 1.0)


def test_background_and_what_has_no_value_are_not_shown(disc):
    kinds = NormalisedImage.of(disc).read_kinds(Transform.identity(disc.grid), disc.grid)

    assert np.array_equal(kinds == SHOWN, disc.array > -1000)
    assert kinds[20, 30] == kinds[0, 0] == BACKGROUND


def test_beyond_the_edge_an_image_says_nothing(disc):
    kinds = NormalisedImage.of(disc).read_kinds(_shifted(disc.grid, 20.0), disc.grid)

    # a place x is read at x + 20 mm, ten voxels on
    assert (kinds[:, 50:] == OUTSIDE).all()
    assert np.array_equal(kinds[:, :50] == SHOWN, disc.array[:, 10:] > -1000)


def test_whole_voxels_of_a_shift_are_read_without_a_change(disc):
    image = NormalisedImage.of(disc)

    read = image.read(_shifted(disc.grid, 20.0), disc.grid)

    np.testing.assert_allclose(read[:, :50], image.values.array[:, 10:], rtol=0, atol=1e-5)


@pytest.mark.parametrize("x_mm", [0.0, 0.5])
def test_thin_structure_of_a_mask_keeps_its_share_of_a_coarse_grid(x_mm):
    grid = Grid.plain((64, 64))
    mask = np.zeros((64, 64), np.uint8)
    mask[:, 21] = 1

    read = read_averaged(Image(array=mask, grid=grid), _shifted(grid, x_mm), grid.reduced(4), outside=0)

    assert read[4:-4].sum(axis=1) == pytest.approx(np.full(8, 1 / 4), abs=0.05)  # a line is a quarter of a voxel wide


def test_coarse_grid_gets_means_and_not_single_voxels():
    noise = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    grid = Grid.plain((64, 64))
    coarse = grid.reduced(8)

    read = NormalisedImage.of(Image(array=noise, grid=grid)).read(_shifted(coarse, 0.5), coarse)

    assert read[1:-1, 1:-1].std() < 0.3 * noise.std()


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_smoothing_is_that_of_the_grid_as_the_transform_carries_it_to_the_image(scale):
    noise = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    grid = Grid.plain((64, 64))
    coarse = grid.reduced(4)
    scaled = Image(array=noise, grid=Grid.plain((64, 64), spacing=(scale, scale)))
    shift = _shifted(coarse, 0.5)

    read = NormalisedImage.of(scaled).read(
        replace(shift, matrix=scale * np.eye(2), translation=scale * shift.translation), coarse
    )

    wanted = NormalisedImage.of(Image(array=noise, grid=grid)).read(shift, coarse)
    np.testing.assert_allclose(read, wanted, atol=1e-4)
