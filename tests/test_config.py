import tomllib
from pathlib import Path

import pydantic
import pytest

from sarnet import config
from sarnet.config import (
    GeneratorSettings,
    ObjectiveSettings,
    RegistrationSettings,
    Settings,
    TrainingSettings,
    build_settings,
    read_settings,
)
from sarnet.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
KINDS = [kind for kind in vars(config).values() if isinstance(kind, type) and issubclass(kind, Settings)]


def _file(folder, text):
    path = folder / "settings.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_file_and_overrides_every_setting_has_its_default():
    assert read_settings(GeneratorSettings) == GeneratorSettings()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_setting_says_what_it_is(kind):
    silent = [
        name for name, field in kind.model_fields.items() if not field.description and field.annotation not in KINDS
    ]

    assert kind.__doc__
    assert not silent  # a group of settings has its class's docstring


def test_file_gives_settings_and_groups_of_settings(tmp_path):
    path = _file(tmp_path, 'visits = "v.csv"\nseed = 7\n[generator]\ntrunk = "residual"\nstride = 1\n')

    settings = read_settings(TrainingSettings, path)

    assert settings.visits == Path("v.csv")
    assert settings.seed == 7
    assert settings.generator == GeneratorSettings(trunk="residual", stride=1)


def test_override_wins_over_the_file(tmp_path):
    path = _file(tmp_path, 'visits = "v.csv"\nseed = 7\n[generator]\nmaps = 32\nblocks = 2\n')

    settings = read_settings(TrainingSettings, path, ["seed=9", "generator.maps = 16"])

    assert settings.seed == 9
    assert (settings.generator.maps, settings.generator.blocks) == (16, 2)


def test_later_override_wins_over_an_earlier_one():
    assert read_settings(GeneratorSettings, None, ["maps=8", "maps=16"]).maps == 16


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("dataset=shenzhen", "dataset", "shenzhen"),
        ('dataset="shenzhen"', "dataset", "shenzhen"),
        ("dataset = shenzhen ", "dataset", "shenzhen"),
        ("dataset=a=b", "dataset", "a=b"),
        ("clip_norm=1e-4", "clip_norm", 1e-4),
        ("size=1_000", "size", 1_000),
        ("initial.steps=10_000", "initial", {"steps": 10_000}),
        ("adversarial.weights.cycle=3", "adversarial", {"weights": ObjectiveSettings(cycle=3)}),
        ("simulation.peak_voxels=[2, 8.5]", "simulation", {"peak_voxels": (2.0, 8.5)}),
    ],
)
def test_value_is_read_as_toml_and_a_bare_word_as_a_string(line, name, value):
    settings = read_settings(TrainingSettings, None, ["visits=v.csv", line])

    read = getattr(settings, name)
    if isinstance(value, dict):
        assert {key: getattr(read, key) for key in value} == value
    else:
        assert read == value


def test_group_given_in_part_begins_with_the_default_it_has_there():
    found = read_settings(
        RegistrationSettings, None, ["before_refinement.smoothness=1", "paper.weights.cycle=5", "mask_weight=0.1"]
    )

    assert (found.before_refinement.reads, found.before_refinement.most_iterations) == ("last", 6)
    assert found.before_refinement.smoothness == 1
    assert (found.paper.weights.cycle, found.paper.weights.field, found.paper.weights.nmi) == (5, 0, 1)


def test_settings_do_not_change_once_made():
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        GeneratorSettings().maps = 8  # type: ignore[misc]


def test_unknown_name_is_answered_with_the_nearest_known_one():
    with pytest.raises(ConfigError, match="'clip_nrm' is not a setting; did you mean 'clip_norm'"):
        build_settings(TrainingSettings, {"visits": "v.csv", "clip_nrm": 1e-3})


def test_unknown_name_in_a_group_is_named_with_its_group():
    with pytest.raises(ConfigError, match=r"'generator\.strides' is not a setting; did you mean 'stride'"):
        read_settings(TrainingSettings, None, ["visits=v.csv", "generator.strides=2"])


