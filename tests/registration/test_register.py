import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from sarnet.config import AdaptationSettings, FinishSettings, RegistrationSettings
from sarnet.errors import GridError, InputError, OverlapError
from sarnet.fields import jacobian_determinant
from sarnet.images import Grid, Image, sample_pair
from sarnet.metrics import surface_distances
from sarnet.registration import Guides, Labels, Masks, register
from sarnet.registration.adaptation import adapt_last_layer, similarity_cost
from sarnet.registration.plane_fields import PlaneFields
from sarnet.transforms import Transform, compose

FRESH = """
import hashlib
from sarnet.config import RegistrationSettings
from sarnet.images import sample_pair
from sarnet.registration import register
pair = sample_pair(2)
settings = RegistrationSettings.model_validate_json({settings!r})
transform = register(pair.moving, pair.fixed, settings).transform
print(hashlib.sha256(transform.displacement.tobytes() + transform.matrix.tobytes()).hexdigest())
"""


def _hash(transform: Transform) -> str:
    return hashlib.sha256(transform.displacement.tobytes() + transform.matrix.tobytes()).hexdigest()


def _brain(image: Image) -> np.ndarray:
    return image.array > 0


def _error(found: Transform, known, where=None) -> float:
    """Mean length in the brain of what is missing, over that of the known field."""
    inside = _brain(known.fixed) if where is None else where
    missed = np.linalg.norm(found.total_displacement() - known.displacement, axis=-1)[inside]
    return float(missed.mean() / np.linalg.norm(known.displacement, axis=-1)[inside].mean())


def _unfinished(settings: RegistrationSettings) -> RegistrationSettings:
    """Without the last steps, where the fixed image lies."""
    none = settings.refinement.model_copy(update={"finish": FinishSettings(iterations=0)})
    return settings.model_copy(update={"refinement": none})


def _miss_both_ways(sample, settings, loaded) -> float:
    """Mean length of both ways in turn in the brain; voxels are 1 mm."""
    there = register(sample.fixed, sample.moving, settings, loaded=loaded)
    back = register(sample.moving, sample.fixed, settings, loaded=loaded)
    around = np.linalg.norm(compose(there.transform, back.transform).total_displacement(), axis=-1)
    assert np.linalg.norm(there.transform.total_displacement(), axis=-1)[_brain(sample.fixed)].mean() > 2
    return float(around[_brain(sample.fixed)].mean())


def test_pair_the_other_way_round_gives_the_inverse_where_there_are_no_last_steps(sample, fast, loaded):
    assert _miss_both_ways(sample, _unfinished(fast), loaded) < 0.1


def test_pair_the_other_way_round_is_close_to_the_inverse(sample, fast, loaded):
    assert _miss_both_ways(sample, fast, loaded) < 0.4


def test_last_layer_alone_gives_the_inverse_the_other_way_round(sample, fast, loaded):
    assert _miss_both_ways(sample, fast.model_copy(update={"adapt": "last-layer"}), loaded) < 0.2


def test_layer_that_is_free_to_fold_leaves_no_folds(sample, fast, loaded, prepare):
    free = AdaptationSettings(smoothness=0, folding=0)
    pair = prepare(sample.fixed, sample.moving, longest_voxels=208)
    fields = PlaneFields.of(loaded.generator, pair)
    raw = adapt_last_layer(fields, similarity_cost(pair, free), settings=free)
    assert (jacobian_determinant(raw.displacement) <= 0).any()

    settings = fast.model_copy(update={"adapt": "last-layer", "adaptation": free})
    found = register(sample.fixed, sample.moving, settings, loaded=loaded)

    assert found.record.folding_percent == 0


def test_last_steps_are_not_taken_where_the_budget_is_used_up(sample, fast, loaded):
    none = fast.model_copy(update={"budget": 1e-6})

    found, unfinished = (
        register(sample.fixed, sample.moving, settings, loaded=loaded) for settings in (none, _unfinished(none))
    )

    assert found.record.iterations == unfinished.record.iterations
    assert "final steps" not in found.record.stop_reason
    np.testing.assert_array_equal(found.transform.displacement, unfinished.transform.displacement)


