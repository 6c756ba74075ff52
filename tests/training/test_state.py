import pytest
import torch

from sarnet.config import GeneratorSettings, TrainingSettings
from sarnet.errors import WeightsError
from sarnet.networks import Generator
from sarnet.training import TrainingState

TINY = GeneratorSettings(maps=8, blocks=1, encoder_blocks=1, matched_maps=4, radius=1)
SETTINGS = TrainingSettings(visits="visits.csv", generator=TINY)


def _state(generator=TINY, *, seed=0, steps=0):
    """A training after some steps towards nothing in particular."""
    torch.manual_seed(seed)
    network = Generator(generator)
    state = TrainingState(network, torch.optim.Adam(network.parameters(), lr=1e-2))
    for _ in range(steps):
        _step(state)
    return state


def _step(state):
    images = torch.rand(2, 1, 1, 32, 32, generator=torch.Generator().manual_seed(state.step))
    state.optimiser.zero_grad()
    state.generator(*images).square().mean().backward()
    state.optimiser.step()
    state.step += 1


def _same(first, second):
    one, two = first.generator.state_dict(), second.generator.state_dict()
    return list(one) == list(two) and all(torch.equal(one[name], two[name]) for name in one)


@pytest.fixture
def checkpoint(tmp_path):
    """The file of a training after two steps."""
    path = tmp_path / "checkpoint.pt"
    _state(steps=2).save(path, settings=SETTINGS)
    return path


def test_weights_and_step_come_back(checkpoint):
    state = _state(seed=1)

    state.load(checkpoint)

    assert state.step == 2
    assert _same(state, _state(steps=2))


def test_optimiser_goes_on_as_if_never_stopped(checkpoint):
    state = _state(seed=1)

    state.load(checkpoint)
    _step(state)

    assert _same(state, _state(steps=3))
    assert not _same(state, _state(steps=2))


def test_newer_checkpoint_takes_the_place_of_the_older(checkpoint):
    _state(steps=3).save(checkpoint, settings=SETTINGS)

    state = _state()
    state.load(checkpoint)
    assert state.step == 3
    assert list(checkpoint.parent.iterdir()) == [checkpoint]


def test_checkpoint_that_cannot_be_written_leaves_the_older_one(checkpoint):
    before = checkpoint.read_bytes()
    (checkpoint.parent / "checkpoint.partial").mkdir()

    with pytest.raises(RuntimeError, match="open file failed"):
        _state(steps=3).save(checkpoint, settings=SETTINGS)

    assert checkpoint.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [{"maps": 12}, {"trunk": "residual"}, {"blocks": 2}],
    ids=["maps", "trunk", "blocks"],
)
def test_checkpoint_of_another_network_is_refused(checkpoint, change):
    other = _state(TINY.model_copy(update=change))

    with pytest.raises(WeightsError, match=r"checkpoint .*checkpoint\.pt does not fit this network: .*state_dict"):
        other.load(checkpoint)


def test_checkpoint_of_another_program_is_refused(tmp_path):
    torch.save({"model": {}, "epoch": 3}, tmp_path / "other.pt")

    with pytest.raises(WeightsError, match=r"other\.pt does not fit this network: 'generator'"):
        _state().load(tmp_path / "other.pt")


def test_tensor_is_no_checkpoint(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "other.pt")

    with pytest.raises(WeightsError, match=r"other\.pt does not fit this network"):
        _state().load(tmp_path / "other.pt")


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
        _state().load(checkpoint)


def test_checkpoint_that_holds_code_is_not_run(tmp_path):
    torch.save({"generator": print, "optimiser": {}, "step": 1}, tmp_path / "code.pt")

    with pytest.raises(WeightsError, match=r"code\.pt is missing, damaged or something else"):
        _state().load(tmp_path / "code.pt")


def test_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.pt is missing"):
        _state().load(tmp_path / "nowhere.pt")
