import hashlib
import json
import stat
from importlib import resources

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from sarnet.config import DiscriminatorSettings, GeneratorSettings
from sarnet.errors import WeightsError
from sarnet.networks import (
    DEFAULT_MODEL,
    Discriminator,
    Generator,
    load_generator,
    released_models,
    save_generator,
)

TINY = {"maps": 8, "blocks": 1, "encoder_blocks": 1, "matched_maps": 4, "radius": 1}
KINDS = [
    pytest.param(GeneratorSettings(trunk="matching", **TINY), id="matching"),
    pytest.param(GeneratorSettings(trunk="residual", stride=2, normalisation="batch", **TINY), id="residual"),
]


def _generator(settings, *, seed=0):
    torch.manual_seed(seed)
    generator = Generator(settings)
    torch.nn.init.normal_(generator.last.weight, std=0.05)
    return generator


def _pair():
    made = torch.Generator().manual_seed(7)
    return torch.rand(1, 1, 32, 40, generator=made), torch.rand(1, 1, 32, 40, generator=made)


@pytest.fixture
def written(tmp_path):
    """A file of a tiny generator's weights."""
    path = tmp_path / "mine.safetensors"
    save_generator(_generator(KINDS[0].values[0]), path, record={})
    return path


def _with(path, *, tensors=None, **metadata):
    """The same file with other tensors or other metadata."""
    with safe_open(path, framework="pt") as file:
        old = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        metadata = {**file.metadata(), **metadata}
    save_file(old if tensors is None else tensors(old), path, metadata=metadata)
    return path


@pytest.mark.parametrize("settings", KINDS)
def test_what_was_saved_is_loaded_with_its_settings(tmp_path, settings):
    generator = _generator(settings)
    path = tmp_path / "mine.safetensors"

    save_generator(generator, path, record={})
    loaded = load_generator(path)

    wanted, found = generator.state_dict(), loaded.generator.state_dict()
    assert loaded.generator.settings == settings
    assert list(found) == list(wanted)
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    # loaded weights lie in another order in memory, which rounds differently
    assert torch.allclose(loaded.generator(*_pair()), generator.eval()(*_pair()), atol=1e-5)


def test_f_and_the_discriminator_lie_in_the_same_file(tmp_path):
    settings = GeneratorSettings(segments=True, synthesizes=True, **TINY)
    generator, reverse = _generator(settings), _generator(settings, seed=1)
    discriminator = Discriminator(DiscriminatorSettings(maps=4))
    path = tmp_path / "mine.safetensors"

    save_generator(generator, path, record={}, reverse=reverse, discriminator=discriminator)
    loaded = load_generator(path)

    assert loaded.discriminator.settings == discriminator.settings
    for found, wanted in (
        (loaded.generator, generator),
        (loaded.reverse, reverse),
        (loaded.discriminator, discriminator),
    ):
        assert list(found.state_dict()) == list(wanted.state_dict())
        assert all(torch.equal(value, wanted.state_dict()[name]) for name, value in found.state_dict().items())
        assert not any(module.training for module in found.modules())
        assert not any(parameter.requires_grad for parameter in found.parameters())


def test_file_without_them_has_neither(written):
    loaded = load_generator(written)

    assert loaded.reverse is None
    assert loaded.discriminator is None


def test_loaded_generator_is_in_evaluation_mode_and_frozen(written):
    generator = load_generator(written).generator

    assert not any(module.training for module in generator.modules())
    assert not any(parameter.requires_grad for parameter in generator.parameters())


def test_loaded_generator_has_the_files_name_and_hash(written):
    loaded = load_generator(str(written))

    assert loaded.name == "mine"
    assert loaded.sha256 == hashlib.sha256(written.read_bytes()).hexdigest()


def test_record_is_kept_beside_the_weights(tmp_path):
    path = tmp_path / "mine.safetensors"

    save_generator(_generator(GeneratorSettings(**TINY)), path, record={"step": 7, "folder": tmp_path})

    with safe_open(path, framework="pt") as file:
        assert json.loads(file.metadata()["record"]) == {"step": 7, "folder": str(tmp_path)}