def test_images_that_fit_are_left_as_the_refinement_had_them(sample, fast, loaded):
    same = [register(sample.fixed, sample.fixed, each, loaded=loaded) for each in (fast, _unfinished(fast))]

    assert same[0].record.stop_reason.endswith("then 0 final steps: the next would not have lowered the cost")
    np.testing.assert_array_equal(same[0].transform.total_displacement(), same[1].transform.total_displacement())


def test_last_steps_fit_better_on_what_the_network_does_not_know(registered, sample, fast, loaded):
    before = register(sample.fixed, sample.moving, _unfinished(fast), loaded=loaded).record

    assert registered.record.known_to_network is False
    assert registered.record.similarity_after > before.similarity_after + 0.01
    assert registered.record.iterations == before.iterations + fast.refinement.finish.iterations
    assert "finish" in registered.record.seconds_by_stage
    assert registered.record.folding_percent < 0.01


@pytest.mark.parametrize("turned", ["intensities turned over", "the brain's alone"])
def test_inverse_of_the_pair_the_other_way_round_survives_another_contrast(turned, sample, fast, loaded):
    array = sample.moving.array.max() + 1 - sample.moving.array
    inside = _brain(sample.moving)
    moving = replace(sample.moving, array=np.where(inside, array, 0) if turned == "the brain's alone" else array)

    there = register(sample.fixed, moving, _unfinished(fast), loaded=loaded)
    back = register(moving, sample.fixed, _unfinished(fast), loaded=loaded)

    around = np.linalg.norm(compose(there.transform, back.transform).total_displacement(), axis=-1)
    assert around[_brain(sample.fixed)].mean() < 0.15


@pytest.mark.parametrize("adapt", ["last-layer", "refined"])
def test_part_of_an_image_is_found_in_the_whole(adapt, sample, fast, loaded):
    whole = sample.fixed
    rows, columns = slice(70, 134), slice(50, 114)
    corner = whole.grid.index_to_world() @ np.array([columns.start, rows.start, 1.0])
    grid = replace(whole.grid, size=(64, 64), origin=tuple(corner[:2].tolist()))
    part = Image(array=whole.array[rows, columns].copy(), grid=grid)

    found = register(part, whole, fast.model_copy(update={"adapt": adapt}), loaded=loaded)

    off = np.linalg.norm(found.transform.total_displacement(), axis=-1)  # voxels are 1 mm
    assert off.mean() < 0.3
    assert found.record.similarity_before > 0.85


def test_windows_of_one_image_that_overlap_in_part_stay_where_they_are(sample, fast, loaded):
    windows = []
    for first in (20, 60):
        corner = sample.fixed.grid.index_to_world() @ np.array([first, 40, 1.0])
        grid = replace(sample.fixed.grid, size=(90, 120), origin=tuple(corner[:2].tolist()))
        windows.append(Image(array=sample.fixed.array[40:160, first : first + 90].copy(), grid=grid))

    found = register(*windows, fast, loaded=loaded)

    off = np.linalg.norm(found.transform.total_displacement(), axis=-1)
    assert off[:, 40:].mean() < 0.5  # what both hold
    assert found.record.similarity == "lncc"


@pytest.mark.parametrize("transform", ["rigid", "deformable"])
def test_images_whose_headers_lie_far_apart_are_brought_together(transform, sample, fast, loaded):
    far = replace(sample.moving.grid, origin=tuple(np.add(sample.moving.grid.origin, (900.0, 0.0))))

    found = register(
        sample.fixed,
        replace(sample.moving, grid=far),
        fast.model_copy(update={"transform": transform}),
        loaded=loaded,
    )

    assert found.record.similarity_before == 0
    assert found.record.similarity_after > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("adapt", ["last-layer", "refined"])
def test_second_pair_is_the_same_as_in_a_fresh_process(adapt, registered, sample, loaded, fast):
    settings = fast.model_copy(update={"adapt": adapt})
    second = register(sample.moving, sample.fixed, settings, loaded=loaded)  # after the pair of `registered`

    script = FRESH.format(settings=settings.model_dump_json())
    fresh = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True, timeout=300
    )

    assert _hash(second.transform) == fresh.stdout.strip()
    assert _hash(second.transform) != _hash(registered.transform)


