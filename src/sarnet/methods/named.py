"""The methods by the names they have in settings and tables."""

import os
from collections.abc import Callable

from sarnet.config import BenchmarkSettings
from sarnet.errors import ConfigError
from sarnet.methods.ants import AntsMethod
from sarnet.methods.elastix import PAPER, ElastixMethod
from sarnet.methods.method import Method
from sarnet.methods.sarnet_method import SarnetMethod

METHODS: dict[str, Callable[[BenchmarkSettings], Method]] = {
    "sarnet": lambda settings: SarnetMethod.load("sarnet", settings.registration),
    "elastix": lambda settings: ElastixMethod.find("elastix", settings.elastix, threads=_threads(settings)),
    "elastix-paper": lambda settings: ElastixMethod.find("elastix-paper", PAPER, threads=_threads(settings)),
    "syn": lambda settings: AntsMethod.find("syn", "SyN", threads=_threads(settings)),
    "syncc": lambda settings: AntsMethod.find("syncc", "SyNCC", threads=_threads(settings)),
}
"""Name to method; the variants that settings name stand beside these."""


def build_methods(settings: BenchmarkSettings) -> list[Method]:
    """Return the methods that ``settings.methods`` names, in that order, ready to register.

    Raises:
        ConfigError: If a name is unknown, comes twice, or is both a method's and a variant's.
        MissingExtraError: If the engine of one is not installed.
        WeightsError: If a network cannot be loaded.
    """
    taken = sorted(METHODS.keys() & settings.variants.keys())
    if taken:
        raise ConfigError(f"variants {taken} have the names of methods; give them others")
    if len(set(settings.methods)) < len(settings.methods):
        raise ConfigError(f"methods are {list(settings.methods)}, but each must be named once")
    return [_build(name, settings) for name in settings.methods]


def _build(name: str, settings: BenchmarkSettings) -> Method:
    if name in settings.variants:
        return SarnetMethod.load(name, settings.variants[name])
    if name not in METHODS:
        known = [*METHODS, *settings.variants]
        raise ConfigError(f"methods names {name!r}, but known are {known}: a variant of sarnet needs [variants.{name}]")
    return METHODS[name](settings)


def _threads(settings: BenchmarkSettings) -> int:
    """As many for all as for the method of this package."""
    return settings.registration.threads or os.cpu_count() or 1
