from dataclasses import replace

import numpy as np
import pytest
import torch

from sarnet.errors import OverlapError
from sarnet.images import Image, normalise, resample
from sarnet.registration.image_pair import ImagePair, Masks
from sarnet.registration.middle import Middle
from sarnet.transforms import Transform


@pytest.fixture
def here(sample) -> Transform:
    return Transform.identity(sample.fixed.grid)


def test_isotropic_image_is_cropped_and_nothing_of_it_interpolated(prepare, sample, here):
    pair = prepare(
        sample.fixed,
        sample.moving,
        here,
        longest_voxels=400,
        multiple=8,
    )

    first = np.subtract(pair.grid.origin, sample.fixed.grid.origin).astype(int)  # voxels are 1 mm
    padded = np.pad(normalise(sample.fixed.array), 40)
    rows, columns = (slice(40 + f, 40 + f + n) for f, n in zip(first[::-1], pair.grid.shape))
    np.testing.assert_allclose(pair.fixed[0, 0].numpy(), padded[rows, columns], rtol=0, atol=1e-12)
    assert all(size % 8 == 0 for size in pair.grid.size)
    assert pair.weight.sum() >= (sample.fixed.array > 0).sum()


def test_each_image_is_read_through_half_of_the_start(prepare, sample, here):
    start = replace(here, translation=np.array([6.0, -4.0]))

    pair = prepare(sample.fixed, sample.moving, start, longest_voxels=400)

    # at a voxel of the network's grid p, what the moving image has at p + (3, -2) and the fixed one at p - (3, -2)
    for found, image, way in ((pair.moving, sample.moving, 1), (pair.fixed, sample.fixed, -1)):
        shifted = replace(pair.grid, origin=tuple(np.add(pair.grid.origin, (way * 3, way * -2))))
        wanted = resample(Image(array=normalise(image.array), grid=image.grid), shifted).array
        np.testing.assert_allclose(found[0, 0].numpy(), wanted, atol=1e-4)


def test_cost_counts_in_the_foreground_of_either_image(prepare, sample, here):
    pair = prepare(sample.fixed, sample.moving, here, longest_voxels=400)

    fixed = resample(sample.fixed_labels, pair.grid, interpolation="nearest", outside=0).array > 0
    moving = resample(sample.moving_labels, pair.grid, interpolation="nearest", outside=0).array > 0
    agree = (pair.weight[0, 0].numpy() > 0) == (fixed | moving)
    assert agree.mean() > 0.999


def test_masks_say_where_the_cost_counts(prepare, sample, here):
    half, low = (np.zeros(image.grid.shape, np.uint8) for image in (sample.fixed, sample.moving))
    half[:, :80], low[100:] = 1, 1
    masks = Masks(fixed=Image(array=half, grid=sample.fixed.grid), moving=Image(array=low, grid=sample.moving.grid))

    plain = prepare(sample.fixed, sample.moving, here, longest_voxels=400)
    pair = prepare(
        sample.fixed,
        sample.moving,
        here,
        longest_voxels=400,
        masks=masks,
    )

    first = resample(masks.fixed, pair.grid, interpolation="nearest", outside=0).array
    second = resample(masks.moving, pair.grid, interpolation="nearest", outside=0).array
    np.testing.assert_array_equal(pair.weight[0, 0].numpy(), plain.weight[0, 0].numpy() * first * second)
    assert pair.weight.any()


def test_masks_without_a_voxel_in_common_are_refused(prepare, sample, here):
    left, right = np.zeros((2, *sample.fixed.grid.shape), np.uint8)
    left[:, :60], right[:, 100:] = 1, 1
    masks = Masks(fixed=Image(array=left, grid=sample.fixed.grid), moving=Image(array=right, grid=sample.fixed.grid))

    with pytest.raises(OverlapError, match="leave no voxel of the foreground: check that they overlap"):
        prepare(
            sample.fixed,
            sample.fixed,
            here,
            longest_voxels=200,
            masks=masks,
        )


@pytest.mark.parametrize(("most", "magnification"), [(0, 1.0), (191, 1.0), (192, 1.5), (255, 1.5), (256, 2.0)])
def test_pair_is_magnified_as_far_as_it_fits(prepare, most, magnification):
    image = Image.from_array(np.random.default_rng(0).random((96, 128)).astype(np.float32))  # no background

    pair = prepare(
        image,
        image,
        Transform.identity(image.grid),
        longest_voxels=128,
        multiple=8,
        magnified_voxels=most,
    )

    assert pair.grid.size == (128, 96)
    assert pair.magnification == magnification


def test_reduced_pair_has_the_means_of_blocks_at_their_middles(prepare, sample, here):
    pair = prepare(
        sample.fixed,
        sample.moving,
        here,
        longest_voxels=200,
        multiple=3,
    )

    reduced = pair.reduced(3)

    blocks = pair.moving[0, 0].unfold(0, 3, 3).unfold(1, 3, 3).mean(dim=(2, 3))
    assert torch.allclose(reduced.moving[0, 0], blocks, atol=1e-6)
    middles = np.array(pair.grid.origin) + np.array(pair.grid.spacing)  # of the first block of three
    np.testing.assert_allclose(reduced.grid.origin, middles)
    np.testing.assert_allclose(reduced.grid.spacing, 3 * np.array(pair.grid.spacing))


@pytest.mark.parametrize("background", ["turned over, too", "left"])
def test_network_sees_contrast_turned_over_as_that_of_the_fixed_image(prepare, background, sample, here):
    image = sample.fixed
    array = image.array.max() + 1 - image.array
    turned = replace(image, array=np.where(image.array > 0, array, 0) if background == "left" else array)

    pair = prepare(image, turned, here, longest_voxels=400, magnified_voxels=0)

    fixed, moving = pair.fixed, pair.moving_as_seen
    assert (fixed - moving).abs().max() < 0.05  # what is read from a table of 32 intensities
    assert (pair.fixed - pair.moving).abs().max() > 0.5  # what the cost counts is as it came


def test_network_sees_the_moving_image_itself_where_both_rise_together(prepare, sample, here):
    pair = prepare(
        sample.fixed,
        sample.moving,
        here,
        longest_voxels=400,
        magnified_voxels=0,
    )

    assert pair.moving_as_seen is pair.moving


def test_fine_moving_image_is_averaged_before_it_is_read_coarsely(prepare):
    fixed = Image.from_array(np.random.default_rng(0).random((256, 256)).astype(np.float32))
    board = Image.from_array((np.indices((256, 256)).sum(axis=0) % 2).astype(np.float32))

    pair = prepare(fixed, board, Transform.identity(fixed.grid), longest_voxels=64)

    assert (pair.moving[0, 0, 2:-2, 2:-2] - 0.5).abs().max() < 0.1


def test_read_for_no_network_is_the_same_pair(prepare, sample, here):
    middle = Middle.of(sample.fixed.grid, sample.moving.grid, here)
    upper = np.zeros(sample.fixed.grid.shape, np.uint8)
    upper[:100] = 1
    images = ImagePair.of(sample.fixed, sample.moving, masks=Masks(fixed=replace(sample.fixed, array=upper)))

    plain = images.read(middle, longest_voxels=120, multiple=8)
    seen = images.read_for_network(middle, longest_voxels=120, multiple=8, magnified_voxels=240)

    assert plain.grid == seen.grid
    for name in ("fixed", "moving", "weight"):
        assert torch.equal(getattr(plain, name), getattr(seen, name)), name
    assert (plain.magnification, seen.magnification) == (1.0, 2.0)