def test_same_pair_again_without_labels_is_the_same_to_the_bit(registered, sample, loaded, fast):
    before = {name: value.clone() for name, value in loaded.generator.state_dict().items()}

    again = register(sample.fixed, sample.moving, fast, loaded=loaded)

    # labels are for evaluation alone: `registered` had some
    assert _hash(again.transform) == _hash(registered.transform)
    assert again.warped.array.tobytes() == registered.warped.array.tobytes()
    assert (again.record.dice, again.record.dice_mean, again.warped_labels) == ({}, None, None)
    assert all(torch.equal(before[name], value) for name, value in loaded.generator.state_dict().items())


def test_label_that_only_the_registration_brings_in_counts_as_wrong(sample, fast):
    """It lies beyond the fixed image as they came, and on it afterwards, where the fixed image has nothing."""
    brain = np.where(_brain(sample.moving), 9, 0).astype(np.uint8)
    away = replace(sample.moving.grid, origin=tuple(np.add(sample.moving.grid.origin, 400)))
    far, labels = (Image(array=each, grid=away) for each in (sample.moving.array, brain))
    nothing = Image(array=np.zeros(sample.fixed.grid.shape, np.uint8), grid=sample.fixed.grid)

    found = register(
        sample.fixed, far, fast.model_copy(update={"transform": "rigid"}), labels=Labels(fixed=nothing, moving=labels)
    )

    assert found.record.dice["9"] == 0


def test_threads_of_the_process_are_left_as_they_were(sample, fast):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        register(sample.fixed, sample.moving, fast.model_copy(update={"transform": "rigid"}))

        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_packaged_pair_is_improved_and_measured(registered, sample):
    record = registered.record

    # independent of the record: warped labels against fixed ones
    for label in (1, 2, 3):
        a, b = sample.fixed_labels.array == label, registered.warped_labels.array == label
        assert record.dice[str(label)] == pytest.approx(2 * (a & b).sum() / (a.sum() + b.sum()))
    assert record.dice_mean == pytest.approx(np.mean(list(record.dice.values())))
    assert record.dice_mean > record.dice_mean_before + 0.03
    outlines = surface_distances(
        sample.fixed_labels.array, registered.warped_labels.array, spacing=sample.fixed.grid.spacing[::-1]
    )
    assert record.hd95_mm == {str(label): pytest.approx(each.hd95) for label, each in outlines.items()}
    assert record.mad_mm == {str(label): pytest.approx(each.mad) for label, each in outlines.items()}
    assert record.length_unit == "mm"
    assert record.similarity_after > record.similarity_before + 0.05
    assert record.verdict[0].startswith("Improved: ")
    lengths = np.linalg.norm(registered.transform.total_displacement(), axis=-1)[_brain(sample.fixed)]
    assert record.mean_displacement_mm == pytest.approx(lengths.mean(), rel=1e-5)
    assert record.largest_displacement_mm == pytest.approx(lengths.max(), rel=1e-5)


def test_record_says_how_it_was_made(registered, loaded, fast):
    record = registered.record

    assert (record.transform, record.adapt, record.threads) == ("deformable", "refined", 1)
    assert (record.model, record.weights_sha256) == (loaded.name, loaded.sha256)
    assert record.settings == fast.model_dump(mode="json")
    assert record.seconds == pytest.approx(sum(record.seconds_by_stage.values()))
    stages = ["affine", "resampling", "network", "adaptation", "refinement", "finish", "to world"]
    assert list(record.seconds_by_stage) == stages
    assert record.iterations > len(record.cost_history) - 1 > 0  # of the refinement the costs before and after alone
    assert record.cost_initial == record.cost_history[0]
    assert record.cost_final == min(record.cost_history)
    assert record.inverse_consistency_mm is None
    assert (record.inputs.fixed, record.inputs.moving) == (None, None)
    assert record.grid.size == (165, 196)


