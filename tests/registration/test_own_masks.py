"""When the network's masks count: on what looks like a chest X-ray to it, and on nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.filters import threshold_otsu

from sarnet.config import FinishSettings, RefinementSettings, RegistrationSettings
from sarnet.images import Grid, Image
from sarnet.networks import hard_mask, load_generator
from sarnet.registration import register
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.look import look_at
from sarnet.registration.middle import Middle
from sarnet.registration.own_masks import knows, own_masks, with_own_masks
from sarnet.registration.plane_fields import PlaneFields
from sarnet.transforms import Transform


@pytest.fixture(scope="module")
def segmenting():
    return load_generator("sarnet-cxr").generator


def _chest(shift: float = 0.0) -> np.ndarray:
    """A drawing of a chest: a bright body, two dark lungs, ribs."""
    y, x = np.mgrid[:256, :256].astype(np.float32)
    body = np.clip((118 - np.abs(x - 128)) / 20, 0, 1) * np.clip((y - 5) / 20, 0, 1)
    lungs = sum(
        np.clip(6 * (1 - ((x - centre) / 40) ** 2 - ((y - 128 - shift) / 85) ** 2), 0, 1) for centre in (78, 178)
    )
    ribs = 0.06 * np.sin((y - shift + 0.15 * np.abs(x - 128)) / 5)
    return np.clip(0.75 * body - 0.5 * lungs + ribs * body, 0, 1).astype(np.float32)


def _pair(fixed: np.ndarray, moving: np.ndarray) -> ComparedPair:
    images = [torch.from_numpy(image)[None, None] for image in (fixed, moving)]
    return ComparedPair(
        fixed=images[0], moving=images[1], weight=torch.ones_like(images[0]), grid=Grid.plain(fixed.shape)
    )


def _here(grid: Grid) -> Middle:
    return Middle.of(grid, grid, Transform.identity(grid))


def _volume() -> ComparedPair:
    rng = torch.Generator().manual_seed(0)
    images = [torch.rand(1, 1, 16, 32, 24, generator=rng) for _ in range(2)]
    return ComparedPair(
        fixed=images[0], moving=images[1], weight=torch.ones_like(images[0]), grid=Grid.plain((16, 32, 24))
    )


def test_lungs_of_a_chest_are_regions_that_shall_meet(segmenting):
    pair = _pair(_chest(), _chest(shift=6))

    fields = PlaneFields.of(segmenting, pair)

    found = with_own_masks(pair, fields, weight=0.5)

    assert knows(fields)
    assert found.region_weight == 0.5
    lungs = torch.from_numpy(_chest() < 0.5 * _chest().max())[None, None]
    inside = torch.zeros_like(lungs)
    inside[..., 40:215, 35:222] = True
    marked, wanted = found.fixed_regions > 0.5, lungs & inside
    overlap = 2 * (marked & wanted).sum() / (marked.sum() + wanted.sum())
    assert float(overlap) > 0.6  # a drawing is no radiograph


@pytest.fixture(scope="module")
def chests() -> list[Image]:
    return [Image(array=_chest(shift), grid=Grid.plain((256, 256))) for shift in (0.0, 6.0)]


@pytest.fixture(scope="module")
def registered_chests(chests, fast):
    return register(*chests, fast)


def test_chest_is_not_taken_the_last_steps(registered_chests):
    assert registered_chests.record.known_to_network
    assert "finish" not in registered_chests.record.seconds_by_stage


@pytest.mark.parametrize(("name", "moves"), [("refinement", False), ("known_refinement", True)])
def test_chest_is_refined_by_settings_of_its_own(chests, registered_chests, fast, name, moves):
    rough = RefinementSettings(fluid_voxels=0.5, finish=FinishSettings(iterations=0))

    found = register(*chests, fast.model_copy(update={name: rough}))

    apart = found.transform.total_displacement() - registered_chests.transform.total_displacement()
    assert (np.abs(apart).max() > 0.5) == moves


def test_chest_is_refined_by_smoother_steps_than_all_else():
    settings = RegistrationSettings()

    assert settings.known_refinement.fluid_voxels > settings.refinement.fluid_voxels


def test_brain_is_nothing_that_the_network_knows(prepare, sample, segmenting):
    pair = prepare(
        sample.fixed,
        sample.moving,
        longest_voxels=256,
    )

    assert not knows(PlaneFields.of(segmenting, pair))


@pytest.mark.parametrize("adapt", ["none", "last-layer", "refined"])
@pytest.mark.parametrize(("asked", "compared_by"), [("auto", "lncc"), ("nmi", "nmi")])
def test_chests_that_seem_to_be_of_two_contrasts_are_compared_as_of_one(segmenting, asked, compared_by, adapt):
    pair = replace(_pair(_chest(), _chest(shift=6)), similarity="nmi", moving_seen=torch.rand(1, 1, 256, 256))

    look = look_at(pair, _here(pair.grid), segmenting, RegistrationSettings(similarity=asked, adapt=adapt))

    assert look.pair.similarity == compared_by
    assert (look.pair.moving_seen is None) == (compared_by == "lncc")


@pytest.mark.parametrize("exchanged", [False, True])
def test_pair_of_which_one_image_alone_is_known_is_not_known_whichever_is_fixed(segmenting, exchanged, rng):
    pair = replace(_pair(_chest(), rng.random((256, 256), dtype=np.float32)), magnification=1.5)

    look = look_at(
        pair.exchanged() if exchanged else pair,
        _here(pair.grid),
        segmenting,
        RegistrationSettings(similarity="lncc", adapt="last-layer"),
    )

    assert not look.known
    assert look.pair.magnification == 1.5


def test_brains_of_two_contrasts_stay_so(prepare, sample, segmenting):
    pair = prepare(sample.fixed, sample.moving, longest_voxels=208, similarity="nmi")

    look = look_at(pair, _here(pair.grid), segmenting, RegistrationSettings(adapt="none"))

    assert look.pair.similarity == "nmi"


def test_noise_is_nothing_that_the_network_knows(segmenting, rng):
    pair = _pair(*rng.random((2, 128, 128), dtype=np.float32))

    assert not knows(PlaneFields.of(segmenting, pair))


def test_volumes_are_nothing_that_the_network_knows(segmenting):
    volume = _volume()

    assert not knows(PlaneFields.of(segmenting, volume))


def test_weights_without_masks_know_nothing_and_leave_the_pair_as_it_is(rng):
    pair = _pair(*rng.random((2, 64, 64), dtype=np.float32))
    fields = PlaneFields.of(load_generator("sarnet-cxr-initial").generator, pair)

    assert not knows(fields)
    assert with_own_masks(pair, fields, weight=0.5) is pair
    assert own_masks(fields, _here(pair.grid), seen=pair.grid, fixed=pair.grid, moving=pair.grid) is None


def test_masks_lie_on_the_grids_of_their_images(segmenting):
    pair = _pair(_chest(), _chest())
    fields = PlaneFields.of(segmenting, pair)
    shift = Transform(grid=pair.grid, matrix=np.eye(2), translation=np.array([20.0, 0.0]))
    large = Grid(size=(512, 512), spacing=(0.5, 0.5), origin=(-0.25, -0.25), direction=(1.0, 0.0, 0.0, 1.0))

    plain = own_masks(fields, _here(pair.grid), seen=pair.grid, fixed=pair.grid, moving=pair.grid)
    middle = Middle.of(pair.grid, pair.grid, shift)
    moved = own_masks(fields, middle, seen=pair.grid, fixed=large, moving=pair.grid)

    with torch.no_grad():
        fused = segmenting.fused_maps(segmenting.features(pair.fixed, pair.moving))
    assert np.array_equal(plain.fixed.array, hard_mask(fused.fixed)[0, 0].numpy())
    assert np.array_equal(plain.moving.array, hard_mask(fused.moving)[0, 0].numpy())
    # the network saw the moving image through half of the shift: its mask lies ten pixels further right in its own,
    # and the fixed image's as many further left
    assert np.array_equal(moved.moving.array[:, 10:], plain.moving.array[:, :-10])
    assert moved.fixed.array.shape == (512, 512)
    assert np.array_equal(moved.fixed.array[1::2, 1:-20:2], plain.fixed.array[:, 10:]) or (
        np.mean(moved.fixed.array[1::2, 1:-20:2] != plain.fixed.array[:, 10:]) < 0.02
    )


def test_masks_of_a_volume_are_cut_from_the_mean_of_three_planes(segmenting):
    volume = _volume()
    fields = PlaneFields.of(segmenting, volume)

    found = own_masks(fields, _here(volume.grid), seen=volume.grid, fixed=volume.grid, moving=volume.grid)

    with torch.no_grad():
        maps = []
        for across in range(3):
            fixed, moving = (each[0, 0].movedim(across, 0)[:, None] for each in (volume.fixed, volume.moving))
            fused = segmenting.fused_maps(segmenting.features(fixed, moving)).fixed[:, 0]
            maps.append(fused.movedim(0, across))
    mean = torch.stack(maps).mean(0).numpy()
    assert np.array_equal(found.fixed.array, mean > threshold_otsu(mean))
