from pathlib import Path

import pytest
import torch
from torch import nn

from sarnet.config import AdversarialSettings, GeneratorSettings, TrainingSettings
from sarnet.errors import DataError, WeightsError
from sarnet.networks import Generator
from sarnet.training import TrainingState

TINY = GeneratorSettings(maps=8, blocks=1, encoder_blocks=1, matched_maps=4, radius=1)
SETTINGS = TrainingSettings(visits="visits.csv", generator=TINY)


def _state(generator=TINY, *, seed=0, steps=0):
    """A training after some steps towards nothing in particular."""
    torch.manual_seed(seed)
    network = Generator(generator)
    state = TrainingState({"network": network}, {"network": torch.optim.Adam(network.parameters(), lr=1e-2)})
    for _ in range(steps):
        _step(state)
    return state


def _step(state):
    images = torch.rand(2, 1, 1, 32, 32, generator=torch.Generator().manual_seed(state.step))
    state.optimisers["network"].zero_grad()
    state.networks["network"](*images).square().mean().backward()
    state.optimisers["network"].step()
    state.count({"total": float(state.step)})


def _same(first, second):
    one, two = (state.networks["network"].state_dict() for state in (first, second))
    return list(one) == list(two) and all(torch.equal(one[name], two[name]) for name in one)


@pytest.fixture
def checkpoint(tmp_path):
    """The file of a training after two steps."""
    path = tmp_path / "checkpoint.pt"
    _state(steps=2).save(path, settings=SETTINGS)
    return path


def test_weights_and_step_come_back(checkpoint):
    state = _state(seed=1)

    state.load(checkpoint, settings=SETTINGS)

    assert state.step == 2
    assert _same(state, _state(steps=2))


def test_mean_is_that_of_every_step_since_the_last_one_a_stop_between_included(checkpoint):
    state = _state(seed=1)
    state.load(checkpoint, settings=SETTINGS)

    state.count({"total": 5.0})

    assert state.take_means() == {"total": pytest.approx((0 + 1 + 5) / 3)}
    state.count({"total": 7.0})
    assert state.take_means() == {"total": 7.0}


@pytest.mark.parametrize("changed", ["visits", "vgg"])
def test_checkpoint_of_a_training_by_other_files_is_refused(tmp_path, changed):
    path, read = tmp_path / "checkpoint.pt", {"visits": "3f0c", "vgg": "oxford"}
    network = nn.Linear(2, 2)
    TrainingState({"network": network}, {}, read).save(path, settings=SETTINGS)

    TrainingState({"network": network}, {}, dict(read)).load(path, settings=SETTINGS)
    with pytest.raises(
        WeightsError, match=f"is of a training that read something else from {changed}: give what it began"
    ):
        TrainingState({"network": network}, {}, read | {changed: "other"}).load(path, settings=SETTINGS)


def test_optimiser_goes_on_as_if_never_stopped(checkpoint):
    state = _state(seed=1)

    state.load(checkpoint, settings=SETTINGS)
    _step(state)

    assert _same(state, _state(steps=3))
    assert not _same(state, _state(steps=2))


def test_newer_checkpoint_takes_the_place_of_the_older(checkpoint):
    _state(steps=3).save(checkpoint, settings=SETTINGS)

    state = _state()
    state.load(checkpoint, settings=SETTINGS)
    assert state.step == 3
    assert list(checkpoint.parent.iterdir()) == [checkpoint]


def test_checkpoint_that_cannot_be_written_leaves_the_older_one(checkpoint):
    before = checkpoint.read_bytes()
    (checkpoint.parent / "checkpoint.partial").mkdir()

    with pytest.raises(DataError, match="cannot be written: Is a directory; the one before it, if any, is whole"):
        _state(steps=3).save(checkpoint, settings=SETTINGS)

    assert checkpoint.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [{"maps": 12}, {"trunk": "residual"}, {"blocks": 2}],
    ids=["maps", "trunk", "blocks"],
)
def test_checkpoint_of_another_network_is_refused(checkpoint, change):
    other = _state(TINY.model_copy(update=change))

    with pytest.raises(WeightsError, match=r"checkpoint .*checkpoint\.pt does not fit these networks: .*state_dict"):
        other.load(checkpoint, settings=SETTINGS)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"seed": 1}, "seed, 0, now 1"),
        ({"beta1": 0.5}, r"beta1, 0\.93, now 0\.5"),
        ({"generator": TINY.model_copy(update={"maps": 12})}, r"generator\.maps, \d+, now 12"),
        ({"adversarial": AdversarialSettings(steps=3)}, r"adversarial\.steps, \d+, now 3"),
    ],
    ids=["seed", "beta1", "maps", "steps"],
)
def test_checkpoint_of_a_training_with_other_settings_is_refused(checkpoint, change, name):
    with pytest.raises(WeightsError, match=rf"is of a training with another {name}: go on with the settings it began"):
        _state().load(checkpoint, settings=SETTINGS.model_copy(update=change))


