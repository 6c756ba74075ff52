import csv
import itertools
import math

import pytest
import torch

from sarnet.config import AugmentationSettings, GeneratorSettings, SimulationSettings, TrainingSettings
from sarnet.errors import DataError, InputError, WeightsError
from sarnet.networks import Generator, load_generator
from sarnet.training import TrainingState, relative_field_error, train_initial
from sarnet.training.initial import learning_rate, training_pair

TINY = GeneratorSettings(maps=8, blocks=1, encoder_blocks=1, matched_maps=4, radius=2)


@pytest.fixture
def settings(visits, tmp_path):
    """A training of four steps that takes a second."""
    return TrainingSettings(
        visits=visits,
        out=tmp_path / "run",
        size=64,
        batch=2,
        steps=4,
        warm_up_steps=2,
        precision="32-true",
        validate_steps=2,
        generator=TINY,
    )


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
    with (settings.out / "log.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_field_error_falls(settings):
    steady = AugmentationSettings(zoom=(1, 1), rotation_degrees=0, remap_probability=0, exposure=0, noise=0)
    easy = settings.model_copy(
        update={
            "size": 32,
            "batch": 4,
            "steps": 100,
            "warm_up_steps": 10,
            "learning_rate": 5e-3,
            "field_norm": "euclidean",
            "generator": TINY.model_copy(update={"stride": 1, "normalisation": "batch"}),  # learns at so small a size
            "simulation": SimulationSettings(control_spacing_voxels=(512.0,), peak_voxels=(16.0, 24.0)),
            "augmentation": steady,
        }
    )
    totals = []

    train_initial(easy, report=lambda progress: totals.append(progress.total))

    assert sum(totals[-20:]) < 0.85 * sum(totals[:20])
    assert float(_log(easy)[-1]["validation_error"]) < 0.8  # of images never seen; one is no registration


def test_writes_weights_checkpoint_and_log(settings):
    weights = train_initial(settings)

    assert weights == settings.out / "generator.safetensors"
    assert {path.name for path in settings.out.iterdir()} == {"generator.safetensors", "checkpoint.pt", "log.csv"}


def test_weights_file_gives_the_field_of_the_trained_network(settings):
    weights = train_initial(settings)

    trained = Generator(TINY)
    TrainingState(trained, torch.optim.Adam(trained.parameters())).load(settings.out / "checkpoint.pt")
    fixed, moving = torch.rand(2, 1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    found = load_generator(weights).generator(fixed, moving)
    # loaded weights lie in another order in memory, which rounds differently
    assert torch.allclose(found, trained.eval()(fixed, moving), atol=1e-5)


def test_log_names_the_terms_and_adds_them_up(settings):
    weighted = settings.model_copy(update={"coarse_weight": 0.5, "image_weight": 2.0, "lncc_weight": 3.0})

    train_initial(weighted)

    first, last = _log(weighted)
    assert list(first) == ["step", "total", "field", "coarse_field", "image", "lncc", "validation_error"]
    assert (first["step"], last["step"]) == ("2", "4")
    terms = {name: float(value) for name, value in last.items()}
    wanted = terms["field"] + 0.5 * terms["coarse_field"] + 2 * terms["image"] + 3 * terms["lncc"]
    assert terms["total"] == pytest.approx(wanted, rel=1e-3)
    assert 0 < terms["lncc"] < 1


def test_reports_every_step_and_the_newest_validation(settings):
    seen = []

    train_initial(settings, report=seen.append)

    assert [progress.step for progress in seen] == [1, 2, 3, 4]
    assert {progress.steps for progress in seen} == {4}
    assert math.isnan(seen[0].validation_error)
    assert seen[1].validation_error == seen[2].validation_error > 0


def test_same_seed_gives_the_same_weights_and_another_others(settings, tmp_path):
    first, again, other = (
        _weights(train_initial(settings.model_copy(update={"out": tmp_path / name, "seed": seed})))
        for name, seed in (("first", 3), ("again", 3), ("other", 4))
    )

    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["last.weight"], other["last.weight"])


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
    _interrupted(interrupted, after=2)
    resumed = _weights(train_initial(interrupted, resume=True))

    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert _log(interrupted) == _log(always)


def test_steps_after_the_last_checkpoint_are_logged_once(settings):
    _interrupted(settings.model_copy(update={"steps": 3, "checkpoint_minutes": 60.0}), after=2)
    assert not (settings.out / "checkpoint.pt").exists()

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
    before = (settings.out / "checkpoint.pt").read_bytes()

    with pytest.raises(InputError, match="run holds the checkpoint of a training: go on with --resume, or choose"):
        train_initial(settings)

    assert (settings.out / "checkpoint.pt").read_bytes() == before


def test_checkpoint_of_another_network_is_refused(settings):
    train_initial(settings)
    other = settings.model_copy(update={"generator": TINY.model_copy(update={"maps": 12})})

    with pytest.raises(WeightsError, match=r"checkpoint\.pt does not fit this network"):
        train_initial(other, resume=True)


def test_images_that_cannot_be_read_are_named(settings):
    (settings.visits.parent / "image3.png").unlink()

    with pytest.raises(DataError, match=r"image3\.png does not exist"):
        train_initial(settings)


def test_training_that_diverges_says_so(settings):
    wild = settings.model_copy(update={"learning_rate": 1e30, "warm_up_steps": 0})

    with pytest.raises(InputError, match=r"the loss is (nan|inf) at step [123]: the training diverged; lower learning"):
        train_initial(wild)


@pytest.mark.parametrize(("warm_up_steps", "moved"), [(0, 1e-3), (1000, 1e-6)])
def test_first_step_is_as_long_as_the_warm_up_allows(settings, warm_up_steps, moved):
    single = settings.model_copy(update={"steps": 1, "warm_up_steps": warm_up_steps, "learning_rate": 1e-3})

    after = _weights(train_initial(single))

    torch.manual_seed(settings.seed)
    before = Generator(TINY).state_dict()
    # Adam's first step is the learning rate for every weight that has a gradient
    assert max((after[name] - before[name]).abs().max().item() for name in before) == pytest.approx(moved, rel=0.1)


def test_learning_rate_rises_then_falls_to_zero(settings):
    long = settings.model_copy(update={"steps": 110, "warm_up_steps": 10, "learning_rate": 2.0})

    rates = [learning_rate(step, long) for step in range(111)]

    assert rates[:10] == pytest.approx([0.2 * (step + 1) for step in range(10)])
    assert rates[10] == 2.0
    assert rates[60] == pytest.approx(1.0)  # half of the cosine
    assert rates[110] == pytest.approx(0.0)
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[10:]))


