import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from sarnet.config import AugmentationSettings, SimulationSettings
from sarnet.datasets import Original, augmented_pair, different_pair, joined
from sarnet.fields import warp

SIMULATION = SimulationSettings(control_spacing_voxels=(64.0, 128.0), peak_voxels=(16.0, 24.0))
PLAIN = AugmentationSettings(remap_probability=0, exposure=0, noise=0)
STILL = AugmentationSettings(zoom=(1, 1), rotation_degrees=0, remap_probability=0, exposure=0, noise=0)


@pytest.fixture
def image(rng):
    smooth = ndimage.gaussian_filter(rng.normal(size=(3, 1, 64, 72)), [0, 0, 2, 2])
    return torch.from_numpy(np.clip(0.5 + 0.2 * smooth / smooth.std(), 0, 1)).float()


def _pairs(image, *, mask=None, augmentation=PLAIN, simulation=SIMULATION, seed=0):
    chance = torch.Generator().manual_seed(seed)
    return augmented_pair(image, mask=mask, augmentation=augmentation, simulation=simulation, rng=chance)


def _different(fixed, moving, *, augmentation=PLAIN, seed=0):
    originals = (Original(image, (image > 0.5).float()) for image in (fixed, moving))
    return different_pair(*originals, augmentation=augmentation, rng=torch.Generator().manual_seed(seed))


def _seen(pair, margin=8):
    """Voxels clear of the edge that show the original, there and where the field reads."""
    shown = (warp(pair.inside, pair.displacement) > 0.999) & (pair.inside > 0.999)
    inner = torch.zeros_like(shown)
    inner[..., margin:-margin, margin:-margin] = True
    return shown & inner


def _rms(difference, where):
    return difference[where].square().mean().sqrt().item()


def test_parts_have_the_shape_and_dtype_of_the_images(image):
    pair = _pairs(image, augmentation=AugmentationSettings())

    assert pair.fixed.shape == pair.moving.shape == pair.inside.shape == (3, 1, 64, 72)
    assert pair.displacement.shape == (3, 2, 64, 72)
    assert {part.dtype for part in pair} == {torch.float32}


def test_same_state_of_chance_gives_the_same_batch(image):
    mask = (image > 0.5).float()
    first, again, other = (
        _pairs(image, mask=mask, augmentation=AugmentationSettings(), seed=seed) for seed in (3, 3, 4)
    )

    assert all(torch.equal(one, two) for one, two in zip(first, again))
    assert not any(torch.equal(one, two) for one, two in zip(first, other))


def test_originals_stay_as_they_are(image):
    before = image.clone()

    _pairs(image, augmentation=AugmentationSettings())

    assert torch.equal(image, before)


@pytest.mark.parametrize("seed", range(3))
def test_all_varied_at_once_stays_between_zero_and_one(image, seed):
    strong = AugmentationSettings(remap_probability=1, exposure=1.5, noise=0.3)

    pair = _pairs(image, augmentation=strong, seed=seed)

    for part in (pair.fixed, pair.moving):
        assert torch.isfinite(part).all()
        assert part.min() >= 0
        assert part.max() <= 1


@pytest.mark.parametrize("seed", range(4))
def test_displacement_brings_moving_back_to_fixed(image, seed):
    pair = _pairs(image, seed=seed)
    seen = _seen(pair)

    registered = warp(pair.moving, pair.displacement)

    assert seen.sum() > 100
    assert _rms(registered - pair.fixed, seen) < 0.04
    assert _rms(registered - pair.fixed, seen) < _rms(pair.moving - pair.fixed, seen) / 3


def test_without_variation_the_fixed_image_is_the_original_or_its_mirror(image):
    steady = [_pairs(image, augmentation=STILL, seed=seed) for seed in range(4)]

    for fixed, original in zip(torch.cat([pair.fixed for pair in steady]), image.repeat(4, 1, 1, 1)):
        assert max(_best_match(fixed[0], candidate[0]) for candidate in (original, original.flip(-1))) > 0.98


def _best_match(fixed, candidate, reach=5):
    """Highest correlation over small shifts: a similarity moves the image by up to a twentieth of its size."""
    inner = fixed[reach:-reach, reach:-reach].flatten()
    height, width = fixed.shape
    scores = []
    for dy in range(2 * reach + 1):
        for dx in range(2 * reach + 1):
            window = candidate[dy : height - 2 * reach + dy, dx : width - 2 * reach + dx].flatten()
            scores.append(torch.corrcoef(torch.stack([inner, window]))[0, 1].item())
    return max(scores)


def test_inside_says_where_the_original_is_shown():
    image = torch.ones(6, 1, 64, 64)
    far = AugmentationSettings(zoom=(0.4, 0.4), remap_probability=0, exposure=0, noise=0)

    pair = _pairs(image, augmentation=far)

    sharp = (pair.inside == 0) | (pair.inside > 0.999)
    assert sharp.float().mean() > 0.9  # the rest is the seam, a voxel wide
    assert pair.inside.mean().item() == pytest.approx(0.4**2, rel=0.1)
    zeros = pair.fixed.amin(dim=(1, 2, 3)) == 0  # of half of the pairs; the edge goes on in the others
    assert 0 < zeros.sum() < 6
    assert torch.allclose(pair.fixed[zeros], pair.inside[zeros], atol=1e-5)


