"""The methods by the names they have in settings and tables."""

from sarnet.config import (
    AntsSettings,
    AntsSynCcSettings,
    BenchmarkSettings,
    ElastixSettings,
    EngineSettings,
    GcSarSettings,
    RegistrationSettings,
)
from sarnet.errors import ConfigError
from sarnet.methods.ants import AntsMethod
from sarnet.methods.elastix import ElastixMethod
from sarnet.methods.gcsar import GcSarMethod
from sarnet.methods.method import Method
from sarnet.methods.peer_method import PeerMethod
from sarnet.methods.sarnet_method import SarnetMethod

_OWN = "sarnet"
"""This package's own method by the settings of ``registration``."""


def build_methods(settings: BenchmarkSettings) -> list[Method]:
    """Return the methods that ``settings.methods`` names, in that order, ready to register.

    Raises:
        ConfigError: If a name is unknown, comes twice, or is that of two things.
        MissingExtraError: If the engine of one is not installed.
        WeightsError: If a network cannot be loaded.
    """
    taken = [_OWN]
    for group, names in (("engines", settings.engines), ("variants", settings.variants), ("peers", settings.peers)):
        twice = sorted(set(taken) & names.keys())
        if twice:
            raise ConfigError(f"{group} {twice} have the names of other methods; give them others")
        taken += names
    strange = sorted(set(settings.unmagnified) - settings.peers.keys())
    if strange:
        raise ConfigError(f"unmagnified names {strange}, but must name peers, of which there are {[*settings.peers]}")
    if len(set(settings.methods)) < len(settings.methods):
        raise ConfigError(f"methods are {list(settings.methods)}, but each must be named once")
    own = {_OWN: settings.registration, **settings.variants}
    nothing_else = [name for name in settings.methods if name in own and own[name].transform != "deformable"]
    if nothing_else and not settings.affine_start:
        raise ConfigError(f"affine_start is false, but methods {nothing_else} are nothing else: leave them out")
    return [_build(name, settings) for name in settings.methods]


def _build(name: str, settings: BenchmarkSettings) -> Method:
    if name == _OWN:
        return SarnetMethod.load(name, settings.registration)
    if name in settings.variants:
        return SarnetMethod.load(name, settings.variants[name])
    if name in settings.peers:
        large = {"magnified_voxels": 0} if name in settings.unmagnified else {}
        return PeerMethod.load(name, settings.peers[name], settings.registration.model_copy(update=large))
    if name in settings.engines:
        return _build_engine(name, settings.engines[name], settings.registration)
    known = [_OWN, *settings.engines, *settings.variants, *settings.peers]
    raise ConfigError(
        f"methods names {name!r}, but known are {known}: a variant of sarnet needs [variants.{name}], a trained "
        f"peer its weights, peers.{name}, elastix, ANTs or GC-SAR by other settings [engines.{name}]"
    )


def _build_engine(name: str, engine: EngineSettings, registration: RegistrationSettings) -> Method:
    threads = registration.threads_used
    match engine:
        case ElastixSettings():
            return ElastixMethod.find(name, engine, threads=threads)
        case AntsSettings() | AntsSynCcSettings():
            return AntsMethod.find(name, engine, threads=threads)
        case GcSarSettings():
            return GcSarMethod(name=name, gcsar=engine, registration=registration)