def test_layout_of_the_weights_in_memory_does_not_matter(tmp_path):
    generator = _generator(GeneratorSettings(**TINY))
    wanted = {name: value.clone() for name, value in generator.state_dict().items()}

    save_generator(generator.to(memory_format=torch.channels_last), tmp_path / "mine.safetensors", record={})

    found = load_generator(tmp_path / "mine.safetensors").generator.state_dict()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_file_may_be_read_by_whoever_reads_other_files(written, tmp_path):
    other = tmp_path / "other"
    other.touch()

    assert stat.S_IMODE(written.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


def test_file_is_replaced_and_nothing_left_beside_it(written):
    other = _generator(KINDS[0].values[0], seed=1)

    save_generator(other, written, record={})

    assert torch.equal(load_generator(written).generator.last.weight, other.last.weight)
    assert list(written.parent.iterdir()) == [written]


def test_default_model_is_released():
    assert DEFAULT_MODEL in released_models()
    assert load_generator().name == DEFAULT_MODEL


@pytest.mark.parametrize("name", released_models())
def test_released_weights_load_and_give_a_field(name):
    loaded = load_generator(name)

    file = resources.files("sarnet.networks") / "released" / f"{name}.safetensors"
    assert loaded.name == name
    assert loaded.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert torch.isfinite(loaded.generator(*_pair())).all()


@pytest.mark.parametrize("name", released_models())
def test_released_weights_are_small_enough_for_a_package(name):
    file = resources.files("sarnet.networks") / "released" / f"{name}.safetensors"

    assert len(file.read_bytes()) < 12_000_000  # two of them, with discriminators, stay below 25 MB


def test_unknown_name_lists_those_released():
    known = ", ".join(released_models())

    with pytest.raises(WeightsError, match=rf"model 'sarnet-mri' is not known; released are {known}; or give a"):
        load_generator("sarnet-mri")


def test_missing_file_is_named(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.safetensors does not exist"):
        load_generator(tmp_path / "nowhere.safetensors")


def test_what_is_no_safetensors_file_is_refused(tmp_path):
    path = tmp_path / "text.safetensors"
    path.write_text("no weights at all", encoding="utf-8")

    with pytest.raises(WeightsError, match=r"text\.safetensors cannot be read as a safetensors file"):
        load_generator(path)


def test_file_that_is_cut_off_is_refused(written):
    written.write_bytes(written.read_bytes()[:-100])

    with pytest.raises(WeightsError, match=r"mine\.safetensors cannot be read as a safetensors file"):
        load_generator(written)


def test_weights_of_another_program_are_refused(tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path)

    with pytest.raises(WeightsError, match=r"foreign\.safetensors holds no weights of a generator: it was not written"):
        load_generator(path)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda old: {**old, "last.weight": torch.zeros(2, 4, 3, 3)}, id="shape"),
        pytest.param(lambda old: {name: value for name, value in old.items() if name != "last.weight"}, id="too-few"),
        pytest.param(lambda old: {**old, "vgg.weight": torch.zeros(3)}, id="too-many"),
        pytest.param(lambda old: {**old, "reverse.last.bias": torch.zeros(2)}, id="half-an-f"),
        pytest.param(lambda old: {**old, "discriminator.dense.2.bias": torch.zeros(1)}, id="half-a-d"),
    ],
)
def test_tensors_that_do_not_fit_the_settings_are_refused(written, change):
    with pytest.raises(WeightsError, match=r"mine\.safetensors holds weights of another kind of network"):
        load_generator(_with(written, tensors=change))


@pytest.mark.parametrize("settings", ['{"wings": 2}', '{"maps": "many"}', "no JSON"])
def test_settings_of_another_version_are_refused(written, settings):
    with pytest.raises(WeightsError, match=r"mine\.safetensors holds weights of another kind of network"):
        load_generator(_with(written, generator=settings))
