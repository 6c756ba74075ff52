from pathlib import Path

import pytest

from sarnet.config import BenchmarkSettings, build_settings
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
        ({"methods": ("demons",)}, r"'demons', but known are \['sarnet', .*'syncc'\]: .* needs \[variants\.demons\]"),
        ({"methods": ("sarnet", "sarnet")}, r"methods are \['sarnet', 'sarnet'\], but each must be named once"),
        ({"variants": {"syn": {}}}, r"variants \['syn'\] have the names of methods"),
    ],
)
def test_names_that_mean_nothing_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        build_methods(_settings(**changes))


def test_engine_that_is_missing_is_told_with_what_installs_it():
    with pytest.raises(MissingExtraError, match=r"needs no-such-engine, .*: pip install 'sarnet\[methods\]'"):
        engine_version("no-such-engine")