def test_zoomed_in_everything_is_inside():
    near = AugmentationSettings(zoom=(2.0, 2.0), rotation_degrees=0, remap_probability=0, exposure=0, noise=0)

    pair = _pairs(torch.ones(4, 1, 64, 64), augmentation=near)

    assert pair.inside.min() > 0.999


def test_remap_is_one_map_for_both_images(image):
    remapped = AugmentationSettings(remap_probability=1, exposure=0, noise=0)

    plain, mapped = (_pairs(image[:1], augmentation=kind, seed=5) for kind in (PLAIN, remapped))

    # sorted by the plain intensity, fixed and moving run along one curve
    before = torch.cat([plain.fixed.flatten(), plain.moving.flatten()])
    after = torch.cat([mapped.fixed.flatten(), mapped.moving.flatten()])[before.argsort()]
    steepest = 8 / 0.05  # knots over the smallest range that is stretched
    assert torch.equal(plain.displacement, mapped.displacement)
    assert (after.diff().abs() <= steepest * before.sort().values.diff() + 1e-4).all()
    assert not torch.allclose(plain.fixed, mapped.fixed, atol=0.05)


@pytest.mark.parametrize("change", [{"exposure": 0.4}, {"noise": 0.1}], ids=["exposure", "noise"])
def test_exposure_and_noise_tell_the_two_images_apart(image, change):
    still = SimulationSettings(peak_voxels=(0.0, 0.0))

    same, apart = (
        _pairs(image, augmentation=kind, simulation=still) for kind in (PLAIN, PLAIN.model_copy(update=change))
    )

    assert torch.allclose(same.fixed, same.moving, atol=1e-6)
    assert (apart.fixed - apart.moving).abs().mean() > 0.01


def test_noise_has_at_most_the_deviation_asked_for():
    grey = torch.full((8, 1, 64, 64), 0.5)
    noisy = AugmentationSettings(remap_probability=0, exposure=0, noise=0.1, zoom=(2.0, 2.0), rotation_degrees=0)

    deviations = _pairs(grey, augmentation=noisy).fixed.std(dim=(1, 2, 3))

    assert deviations.max() < 0.1 * (1 + 3 / math.sqrt(2 * 64 * 64))
    assert deviations.max() > 0.05
    assert deviations.min() < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_reverse_field_brings_fixed_to_moving(image, seed):
    pair = _pairs(image, seed=seed)
    seen = _seen(pair.exchanged())

    registered = warp(pair.fixed, pair.reverse)

    assert seen.sum() > 100
    assert _rms(registered - pair.moving, seen) < 0.04
    assert _rms(registered - pair.moving, seen) < _rms(pair.moving - pair.fixed, seen) / 3


def test_masks_are_where_the_images_are(image):
    bright = (image > 0.5).float()

    pair = _pairs(bright, mask=bright, augmentation=PLAIN)

    inside, moving_inside = pair.inside > 0.999, pair.moving_inside > 0.999
    assert torch.allclose(pair.fixed_mask[inside], pair.fixed[inside], atol=1e-4)
    assert torch.allclose(pair.moving_mask[moving_inside], pair.moving[moving_inside], atol=1e-4)
    assert pair.fixed_mask[pair.inside == 0].sum() == 0  # what goes on beyond the edge is no lung


def test_without_masks_they_are_zero(image):
    pair = _pairs(image)

    assert torch.count_nonzero(pair.fixed_mask) == torch.count_nonzero(pair.moving_mask) == 0


def test_exchanged_twice_is_the_pair_itself(image):
    pair = _pairs(image, mask=(image > 0.5).float())

    other = pair.exchanged()

    assert torch.equal(other.fixed, pair.moving)
    assert torch.equal(other.displacement, pair.reverse)
    assert torch.equal(other.inside, pair.moving_inside)
    assert torch.equal(other.fixed_mask, pair.moving_mask)
    assert all(torch.equal(one, two) for one, two in zip(other.exchanged(), pair))


def test_different_images_are_turned_and_zoomed_alike_and_have_no_known_field(image):
    pair = _different(image, image)  # the same one twice shows it

    assert torch.allclose(pair.fixed, pair.moving, atol=1e-6)
    assert torch.equal(pair.fixed_mask, pair.moving_mask)
    assert torch.equal(pair.inside, pair.moving_inside)
    assert torch.count_nonzero(pair.displacement) == torch.count_nonzero(pair.reverse) == 0


def test_different_images_keep_their_roles(image):
    dark = 0.2 * image

    pair = _different(image, dark)

    assert torch.allclose(pair.moving, 0.2 * pair.fixed, atol=1e-5)
    assert torch.count_nonzero(pair.moving_mask) == 0 < torch.count_nonzero(pair.fixed_mask)


@pytest.mark.parametrize(("probability", "mirrored"), [(0.0, 0), (1.0, 8)])
def test_left_and_right_change_places_as_often_as_asked(probability, mirrored):
    ramp = torch.linspace(0, 1, 64).expand(8, 1, 64, 64)
    kind = STILL.model_copy(update={"mirror_probability": probability})

    pair = _different(ramp, ramp, augmentation=kind)

    falls = pair.fixed[:, 0, 32, 16] > pair.fixed[:, 0, 32, 48]
    assert falls.sum() == mirrored


def test_joined_pairs_stand_one_behind_the_other(image):
    first, second = _pairs(image[:2]), _pairs(image[2:], seed=1)

    both = joined([first, second])

    assert all(torch.equal(whole, torch.cat(parts)) for whole, *parts in zip(both, first, second))