def test_unknown_name_in_a_group_of_a_group_is_named_with_both():
    with pytest.raises(ConfigError, match=r"'adversarial\.weights\.cycl' is not a setting; did you mean 'cycle'"):
        read_settings(TrainingSettings, None, ["visits=v.csv", "adversarial.weights.cycl=2"])


def test_unknown_name_in_one_of_many_groups_is_answered_with_the_nearest(tmp_path):
    path = _file(tmp_path, 'visits = "v.csv"\n[[adversarial.sources]]\nkind = "visits"\npair = 2\n')

    with pytest.raises(ConfigError, match=r"'adversarial\.sources\.pair' is not a setting; did you mean 'pairs'"):
        read_settings(TrainingSettings, path)


def test_unknown_name_unlike_any_is_answered_with_all():
    with pytest.raises(ConfigError, match=r"'qqq' is not a setting; known are \['blocks', .*'trunk'\]"):
        build_settings(GeneratorSettings, {"qqq": 1})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed=many", r"setting 'seed': .*integer.*'many' came"),
        ("devices=0", r"setting 'devices': .*greater than or equal to 1, but 0 came"),
        ("initial.steps=-1", r"setting 'initial\.steps': .*greater than or equal to 0, but -1 came"),
        ("unet.channels=[4]", r"setting 'unet\.channels': .*at least 2 items"),
        ("beta1=1.0", r"setting 'beta1': .*less than 1, but 1\.0 came"),
        ("generator.stride=3", r"setting 'generator\.stride': .*1, 2 or 4, but 3 came"),
        ("generator=4", r"setting 'generator': .*but 4 came"),
        ("simulation.peak_voxels=[1]", r"setting 'simulation\.peak_voxels\.1': .*required"),
        ("simulation.peak_voxels=[20,-1]", r"setting 'simulation\.peak_voxels': .*lengths, the smaller one first"),
        ("simulation.layers=[2,1]", r"setting 'simulation\.layers': .*the smaller one first"),
        ("simulation.control_spacing_voxels=[]", r"setting 'simulation\.control_spacing_voxels': .*at least 1 item"),
        ("initial.augmentation.zoom=[0,1]", r"setting 'initial\.augmentation\.zoom': .*positive numbers"),
        ("adversarial.temperature=[0.1,0]", r"setting 'adversarial\.temperature\.1': .*greater than 0"),
    ],
)
def test_wrong_value_names_the_setting_what_was_wanted_and_what_came(line, message):
    with pytest.raises(ConfigError, match=message):
        read_settings(TrainingSettings, None, ["visits=v.csv", line])


@pytest.mark.parametrize("group", ["adaptation", "proposals", "refinement", "volume.refinement"])
def test_window_without_a_middle_is_refused(group):
    with pytest.raises(ConfigError, match=rf"setting '{group}\.window_voxels': .*be odd, but 4 came"):
        read_settings(RegistrationSettings, None, [f"{group}.window_voxels=4"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("refinement.factors=[2,0]", r"'refinement\.factors\.1': .*greater than or equal to 1, but 0 came"),
        ("refinement.iterations=[-2,-2]", r"'refinement\.iterations\.0': .*greater than or equal to 0, but -2 came"),
        ("seed=-1", r"'seed': .*greater than or equal to 0, but -1 came"),
        ("paper.weights.tie=100", r"weights\.tie is 100, but must be 0: only a training can compute that term"),
    ],
)
def test_registration_that_could_not_be_computed_is_refused(line, message):
    with pytest.raises(ConfigError, match=message):
        read_settings(RegistrationSettings, None, [line])


def test_missing_setting_is_named():
    with pytest.raises(ConfigError, match="setting 'visits': Field required"):
        read_settings(TrainingSettings)


@pytest.mark.parametrize("line", ["steps", "=3", " = 3", ""])
def test_override_that_is_no_pair_is_refused(line):
    with pytest.raises(ConfigError, match=f"--set {line!r} is not of the form key=value"):
        read_settings(TrainingSettings, None, [line])


def test_override_below_a_value_is_refused(tmp_path):
    path = _file(tmp_path, 'visits = "v.csv"\nseed = 7\n')

    with pytest.raises(ConfigError, match=r"--set 'seed\.more=1': 'seed' is a value, not a group of settings"):
        read_settings(TrainingSettings, path, ["seed.more=1"])