def test_pairs_of_a_step_depend_on_seed_and_step_alone(settings):
    images = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(1)
    first = training_pair(images, settings=settings, step=5)

    torch.manual_seed(2)
    again, later = (training_pair(images, settings=settings, step=step) for step in (5, 6))

    assert first.fixed.shape == (2, 1, 64, 64)
    assert all(torch.equal(one, two) for one, two in zip(first, again))
    assert not torch.equal(first.displacement, later.displacement)


def test_no_registration_has_a_relative_error_of_one(settings):
    generator = Generator(TINY)
    torch.nn.init.zeros_(generator.last.weight)
    torch.nn.init.zeros_(generator.trunk.coarse_field.weight)

    error = relative_field_error(generator, torch.rand(2, 1, 64, 64), settings=settings, device=torch.device("cpu"))

    assert error == pytest.approx(1)


def test_validation_images_leave_batch_statistics_alone(settings):
    generator = Generator(TINY.model_copy(update={"normalisation": "batch"}))
    before = {name: value.clone() for name, value in generator.state_dict().items()}

    relative_field_error(generator, torch.rand(2, 1, 64, 64), settings=settings, device=torch.device("cpu"))

    after = generator.state_dict()
    assert generator.training
    assert all(torch.equal(before[name], after[name]) for name in before)
