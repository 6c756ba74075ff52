"""Settings of every stage, and how they are read."""

from sarnet.config.benchmark import BenchmarkSettings, ElastixSettings, GcSarSettings
from sarnet.config.networks import DiscriminatorSettings, GeneratorSettings, PeerNetworkSettings
from sarnet.config.registration import AdaptationSettings, RefinementSettings, RegistrationSettings
from sarnet.config.settings import Settings, build_settings, read_settings
from sarnet.config.training import (
    AdversarialSettings,
    AugmentationSettings,
    InitialSettings,
    ObjectiveSettings,
    PeerSettings,
    SimulationSettings,
    SourceSettings,
    StageSettings,
    TrainingSettings,
    UnetSettings,
)

__all__ = [
    "AdaptationSettings",
    "AdversarialSettings",
    "AugmentationSettings",
    "BenchmarkSettings",
    "DiscriminatorSettings",
    "ElastixSettings",
    "GcSarSettings",
    "GeneratorSettings",
    "InitialSettings",
    "ObjectiveSettings",
    "PeerNetworkSettings",
    "PeerSettings",
    "RefinementSettings",
    "RegistrationSettings",
    "Settings",
    "SimulationSettings",
    "SourceSettings",
    "StageSettings",
    "TrainingSettings",
    "UnetSettings",
    "build_settings",
    "read_settings",
]