def test_file_that_is_no_toml_is_refused_with_its_name_and_line(tmp_path):
    path = _file(tmp_path, "seed = 7\nseed 8\n")

    with pytest.raises(ConfigError, match=r"settings\.toml is not TOML: .*line 2"):
        read_settings(TrainingSettings, path)


def test_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "settings.toml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ConfigError, match=r"settings\.toml is not TOML"):
        read_settings(TrainingSettings, path)


def test_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml cannot be read: No such file"):
        read_settings(TrainingSettings, tmp_path / "nowhere.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "configs").rglob("*.toml")), ids=lambda path: path.stem)
def test_shipped_file_holds_only_settings_that_there_are(path):
    tree = tomllib.loads(path.read_text(encoding="utf-8"))
    kinds = [kind for kind in KINDS if set(tree) - {"base"} <= set(kind.model_fields)]

    assert kinds
    assert read_settings(kinds[0], path)


def test_papers_configuration_has_every_number_that_the_paper_gives():
    paper = read_settings(TrainingSettings, ROOT / "configs" / "paper.toml")

    assert (paper.size, paper.beta1) == (512, 0.93)
    assert paper.generator.model_dump(include={"trunk", "stride", "blocks", "maps", "normalisation"}) == {
        "trunk": "residual",
        "stride": 1,
        "blocks": 16,
        "maps": 64,
        "normalisation": "batch",
    }
    for stage in (paper.initial, paper.adversarial):
        assert (stage.steps, stage.learning_rate) == (100_000, 1e-3)
    assert paper.initial.field_norm == "squared"
    assert paper.adversarial.weights == ObjectiveSettings()  # one for every term of the paper's, ten for the cycle
    assert paper.adversarial.weights.cycle == 10
    assert (paper.adversarial.reverse, paper.adversarial.cycle) == ("own", "passes")
    assert (paper.adversarial.judged_scale, paper.adversarial.judged_voxels) == (1, None)
    assert paper.adversarial.discriminator.maps == 64
    # [1, 20] pixels of 512; the setting is for 256
    assert tuple(peak * 512 / 256 for peak in paper.simulation.peak_voxels) == (1, 20)


def test_configuration_of_two_cores_begins_where_the_first_stage_ended():
    first, second = (read_settings(TrainingSettings, ROOT / "configs" / f"{name}.toml") for name in ("initial", "cpu"))

    heads = {"synthesizes", "segments"}
    assert second.generator.model_dump(exclude=heads) == first.generator.model_dump(exclude=heads)
    assert (second.size, second.simulation) == (first.size, first.simulation)
    assert (first.adversarial.steps, second.initial.steps) == (0, 0)
    assert second.adversarial.steps > 0


def test_file_that_has_a_base_says_what_is_different(tmp_path):
    (tmp_path / "base.toml").write_text(
        'adapt = "last-layer"\nthreads = 1\n[adaptation]\nsmoothness = 0.3\nfolding = 5.0\n'
    )
    (tmp_path / "own.toml").write_text('base = "base.toml"\nthreads = 2\n[adaptation]\nfolding = 7.0\n')

    settings = read_settings(RegistrationSettings, tmp_path / "own.toml", ["adaptation.window_voxels=5"])

    assert (settings.adapt, settings.threads) == ("last-layer", 2)
    layer = settings.adaptation
    assert (layer.smoothness, layer.folding, layer.window_voxels) == (0.3, 7.0, 5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('base = "nowhere.toml"', r"nowhere\.toml cannot be read"),
        ("base = 3", "base is 3, but must be the name of a file beside it"),
        ('base = "own.toml"', r"base own\.toml leads back to itself"),
        ('base = "other.toml"', r"base own\.toml leads back to itself"),
    ],
)
def test_base_that_is_none_is_refused(text, message, tmp_path):
    (tmp_path / "own.toml").write_text(text)
    (tmp_path / "other.toml").write_text('base = "own.toml"')

    with pytest.raises(ConfigError, match=message):
        read_settings(RegistrationSettings, tmp_path / "own.toml")
