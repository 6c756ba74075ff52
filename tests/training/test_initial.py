import csv
import time
from itertools import pairwise

import pytest
import torch

from sarnet.config import AugmentationSettings, GeneratorSettings, SimulationSettings
from sarnet.errors import ConfigError, DataError, InputError, WeightsError
from sarnet.networks import Generator, load_generator
from sarnet.training import train_initial
from sarnet.training.initial import training_pair

TINY = GeneratorSettings(maps=8, blocks=1, encoder_blocks=1, matched_maps=4, radius=2)


@pytest.fixture
def settings(settings):
    """The same without the outputs that this stage does not train, and with images that give the trunk more to see."""
    return settings.model_copy(update={"size": 64, "generator": TINY})


def _with(settings, **stage):
    return settings.model_copy(update={"initial": settings.initial.model_copy(update=stage)})


def _stop_at(step):
    def report(progress):
        if progress.step == step:
            raise KeyboardInterrupt

    return report


def _interrupted(settings, *, after):
    with pytest.raises(KeyboardInterrupt):
        train_initial(settings, report=_stop_at(after))


def _weights(path):
    return load_generator(path).generator.state_dict()


def _log(settings):
    with (settings.out / "initial" / "log.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_field_error_falls(settings):
    steady = AugmentationSettings(zoom=(1, 1), rotation_degrees=0, remap_probability=0, exposure=0, noise=0)
    stage = {"batch": 4, "steps": 100, "warm_up_steps": 10, "learning_rate": 5e-3, "field_norm": "euclidean"}
    easy = _with(settings, augmentation=steady, **stage).model_copy(
        update={
            "size": 32,
            "generator": TINY.model_copy(update={"stride": 1, "normalisation": "batch"}),  # learns at so small a size
            "simulation": SimulationSettings(control_spacing_voxels=(512.0,), peak_voxels=(16.0, 24.0)),
        }
    )
    totals = []

    train_initial(easy, report=lambda progress: totals.append(progress.total))

    assert sum(totals[-20:]) < 0.85 * sum(totals[:20])
    assert float(_log(easy)[-1]["validation_field_error"]) < 0.8  # of images never seen; one is no registration


def test_writes_weights_checkpoint_and_log(settings):
    weights = train_initial(settings)

    folder = settings.out / "initial"
    assert weights == folder / "generator.safetensors"
    assert {path.name for path in folder.iterdir()} == {weights.name, "checkpoint.pt", "log.csv", "tensorboard"}


def test_weights_file_gives_the_field_of_the_trained_network(settings):
    weights = train_initial(settings)

    trained = Generator(TINY)
    checkpoint = torch.load(settings.out / "initial" / "checkpoint.pt", weights_only=True)
    trained.load_state_dict(checkpoint["networks"]["generator"])
    fixed, moving = torch.rand(2, 1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    found = load_generator(weights).generator(fixed, moving)
    # loaded weights lie in another order in memory, which rounds differently
    assert torch.allclose(found, trained.eval()(fixed, moving), atol=1e-5)


def test_log_names_the_terms_and_adds_them_up(settings):
    weighted = _with(settings, coarse_weight=0.5, image_weight=2.0, lncc_weight=3.0)

    train_initial(weighted)

    first, last = _log(weighted)
    *names, _, _, _, _, _ = first
    assert names == ["step", "total", "field", "coarse_field", "image", "lncc", "mean_voxels"]
    assert all(name.startswith("validation_") for name in first if name not in names)
    assert (first["step"], last["step"]) == ("2", "4")
    terms = {name: float(value) for name, value in last.items()}
    wanted = terms["field"] + 0.5 * terms["coarse_field"] + 2 * terms["image"] + 3 * terms["lncc"]
    assert terms["total"] == pytest.approx(wanted, rel=1e-3)
    assert 0 < terms["lncc"] < 1


def test_log_has_the_means_over_the_steps_since_the_row_before(settings):
    seen = []
    by_step = settings.model_copy(update={"validate_steps": 1, "out": settings.out / "by-step"})

    train_initial(by_step)
    train_initial(settings, report=seen.append)

    each, pairs = _log(by_step), _log(settings)
    for name in ("total", "field", "mean_voxels"):
        steps = [float(row[name]) for row in each]
        assert len(set(steps)) == 4
        wanted = [(steps[0] + steps[1]) / 2, (steps[2] + steps[3]) / 2]
        assert [float(row[name]) for row in pairs] == pytest.approx(wanted, rel=1e-4), name
    assert [progress.total for progress in seen] == pytest.approx([float(row["total"]) for row in each], rel=1e-4)


def test_fields_that_stay_the_identity_are_said(settings):
    seen = []
    still = _with(settings, learning_rate=1e-30).model_copy(update={"validate_steps": 1})

    train_initial(still, report=seen.append)

    assert [len(progress.alarms) for progress in seen[:2]] == [0, 0]
    assert "collapsed to the identity" in seen[2].alarms[0]


def test_other_images_are_no_reason_to_go_on(settings, visits):
    _interrupted(settings.model_copy(update={"checkpoint_minutes": 1e-9}), after=2)
    fewer = visits.with_name("fewer.csv")
    fewer.write_text("\n".join(visits.read_text(encoding="utf-8").splitlines()[:-1]) + "\n", encoding="utf-8")

    with pytest.raises(WeightsError, match="read something else from visits"):
        train_initial(settings.model_copy(update={"visits": fewer}), resume=True)


def test_reports_every_step_and_the_newest_validation(settings):
    seen = []

    train_initial(settings, report=seen.append)

    assert [progress.step for progress in seen] == [1, 2, 3, 4]
    assert {progress.steps for progress in seen} == {4}
    assert {progress.stage for progress in seen} == {"initial"}
    assert seen[0].judgement == ""
    assert seen[1].judgement == seen[2].judgement != seen[3].judgement
    assert seen[1].judgement.startswith("field error ")


def test_same_seed_gives_the_same_weights_and_another_others(settings, tmp_path):
    first, again, other = (
        _weights(train_initial(settings.model_copy(update={"out": tmp_path / name, "seed": seed})))
        for name, seed in (("first", 3), ("again", 3), ("other", 4))
    )

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["last.weight"], other["last.weight"])


def test_training_that_is_broken_off_loses_one_interval_at_most(settings):
    interval, step_seconds, last = 1.0, 0.3, 12
    slow = _with(settings, steps=100).model_copy(update={"checkpoint_minutes": interval / 60, "validate_steps": 100})
    ends = list[float]()

    def report(progress):
        time.sleep(step_seconds)
        ends.append(time.monotonic())
        if progress.step == last:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_initial(slow, report=report)

    kept = torch.load(slow.out / "initial" / "checkpoint.pt", weights_only=True)["step"]
    assert 0 < kept <= last
    # the step that was under way when the interval was over is still in it
    assert ends[-1] - ends[kept - 1] < interval + 2 * max(after - before for before, after in pairwise(ends))


@pytest.mark.parametrize("normalisation", ["none", "batch"])
def test_resumed_training_is_the_uninterrupted_one_bit_for_bit(settings, tmp_path, normalisation):
    always = settings.model_copy(
        update={
            "checkpoint_minutes": 1e-9,
            "generator": TINY.model_copy(update={"normalisation": normalisation}),
        }
    )
    interrupted = always.model_copy(update={"out": tmp_path / "interrupted"})

    whole = _weights(train_initial(always))
    _interrupted(interrupted, after=3)  # between two rows of the log
    resumed = _weights(train_initial(interrupted, resume=True))

    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert _log(interrupted) == _log(always)


def test_steps_after_the_last_checkpoint_are_logged_once(settings):
    _interrupted(settings, after=2)  # before the first checkpoint
    assert [row["step"] for row in _log(settings)] == ["2"]

    train_initial(settings, resume=True)

    assert [row["step"] for row in _log(settings)] == ["2", "4"]


def test_resuming_what_is_done_only_writes_the_weights_again(settings):
    weights = train_initial(settings)
    before = _weights(weights)
    weights.unlink()
    steps = []

    train_initial(settings, resume=True, report=steps.append)

    after = _weights(weights)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not steps


def test_resume_without_a_checkpoint_begins(settings):
    assert train_initial(settings, resume=True).exists()


def test_folder_of_a_training_is_refused_unless_resumed(settings):
    train_initial(settings)
    checkpoint = settings.out / "initial" / "checkpoint.pt"
    before = checkpoint.read_bytes()

    with pytest.raises(InputError, match="initial holds the checkpoint of a training: go on with --resume, or choose"):
        train_initial(settings)

    assert checkpoint.read_bytes() == before


def test_checkpoint_of_another_network_is_refused(settings):
    train_initial(settings)
    other = settings.model_copy(update={"generator": TINY.model_copy(update={"maps": 12})})

    with pytest.raises(WeightsError, match=r"checkpoint\.pt is of a training with another generator\.maps"):
        train_initial(other, resume=True)


def test_images_that_cannot_be_read_are_named(settings):
    (settings.visits.parent / "image3.png").unlink()

    with pytest.raises(DataError, match=r"image3\.png does not exist"):
        train_initial(settings)


def test_training_that_diverges_says_so(settings):
    wild = _with(settings, learning_rate=1e30, warm_up_steps=0)

    with pytest.raises(InputError, match=r"the loss is (nan|inf) at step [123]: the training diverged; lower learning"):
        train_initial(wild)


@pytest.mark.parametrize(("warm_up_steps", "moved"), [(0, 1e-3), (1000, 1e-6)])
def test_first_step_is_as_long_as_the_warm_up_allows(settings, warm_up_steps, moved):
    single = _with(settings, steps=1, warm_up_steps=warm_up_steps, learning_rate=1e-3)

    after = _weights(train_initial(single))

    torch.manual_seed(settings.seed)
    before = Generator(TINY).state_dict()
    # Adam's first step is the learning rate for every weight that has a gradient
    assert max((after[name] - before[name]).abs().max().item() for name in before) == pytest.approx(moved, rel=0.1)


def test_goes_on_from_the_weights_to_start_with(settings, tmp_path):
    first = train_initial(settings)
    second = _with(settings, steps=1, warm_up_steps=1000, learning_rate=1e-3).model_copy(
        update={"out": tmp_path / "second", "start": str(first), "seed": 5}
    )

    before, after = _weights(first), _weights(train_initial(second))

    # Adam's first step is the learning rate, a thousandth of it while it is warming up
    assert max((after[name] - before[name]).abs().max().item() for name in before) == pytest.approx(1e-6, rel=0.1)


def test_settings_of_the_free_may_change_before_it_goes_on(settings):
    train_initial(settings)
    other = settings.model_copy(update={"unet": settings.unet.model_copy(update={"steps": 7})})

    assert train_initial(other, resume=True).exists()


def test_batch_that_processes_cannot_share_is_refused(settings):
    with pytest.raises(ConfigError, match=r"initial\.batch is 2, but 3 devices share them: give a multiple"):
        train_initial(settings.model_copy(update={"devices": 3}))


def test_pairs_of_a_step_depend_on_seed_and_step_alone(settings):
    images = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    first = training_pair(images, settings=settings, step=5)

    torch.manual_seed(2)
    again, later = (training_pair(images, settings=settings, step=step) for step in (5, 6))

    assert first.fixed.shape == (2, 1, 64, 64)
    assert all(torch.equal(one, two) for one, two in zip(first, again))
    assert not torch.equal(first.displacement, later.displacement)


def test_first_stage_needs_no_masks(settings, visits):
    lines = [
        line.replace(f"mask{number - 1}.png", "")
        for number, line in enumerate(visits.read_text(encoding="utf-8").splitlines())
    ]
    visits.write_text("\n".join(lines) + "\n")

    weights = train_initial(settings)

    assert load_generator(weights).generator.settings == settings.generator


def test_folder_of_prepared_data_is_read_as_its_manifest_is(settings, visits):
    from sarnet.curation import prepare, settings_for

    prepare("csv", visits, visits.parent / "prepared", settings_for("csv", {}), workers=1)

    of_folder, of_list = (
        _weights(train_initial(settings.model_copy(update={"visits": path, "out": settings.out / str(number)})))
        for number, path in enumerate((visits.parent / "prepared", visits))
    )

    assert all(torch.equal(of_folder[name], of_list[name]) for name in of_list)