def test_known_smooth_field_is_recovered(known, loaded, fast):
    found = register(known.fixed, known.moving, fast, loaded=loaded)

    assert np.linalg.norm(known.displacement, axis=-1)[_brain(known.fixed)].mean() > 2.5
    assert _error(found.transform, known) < 0.5


def test_first_answer_of_the_network_is_kept_where_no_adaptation_is_asked_for(known, loaded, fast):
    found = register(known.fixed, known.moving, fast.model_copy(update={"adapt": "none"}), loaded=loaded)

    assert found.record.iterations == 0
    assert found.record.stop_reason == "no adaptation was asked for"
    assert found.record.cost_initial == found.record.cost_final
    assert _error(found.transform, known) < 1


def test_translation_is_recovered_on_an_oblique_grid(sample, loaded, fast, oblique):
    fixed = Image(array=sample.fixed.array, grid=oblique)
    moving = replace(fixed, grid=replace(oblique, origin=(oblique.origin[0] + 6, oblique.origin[1] - 4)))

    found = register(fixed, moving, fast, loaded=loaded)

    moved = found.transform.total_displacement()[_brain(fixed)]
    np.testing.assert_allclose(moved.mean(axis=0), (6, -4), atol=0.1)
    assert np.linalg.norm(moved - (6, -4), axis=-1).mean() < 0.5


def test_identical_images_stay_where_they_are(sample, loaded, fast):
    labels = Labels(fixed=sample.fixed_labels, moving=sample.fixed_labels)

    same = register(sample.fixed, sample.fixed, fast, labels=labels, loaded=loaded)

    assert same.record.verdict[0].startswith("Unchanged: ")
    assert same.record.mean_displacement_mm < 0.3
    assert same.record.dice_mean > 0.97


def test_affine_map_does_not_mind_contrast_turned_over(sample, fast):
    affine = fast.model_copy(update={"transform": "affine"})
    turned = replace(sample.moving, array=sample.moving.array.max() - sample.moving.array)

    plain, found = (register(sample.fixed, moving, affine).transform for moving in (sample.moving, turned))

    difference = found.total_displacement() - plain.total_displacement()
    assert np.abs(difference)[_brain(sample.fixed)].max() < 0.2


@pytest.mark.parametrize("turned", ["fixed", "moving", "both", "the moving one's brain alone"])
def test_contrast_turned_over_is_registered_as_well(turned, registered, sample, loaded, fast):
    fixed, moving = (replace(image, array=image.array.max() + 1 - image.array) for image in sample[:2])
    if "alone" in turned:
        moving = replace(moving, array=np.where(sample.moving.array > 0, moving.array, 0))
    if turned not in ("fixed", "both"):
        fixed = sample.fixed
    if turned == "fixed":
        moving = sample.moving

    labels = Labels(fixed=sample.fixed_labels, moving=sample.moving_labels)
    found = register(fixed, moving, fast, labels=labels, loaded=loaded)

    assert found.record.dice_mean == pytest.approx(registered.record.dice_mean, abs=0.04)


def test_values_that_are_no_numbers_are_survived(sample, loaded, fast):
    array = sample.moving.array.copy()
    array[90:93, 80:83], array[60, 60] = np.nan, np.inf

    found = register(sample.fixed, replace(sample.moving, array=array), fast, loaded=loaded)

    assert np.isfinite(found.transform.displacement).all()
    assert found.record.similarity_after > found.record.similarity_before


def test_masks_keep_what_is_corrupted_out(known, loaded, fast):
    corrupted = known.moving.array.copy()
    corrupted[80:125, 50:80] = np.random.default_rng(5).uniform(0, known.moving.array.max(), (45, 30))
    moving = replace(known.moving, array=corrupted)
    mask = np.ones(moving.grid.shape, np.uint8)
    mask[75:130, 45:85] = 0
    there = np.zeros(moving.grid.shape, bool)
    there[80:125, 50:80] = True

    plain = register(known.fixed, moving, fast, loaded=loaded)
    masked = register(known.fixed, moving, fast, masks=Masks(moving=Image(array=mask, grid=moving.grid)), loaded=loaded)

    assert _error(masked.transform, known, there) < _error(plain.transform, known, there)
    # nor does it count when the result is judged
    assert masked.record.similarity_after > plain.record.similarity_after + 0.02


