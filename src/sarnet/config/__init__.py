"""Settings of every stage, and how they are read."""

from sarnet.config.benchmark import BenchmarkSettings
from sarnet.config.cores import cores
from sarnet.config.curation import CurationSettings
from sarnet.config.engines import (
    ENGINES,
    AntsSettings,
    AntsSynCcSettings,
    ElastixSettings,
    EngineSettings,
    GcSarSettings,
)
from sarnet.config.networks import DiscriminatorSettings, GeneratorSettings, PeerNetworkSettings
from sarnet.config.objective import ObjectiveSettings
from sarnet.config.registration import (
    AdaptationSettings,
    FinishSettings,
    MeasuredSimilarity,
    PaperSettings,
    ProposalSettings,
    RefinementSettings,
    RegistrationSettings,
    VolumeSettings,
)
from sarnet.config.settings import Settings, build_settings, parse_overrides, read_settings
from sarnet.config.training import (
    AdversarialSettings,
    AugmentationSettings,
    InitialSettings,
    PeerSettings,
    Precision,
    SimulationSettings,
    SourceSettings,
    StageSettings,
    TrainingSettings,
    UnetSettings,
)

__all__ = [
    "ENGINES",
    "AdaptationSettings",
    "AdversarialSettings",
    "AntsSettings",
    "AntsSynCcSettings",
    "AugmentationSettings",
    "BenchmarkSettings",
    "CurationSettings",
    "DiscriminatorSettings",
    "ElastixSettings",
    "EngineSettings",
    "FinishSettings",
    "GcSarSettings",
    "GeneratorSettings",
    "InitialSettings",
    "MeasuredSimilarity",
    "ObjectiveSettings",
    "PaperSettings",
    "PeerNetworkSettings",
    "PeerSettings",
    "Precision",
    "ProposalSettings",
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
    "cores",
    "parse_overrides",
    "read_settings",
]
