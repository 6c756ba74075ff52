from pathlib import Path

import pytest

from sarnet.config import ENGINES, AntsSettings, BenchmarkSettings, GcSarSettings, build_settings
from sarnet.errors import ConfigError, MissingExtraError
from sarnet.methods import SarnetMethod, build_methods
from sarnet.methods.engine import engine_version


def _settings(**changes: object) -> BenchmarkSettings:
    return build_settings(BenchmarkSettings, {"protocol": "brain2d", "data": Path(), **changes})


def test_methods_come_in_the_order_they_are_named():
    settings = _settings(methods=("forward", "sarnet"), variants={"forward": {"adapt": "none"}})

    methods = build_methods(settings)

    assert [method.name for method in methods] == ["forward", "sarnet"]
    assert all(isinstance(method, SarnetMethod) for method in methods)
    assert [method.settings["adapt"] for method in methods] == ["none", "refined"]


def test_variant_begins_with_the_settings_of_registration():
    settings = _settings(
        registration={"threads": 2, "adapt": "none", "adaptation": {"smoothness": 2.0, "window_voxels": 7}},
        variants={"smooth": {"adapt": "last-layer", "adaptation": {"smoothness": 4.0}}},
    )

    variant = settings.variants["smooth"]

    assert (variant.threads, variant.adapt) == (2, "last-layer")
    assert (variant.adaptation.smoothness, variant.adaptation.window_voxels) == (4.0, 7)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"methods": ("demons",)}, r"'demons', but known are \['sarnet', .*'syn-tuned'\]: .* \[variants\.demons\]"),
        ({"methods": ("sarnet", "sarnet")}, r"methods are \['sarnet', 'sarnet'\], but each must be named once"),
        ({"variants": {"syn": {}}}, r"variants \['syn'\] have the names of other methods"),
    ],
)
def test_names_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        build_methods(_settings(**changes))


def test_engine_of_a_known_name_keeps_what_is_not_said_and_a_new_one_is_another():
    settings = _settings(
        methods=("gcsar", "rougher"),
        engines={"gcsar": {"cycles": 1}, "rougher": {"engine": "gcsar", "smoothness": 0.005}},
    )

    known, new = build_methods(settings)

    untouched = GcSarSettings().model_dump(mode="json")
    assert known.settings.items() >= (untouched | {"cycles": 1}).items()
    assert new.settings.items() >= (untouched | {"smoothness": 0.005}).items()


def test_known_engines_are_there_beside_those_that_are_named():
    settings = _settings(engines={"rougher": {"engine": "gcsar"}})

    assert settings.engines == {**ENGINES, "rougher": GcSarSettings()}


def test_known_name_may_be_given_to_another_engine():
    settings = _settings(engines={"syncc": {"engine": "ants", "metric": "CC"}})

    assert settings.engines["syncc"] == AntsSettings(metric="CC")


def test_engines_are_the_same_in_every_fold():
    settings = _settings(data="fold-{fold}.csv", folds=2, engines={"syn": {"iterations": [9, 0]}})

    assert settings.in_fold(2).engines == settings.engines


@pytest.mark.parametrize(
    ("engines", "message"),
    [
        (
            {"faster": {"iterations": 20}},
            r"faster is none of elastix, .*, syn-tuned: say by engine which",
        ),
        ({"elastix": {"iteration": 9}}, r"'engines\.elastix\.iteration' is not a setting; did you mean 'iterations'\?"),
        ({"syncc": {"step_voxels": 0.1}}, r"'engines\.syncc.*step_voxels': Extra inputs are not permitted"),
        ({"syn": {"iterations": []}}, r"at least 1 item"),
        ({"elastix": {"downsampling": [2, 1]}}, r"control_spacing_mm has 4 levels, but downsampling 2"),
        ({"sarnet": {"engine": "gcsar"}}, r"engines \['sarnet'\] have the names of other methods"),
    ],
)
def test_engines_that_cannot_be_are_refused(engines, message):
    with pytest.raises(ConfigError, match=message):
        build_methods(_settings(methods=(), engines=engines))


def test_affine_map_without_an_affine_search_is_no_method():
    variants = {"affine": {"transform": "affine"}, "forward": {"adapt": "none"}}

    with pytest.raises(ConfigError, match=r"affine_start is false, but methods \['affine'\] are nothing else"):
        build_methods(_settings(methods=("forward", "affine"), variants=variants, affine_start=False))


def test_engine_that_is_missing_is_told_with_what_installs_it():
    with pytest.raises(MissingExtraError, match=r"needs no-such-engine, .*: run pip install '\.\[methods\]'"):
        engine_version("no-such-engine")