def test_folds_are_counted_in_the_foreground_also_outside_of_the_masks(known, fast, loaded):
    folded = np.zeros_like(known.displacement)
    folded[100, 40, 0] = 5  # beyond its neighbour on the right, in the brain
    start = Transform.identity(known.fixed.grid).with_displacement(folded)
    right = np.zeros(known.fixed.grid.shape, np.uint8)
    right[:, 90:] = 1
    masks = Masks(fixed=Image(array=right, grid=known.fixed.grid))

    found = register(
        known.fixed,
        known.fixed,
        fast.model_copy(update={"adapt": "none"}),
        initial_transform=start,
        masks=masks,
        loaded=loaded,
    )

    assert found.record.folding_percent > 0


def test_masks_that_meet_by_the_affine_map_alone_count_as_nothing_alike_before(sample, loaded, fast):
    away = replace(sample.moving.grid, origin=(sample.moving.grid.origin[0] + 90, sample.moving.grid.origin[1]))
    left = np.zeros(sample.fixed.grid.shape, np.uint8)
    left[:, :82] = 1
    masks = Masks(fixed=Image(array=left, grid=sample.fixed.grid))

    found = register(sample.fixed, replace(sample.moving, grid=away), fast, masks=masks, loaded=loaded).record

    assert found.similarity_before == 0
    assert found.similarity_after > 0.5


@pytest.mark.parametrize("transform", ["rigid", "deformable"])
def test_masks_that_do_not_meet_are_refused(transform, sample, loaded, fast):
    """Before the network looks, and, where there is none, when the result is judged."""
    left, right = np.zeros((2, *sample.fixed.grid.shape), np.uint8)
    left[60:140, 30:60], right[60:140, 110:140] = 1, 1
    masks = Masks(fixed=Image(array=left, grid=sample.fixed.grid), moving=Image(array=right, grid=sample.fixed.grid))
    here = Transform.identity(sample.fixed.grid)
    here = here.with_displacement(np.zeros((*sample.fixed.grid.shape, 2)))  # no search could bring them together

    how = fast.model_copy(update={"transform": transform})
    with pytest.raises(OverlapError, match="fixed_mask and moving_mask leave no voxel"):
        register(sample.fixed, sample.fixed, how, initial_transform=here, masks=masks, loaded=loaded)


def test_initial_transform_with_a_field_is_where_the_network_starts(known, loaded, fast):
    truth = Transform.identity(known.fixed.grid).with_displacement(known.displacement)
    far = replace(known.moving, grid=replace(known.moving.grid, origin=tuple(np.add(known.moving.grid.origin, 40))))
    initial = replace(truth, translation=np.array([40.0, 40.0]))  # the field first, then to where the image lies

    found = register(known.fixed, far, fast, initial_transform=initial, loaded=loaded)

    assert "affine" not in found.record.seconds_by_stage
    assert found.record.affine is None
    missed = found.transform.total_displacement() - known.displacement - 40
    assert np.linalg.norm(missed, axis=-1)[_brain(known.fixed)].mean() < 0.5
    np.testing.assert_array_equal(found.transform.translation, (40, 40))


def test_initial_transform_with_a_field_is_all_there_is_to_rigid(known, fast):
    initial = Transform.identity(known.fixed.grid).with_displacement(known.displacement)

    found = register(
        known.fixed, known.moving, fast.model_copy(update={"transform": "rigid"}), initial_transform=initial
    )

    np.testing.assert_array_equal(found.transform.displacement, initial.displacement)
    assert found.record.stop_reason == "the initial transform was taken as it is"
    assert found.record.folding_percent == 0
    assert "The field folds nowhere." in found.record.verdict


