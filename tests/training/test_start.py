from pathlib import Path

import pytest
import torch

from sarnet.config import GeneratorSettings, TrainingSettings, read_settings
from sarnet.errors import WeightsError
from sarnet.networks import Generator, load_generator, save_generator
from sarnet.training.start import start_from

ROOT = Path(__file__).resolve().parents[2]
PLAIN = GeneratorSettings(maps=8, blocks=1, encoder_blocks=1, matched_maps=4, radius=1)
WITH_HEADS = PLAIN.model_copy(update={"synthesizes": True, "segments": True})


def _generator(settings, seed):
    torch.manual_seed(seed)
    return Generator(settings)


@pytest.fixture
def plain(tmp_path):
    """A file of weights without further outputs."""
    path = tmp_path / "plain.safetensors"
    save_generator(_generator(PLAIN, 1), path, record={})
    return str(path)


def test_weights_are_those_of_the_file(plain):
    generator = _generator(PLAIN, 2)

    start_from(generator, plain)

    wanted = load_generator(plain).generator.state_dict()
    assert all(torch.equal(value, wanted[name]) for name, value in generator.state_dict().items())


def test_generator_stays_one_that_learns(plain):
    generator = _generator(PLAIN, 2)

    start_from(generator, plain)

    assert generator.training
    assert all(parameter.requires_grad for parameter in generator.parameters())


def test_outputs_that_the_weights_lack_begin_as_drawn(plain):
    generator = _generator(WITH_HEADS, 2)
    drawn = {name: value.clone() for name, value in generator.state_dict().items()}

    start_from(generator, plain)

    given = load_generator(plain).generator.state_dict()
    for name, value in generator.state_dict().items():
        assert torch.equal(value, given.get(name, drawn[name])), name
    assert set(drawn) - set(given) == {
        "image.0.weight",
        "image.0.bias",
        "fixed_fusion.logits",
        "moving_fusion.logits",
    }


@pytest.mark.parametrize(
    "change", [{"maps": 12}, {"blocks": 2}, {"trunk": "residual"}], ids=["maps", "blocks", "trunk"]
)
def test_weights_of_another_architecture_are_refused(plain, change):
    other = _generator(PLAIN.model_copy(update=change), 2)

    with pytest.raises(WeightsError, match=r"plain\.safetensors has weights of another architecture \(.* not fit\)"):
        start_from(other, plain)


def test_weights_with_an_output_that_is_not_wanted_are_refused(tmp_path):
    path = tmp_path / "heads.safetensors"
    save_generator(_generator(WITH_HEADS, 1), path, record={})

    with pytest.raises(WeightsError, match="another architecture"):
        start_from(_generator(PLAIN, 2), str(path))


def test_shipped_configuration_fits_the_released_weights_that_it_starts_with():
    settings = read_settings(TrainingSettings, ROOT / "configs" / "cpu.toml")
    generator = Generator(settings.generator)

    start_from(generator, settings.start)

    assert torch.equal(generator.last.weight, load_generator(settings.start).generator.last.weight)
