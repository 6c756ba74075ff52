"""The methods by the names they have in settings and tables."""

from collections.abc import Callable

from sarnet.config import BenchmarkSettings
from sarnet.errors import ConfigError
from sarnet.methods.ants import AntsMethod
from sarnet.methods.elastix import PAPER, ElastixMethod
from sarnet.methods.gcsar import GcSarMethod
from sarnet.methods.method import Method
from sarnet.methods.peer_method import PeerMethod
from sarnet.methods.sarnet_method import SarnetMethod

METHODS: dict[str, Callable[[BenchmarkSettings], Method]] = {
    "sarnet": lambda settings: SarnetMethod.load("sarnet", settings.registration),
    "elastix": lambda settings: ElastixMethod.find(
        "elastix", settings.elastix, threads=settings.registration.threads_used
    ),
    "elastix-paper": lambda settings: ElastixMethod.find(
        "elastix-paper", PAPER, threads=settings.registration.threads_used
    ),
    "gcsar": lambda settings: GcSarMethod(name="gcsar", gcsar=settings.gcsar, registration=settings.registration),
    "syn": lambda settings: AntsMethod.find("syn", "SyN", threads=settings.registration.threads_used),
    "syncc": lambda settings: AntsMethod.find("syncc", "SyNCC", threads=settings.registration.threads_used),
}
"""Name to method; the variants and trained peers that settings name stand beside these."""


def build_methods(settings: BenchmarkSettings) -> list[Method]:
    """Return the methods that ``settings.methods`` names, in that order, ready to register.

    Raises:
        ConfigError: If a name is unknown, comes twice, or is that of two things.
        MissingExtraError: If the engine of one is not installed.
        WeightsError: If a network cannot be loaded.
    """
    taken = sorted(METHODS.keys() & settings.variants.keys())
    if taken:
        raise ConfigError(f"variants {taken} have the names of methods; give them others")
    taken = sorted((METHODS.keys() | settings.variants.keys()) & settings.peers.keys())
    if taken:
        raise ConfigError(f"peers {taken} have the names of methods or variants; give them others")
    if len(set(settings.methods)) < len(settings.methods):
        raise ConfigError(f"methods are {list(settings.methods)}, but each must be named once")
    return [_build(name, settings) for name in settings.methods]


def _build(name: str, settings: BenchmarkSettings) -> Method:
    if name in settings.variants:
        return SarnetMethod.load(name, settings.variants[name])
    if name in settings.peers:
        return PeerMethod.load(name, settings.peers[name], settings.registration)
    if name not in METHODS:
        known = [*METHODS, *settings.variants, *settings.peers]
        raise ConfigError(
            f"methods names {name!r}, but known are {known}: a variant of sarnet needs [variants.{name}], a trained "
            f"peer its weights, peers.{name}"
        )
    return METHODS[name](settings)