def test_folds_of_the_initial_transform_are_counted(known, fast):
    folded = known.displacement.copy()
    folded[100, 80, 0] += 5  # beyond its neighbour on the right

    found = register(
        known.fixed,
        known.moving,
        fast.model_copy(update={"transform": "rigid"}),
        initial_transform=Transform.identity(known.fixed.grid).with_displacement(folded),
    )

    assert found.record.folding_percent == pytest.approx(100 / _brain(known.fixed).sum())


def test_initial_affine_transform_is_where_the_search_starts(sample, fast):
    far = replace(sample.fixed, grid=replace(sample.fixed.grid, origin=(900.0, -900.0)))
    shift = np.subtract((900, -900), sample.fixed.grid.origin)
    initial = replace(Transform.identity(sample.fixed.grid), translation=np.add(shift, (2.0, 1.0)))

    found = register(sample.fixed, far, fast.model_copy(update={"transform": "rigid"}), initial_transform=initial)

    assert found.record.affine.start == "initial"
    np.testing.assert_allclose(found.transform.total_displacement()[_brain(sample.fixed)].mean(axis=0), shift, atol=0.3)


@pytest.mark.parametrize("kind", ["rigid", "affine"])
def test_volumes_are_registered_by_an_affine_map(kind, fast):
    volume = sample_pair(3).fixed
    shifted = replace(volume, grid=replace(volume.grid, origin=tuple(np.add(volume.grid.origin, (5, -3, 4)))))

    found = register(volume, shifted, fast.model_copy(update={"transform": kind}))

    assert found.transform.displacement is None
    moved = found.transform.total_displacement()[volume.array > 0]
    np.testing.assert_allclose(moved.mean(axis=0), (5, -3, 4), atol=0.2)
    if kind == "rigid":
        np.testing.assert_allclose(found.transform.matrix @ found.transform.matrix.T, np.eye(3), atol=1e-6)
    assert (found.record.adapt, found.record.model, found.record.network_grid) == ("none", None, None)
    assert found.record.similarity_after > 0.95
    assert not [sentence for sentence in found.record.verdict if "field" in sentence]


def test_known_deformation_of_a_volume_is_found_ever_better_by_each_mode(known_volume, fast, loaded):
    errors = [1.0]
    for adapt in ("none", "last-layer", "refined"):
        found = register(
            known_volume.fixed, known_volume.moving, fast.model_copy(update={"adapt": adapt}), loaded=loaded
        )
        errors.append(_error(found.transform, known_volume))
        assert found.record.folding_percent <= (0.01 if adapt == "none" else 0)
        assert found.record.network_grid.spacing_mm[0] == pytest.approx(
            known_volume.fixed.grid.spacing[0] * (1 if adapt == "refined" else 2), rel=0.2
        )

    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.25


def test_thin_volume_of_long_voxels_is_registered(fast, loaded):
    slices = sample_pair(3).fixed
    few = Image(
        array=np.ascontiguousarray(slices.array[20:68:8]),
        grid=Grid.plain((6, *slices.array.shape[1:]), spacing=(2.0, 2.0, 16.0)),
    )
    moved = replace(few, array=np.roll(few.array, 2, axis=2))

    found = register(few, moved, fast.model_copy(update={"adapt": "refined"}), loaded=loaded)

    assert found.record.similarity_after > found.record.similarity_before
    assert found.warped.array.shape == few.array.shape


@pytest.mark.parametrize("adapt", ["none", "last-layer", "refined"])
def test_volume_of_two_slices_in_noisy_air_is_registered(adapt, fast, loaded, rng):
    """Air that is not constant leaves no margin: what the network sees is a voxel thin."""
    grid = Grid.plain((2, *sample_pair(3).fixed.array.shape[1:]), spacing=(2.0, 2.0, 2.0))
    array = np.ascontiguousarray(sample_pair(3).fixed.array[44:46]) + rng.random(grid.shape).astype(np.float32)
    image = Image(array=array, grid=grid)
    here = Transform.identity(grid).with_displacement(np.zeros((*grid.shape, 3)))  # too thin for the affine search

    moved = replace(image, array=np.roll(array, 2, axis=2))
    found = register(image, moved, fast.model_copy(update={"adapt": adapt}), initial_transform=here, loaded=loaded)

    inside = array > 0.3 * array.max()
    misses = np.linalg.norm(found.transform.total_displacement() - [4.0, 0, 0], axis=-1)[inside]
    assert misses.mean() < {"none": 3.0, "last-layer": 1.5, "refined": 0.8}[adapt]


