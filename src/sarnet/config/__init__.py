"""Settings of every stage, and how they are read."""

from sarnet.config.benchmark import BenchmarkSettings, ElastixSettings
from sarnet.config.curation import CurationSettings
from sarnet.config.networks import DiscriminatorSettings, GeneratorSettings
from sarnet.config.registration import (
    AdaptationSettings,
    MeasuredSimilarity,
    RefinementSettings,
    RegistrationSettings,
    VolumeSettings,
)
from sarnet.config.settings import Settings, build_settings, parse_overrides, read_settings
from sarnet.config.training import (
    AdversarialSettings,
    AugmentationSettings,
    InitialSettings,
    ObjectiveSettings,
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
    "CurationSettings",
    "DiscriminatorSettings",
    "ElastixSettings",
    "GeneratorSettings",
    "InitialSettings",
    "MeasuredSimilarity",
    "ObjectiveSettings",
    "RefinementSettings",
    "RegistrationSettings",
    "Settings",
    "SimulationSettings",
    "SourceSettings",
    "StageSettings",
    "TrainingSettings",
    "UnetSettings",
    "VolumeSettings",
    "build_settings",
    "parse_overrides",
    "read_settings",
]