def test_settings_that_change_nothing_of_what_is_learned_may_differ(checkpoint):
    other = {"visits": Path("other.csv"), "out": Path("other"), "validate_steps": 3, "checkpoint_minutes": 9.0}
    pictures = SETTINGS.adversarial.model_copy(update={"picture_steps": 3})
    state = _state()

    state.load(checkpoint, settings=SETTINGS.model_copy(update=other | {"adversarial": pictures}))

    assert state.step == 2


def test_stage_that_is_free_may_differ_and_its_namesake_below_another_may_not(checkpoint):
    weights = SETTINGS.adversarial.weights.model_copy(update={"adversarial": 0.5})
    other = SETTINGS.model_copy(update={"adversarial": SETTINGS.adversarial.model_copy(update={"weights": weights})})
    state = _state()

    with pytest.raises(WeightsError, match=r"another adversarial\.weights\.adversarial"):
        state.load(checkpoint, settings=other, may_differ={"initial"})
    state.load(checkpoint, settings=other, may_differ={"adversarial"})

    assert state.step == 2


def test_several_networks_and_optimisers_come_back_by_their_names(tmp_path):
    first, second = _state(seed=1, steps=1), _state(seed=2, steps=1)
    both = TrainingState(
        {"g": first.networks["network"], "f": second.networks["network"]},
        {"g": first.optimisers["network"], "f": second.optimisers["network"]},
        step=1,
    )
    both.save(tmp_path / "both.pt", settings=SETTINGS)
    found = _state()

    again = TrainingState({"f": found.networks["network"]}, {"f": found.optimisers["network"]})
    again.load(tmp_path / "both.pt", settings=SETTINGS)

    assert _same(found, second)
    assert not _same(found, first)


def test_checkpoint_of_another_program_is_refused(tmp_path):
    torch.save({"model": {}, "epoch": 3}, tmp_path / "other.pt")

    with pytest.raises(WeightsError, match=r"other\.pt does not fit these networks: 'settings'"):
        _state().load(tmp_path / "other.pt", settings=SETTINGS)


def test_checkpoint_of_an_earlier_version_is_told_from_one_of_other_networks(checkpoint):
    stored = torch.load(checkpoint, weights_only=True)
    del stored["learns_from"]
    torch.save(stored, checkpoint)

    with pytest.raises(WeightsError, match="is of an earlier version of this program: begin anew"):
        _state().load(checkpoint, settings=SETTINGS)


def test_tensor_is_no_checkpoint(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "other.pt")

    with pytest.raises(WeightsError, match=r"other\.pt does not fit these networks"):
        _state().load(tmp_path / "other.pt", settings=SETTINGS)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda whole: whole[: len(whole) // 2], id="cut-off"),
        pytest.param(lambda whole: b"", id="empty"),
        pytest.param(lambda whole: b"no checkpoint at all", id="text"),
    ],
)
def test_damaged_checkpoint_is_refused(checkpoint, damage):
    checkpoint.write_bytes(damage(checkpoint.read_bytes()))

    with pytest.raises(WeightsError, match=r"checkpoint\.pt is missing, damaged or something else"):
        _state().load(checkpoint, settings=SETTINGS)


def test_checkpoint_that_holds_code_is_not_run(tmp_path):
    torch.save({"networks": print, "optimisers": {}, "step": 1}, tmp_path / "code.pt")

    with pytest.raises(WeightsError, match=r"code\.pt is missing, damaged or something else"):
        _state().load(tmp_path / "code.pt", settings=SETTINGS)


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.pt is missing"):
        _state().load(tmp_path / "nowhere.pt", settings=SETTINGS)


def test_checkpoint_for_which_there_is_no_room_is_told_and_leaves_the_older_one(checkpoint):
    before = checkpoint.read_bytes()
    (checkpoint.parent / "checkpoint.partial").symlink_to("/dev/full")

    with pytest.raises(DataError, match=r"No space left on device.*make room and go on with --resume"):
        _state(steps=3).save(checkpoint, settings=SETTINGS)

    assert checkpoint.read_bytes() == before