def test_volumes_of_unlike_oblique_grids_are_registered_in_the_world(known_volume, fast, loaded):
    """The moving volume mirrored, its axes in another order, on half of its slices, and all of it turned in space."""
    turn = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1.0]])
    fixed, moving = known_volume.fixed, known_volume.moving

    def placed(image: Image, directions: np.ndarray, origin: np.ndarray) -> Image:
        where = replace(image.grid, direction=tuple((turn @ directions).ravel()), origin=tuple(turn @ origin))
        return replace(image, grid=where)

    half = moving.array[:, ::2, ::-1].transpose(1, 0, 2)  # (y, z, x), every other y, from right to left
    x, y, z = moving.grid.spacing
    strange = Image(array=np.ascontiguousarray(half), grid=Grid.plain(half.shape, spacing=(x, z, 2 * y)))
    last = np.array(moving.grid.origin) + np.array([(moving.grid.size[0] - 1) * x, 0, 0])
    axes = np.array([[-1.0, 0, 0], [0, 0, 1], [0, 1, 0]])  # of the array's x, y, z in the volume's world, as columns
    found = register(
        placed(fixed, np.eye(3), np.array(fixed.grid.origin)), placed(strange, axes, last), fast, loaded=loaded
    )

    missed = found.transform.total_displacement() @ turn - known_volume.displacement
    inside = _brain(fixed)
    lengths = np.linalg.norm(known_volume.displacement, axis=-1)[inside]
    assert np.linalg.norm(missed, axis=-1)[inside].mean() < 0.45 * lengths.mean()


def test_landmarks_of_a_volume_lead_where_the_images_cannot(known_volume, fast, loaded):
    fixed, grid = known_volume.fixed, known_volume.fixed.grid
    rng = np.random.default_rng(2)
    places = np.argwhere(_brain(fixed))[rng.choice(_brain(fixed).sum(), 80, replace=False)]
    points = places @ grid.voxel_to_world().T + np.array(grid.origin)
    partners = points + np.array([6.0, -4.0, 5.0])  # nothing in the images, which are one and the same, says so

    guides = Guides(fixed_points=points, moving_points=partners)
    found = register(fixed, fixed, fast, guides=guides, loaded=loaded)

    misses = np.linalg.norm(found.transform.points(points) - partners, axis=1)
    assert misses.mean() < 0.2 * np.linalg.norm(partners - points, axis=1).mean()


def test_other_contrast_is_noticed_and_judged_by_mutual_information(sample, loaded, fast):
    shown = _brain(sample.moving)
    rank = np.zeros(shown.shape)
    rank[shown] = stats.rankdata(sample.moving.array[shown]) / shown.sum()
    bent = np.where(shown, 20 + 200 * np.abs(2 * rank - 1), 0).astype(np.float32)  # dark and bright are one

    found = register(sample.fixed, replace(sample.moving, array=bent), fast, loaded=loaded)

    assert found.record.similarity == "nmi"
    assert found.record.verdict[0].startswith("Improved: mutual information over joint entropy")


def test_slices_of_unlike_spacing_are_registered_in_the_world(known, loaded, fast):
    coarse = np.ascontiguousarray(known.moving.array[::2])
    moving = Image(array=coarse, grid=replace(known.moving.grid, size=coarse.shape[::-1], spacing=(1.0, 2.0)))

    found = register(known.fixed, moving, fast, loaded=loaded)

    assert _error(found.transform, known) < 0.45


def test_image_surrounded_by_what_is_no_number_is_registered_like_one_in_black(sample, loaded, fast):
    surrounded = np.where(_brain(sample.moving), sample.moving.array, np.nan).astype(np.float32)

    black = register(sample.fixed, sample.moving, fast, loaded=loaded)
    found = register(sample.fixed, replace(sample.moving, array=surrounded), fast, loaded=loaded)

    assert found.record.network_grid == black.record.network_grid
    assert found.record.similarity_after == pytest.approx(black.record.similarity_after, abs=0.05)


def test_guides_that_cannot_steer_are_refused(sample, fast, loaded):
    labels = Guides(fixed_labels=sample.fixed_labels, moving_labels=sample.moving_labels)
    affine, unadapted = (fast.model_copy(update=each) for each in ({"transform": "affine"}, {"adapt": "none"}))

    with pytest.raises(InputError, match="guides were given, but transform is 'affine', which they cannot steer"):
        register(sample.fixed, sample.moving, affine, guides=labels)
    with pytest.raises(InputError, match="guide_fixed was given, but adapt is 'none'"):
        register(sample.fixed, sample.moving, unadapted, guides=labels, loaded=loaded)


def test_what_does_not_fit_is_refused(sample, fast):
    fixed, other = sample.fixed, Image.from_array(np.ones((5, 6), np.uint8))
    volume = Image.from_array(np.random.default_rng(0).random((8, 8, 8)))

    with pytest.raises(GridError, match="fixed has 2 axes, but moving has 3"):
        register(fixed, volume, fast)
    with pytest.raises(GridError, match=r"moving_mask has size \(6, 5\)"):
        register(fixed, sample.moving, fast, masks=Masks(moving=other))
    with pytest.raises(GridError, match=r"fixed_labels has size \(6, 5\)"):
        register(fixed, sample.moving, fast, labels=Labels(fixed=other, moving=sample.moving_labels))


@pytest.mark.parametrize(
    ("value", "message"), [(7.0, "is 7 everywhere, but must be an image with"), (np.nan, "holds no finite value")]
)
@pytest.mark.parametrize("name", ["fixed", "moving"])
def test_image_that_shows_nothing_is_refused(name, value, message, sample, fast):
    images = {"fixed": sample.fixed, "moving": sample.moving}
    images[name] = replace(images[name], array=np.full_like(images[name].array, value))

    with pytest.raises(InputError, match=f"{name} {message}"):
        register(images["fixed"], images["moving"], fast)


def test_what_takes_several_registrations_is_not_asked_of_one(sample, fast, loaded):
    unsure = fast.model_copy(update={"uncertainty": True})

    with pytest.raises(InputError, match=r"uncertainty was asked for.*use register_images"):
        register(sample.fixed, sample.moving, unsure, loaded=loaded)


@pytest.mark.parametrize(("value", "said"), [(0.5, "0.5"), (np.nan, "nan")])
def test_labels_that_are_no_whole_numbers_are_refused(value, said, sample, fast):
    fractions = np.where(sample.moving_labels.array == 1, value, 0)
    labels = Labels(fixed=sample.fixed_labels, moving=replace(sample.moving_labels, array=fractions))

    with pytest.raises(InputError, match=f"moving_labels has {said} among its values, but labels are whole numbers"):
        register(sample.fixed, sample.moving, fast, labels=labels)


def test_initial_transform_of_other_images_is_refused(sample, fast):
    of_a_volume = Transform.identity(Grid.plain((4, 4, 4)))

    with pytest.raises(GridError, match="initial_transform has 3 axes, but the images have 2"):
        register(sample.fixed, sample.moving, fast, initial_transform=of_a_volume)


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        ("meta", r"Tensor\.item\(\) cannot be called on meta tensors"),
        ("lazy", "Could not run 'aten::empty"),
        ("hpu", r"No module named 'torch\.hpu'"),
        ("nowhere", "Expected one of cpu"),
    ],
)
def test_device_that_cannot_compute_is_refused_and_leaves_the_network_as_it_was(device, reason, sample, fast, loaded):
    with pytest.raises(InputError, match=f"device is '{device}', but torch cannot compute there: {reason}"):
        register(sample.fixed, sample.moving, fast.model_copy(update={"device": device}), loaded=loaded)

    assert loaded.generator.last.weight.device.type == "cpu"
