"""How the iterative programs that this package's method is compared with register a pair."""

from typing import Literal

from pydantic import Field, NonNegativeInt, model_validator

from sarnet.config.settings import Settings

ElastixMetric = Literal[
    "NormalizedMutualInformation", "AdvancedMattesMutualInformation", "AdvancedNormalizedCorrelation"
]
"""elastix's names of similarities."""


class ElastixSettings(Settings):
    """How elastix registers a pair: an affine map, then a cubic B-spline whose grid gets finer from level to level."""

    engine: Literal["elastix"] = "elastix"
    """Which program it is."""
    metric: ElastixMetric = "AdvancedMattesMutualInformation"
    """The similarity that the B-spline is fitted by; the affine map's is mutual information."""
    control_spacing_mm: tuple[float, ...] = (24.0, 12.0, 6.0, 3.0)
    """Distances of the B-spline's controls, a level each; all shrink alike where the image is smaller than the grid."""
    downsampling: tuple[int, ...] = (4, 2, 1, 1)
    """Voxels of the image to one of the level's, for the B-spline."""
    bending: float = Field(default=0.0, ge=0)
    """Weight of the B-spline's bending energy."""
    iterations: int = Field(default=256, ge=1)
    """Steps of adaptive stochastic gradient descent on every level."""
    samples: int = Field(default=4096, ge=1)
    """Random points that a step looks at."""

    @model_validator(mode="after")
    def _as_many_grids_as_levels(self) -> "ElastixSettings":
        if len(self.control_spacing_mm) != len(self.downsampling):
            grids, levels = len(self.control_spacing_mm), len(self.downsampling)
            raise ValueError(f"control_spacing_mm has {grids} levels, but downsampling {levels}: give one for each")
        return self


class AntsSettings(Settings):
    """How ANTs registers a pair, through antspyx's SyN: an affine map, then symmetric normalisation."""

    engine: Literal["ants"] = "ants"
    """Which program it is."""
    metric: Literal["mattes", "CC"] = "mattes"
    """The similarity of the normalisation, mutual information or cross-correlation; the affine map's is the former."""
    bins: int = Field(default=32, ge=1)
    """Of mutual information."""
    radius_voxels: int = Field(default=4, ge=1)
    """Of cross-correlation's window."""
    iterations: tuple[NonNegativeInt, ...] = Field(default=(40, 20, 0), min_length=1)
    """Most steps of every level; the last is of the full resolution, each before it of half."""
    step_voxels: float = Field(default=0.2, gt=0)
    """Longest vector of a step."""
    flow_variance: float = Field(default=3.0, ge=0)
    """Of the Gaussian that smooths a step, in square voxels."""
    total_variance: float = Field(default=0.0, ge=0)
    """The same of the whole field."""


class AntsSynCcSettings(Settings):
    """antspyx's SyNCC: cross-correlation, in steps and levels of its own. There is nothing to set."""

    engine: Literal["ants-syncc"] = "ants-syncc"
    """Which program it is."""


class GcSarSettings(Settings):
    """How GC-SAR registers a pair: labels of a displacement and a class on a grid of controls that gets finer."""

    engine: Literal["gcsar"] = "gcsar"
    """Which program it is."""
    control_spacing_voxels: tuple[int, ...] = (32, 16, 8, 4, 4)
    """Distances of the B-spline's controls, a level each."""
    step_voxels: tuple[float, ...] = (4.0, 3.0, 1.5, 1.0, 0.5)
    """Distances of the displacements to choose from, a level each."""
    radius: int = Field(default=3, ge=1)
    """Steps to choose from either way along each axis."""
    classes: int = Field(default=3, ge=1)
    """Segmentation classes."""
    gradient: float = Field(default=1.0, ge=0)
    """Weight of the gradients' difference beside that of intensities."""
    segmentation: float = Field(default=0.02, ge=0)
    """Weight of how little a class is like what the images show."""
    smoothness: float = Field(default=0.0025, ge=0)
    """Cost a voxel of the difference between neighbours' displacements."""
    truncation: float = Field(default=4.0, gt=0)
    """Steps from which on a difference costs no more."""
    class_smoothness: float = Field(default=0.01, ge=0)
    """Cost of neighbours of two classes."""
    cycles: int = Field(default=3, ge=1)
    """Rounds of alpha-expansion through all labels, at most."""

    @model_validator(mode="after")
    def _as_many_steps_as_levels(self) -> "GcSarSettings":
        if len(self.step_voxels) != len(self.control_spacing_voxels):
            levels, steps = len(self.control_spacing_voxels), len(self.step_voxels)
            raise ValueError(f"control_spacing_voxels has {levels} levels, but step_voxels {steps}: give one for each")
        return self


EngineSettings = ElastixSettings | AntsSettings | AntsSynCcSettings | GcSarSettings
"""Settings of one of them; ``engine`` says of which."""

ENGINES: dict[str, EngineSettings] = {
    "elastix": ElastixSettings(),
    # iterations and samples, on which the paper is silent, are those of elastix's default parameter maps
    "elastix-paper": ElastixSettings(
        metric="NormalizedMutualInformation",
        control_spacing_mm=(80.0, 40.0, 20.0, 10.0, 5.0),
        downsampling=(4, 3, 2, 1, 1),
        iterations=256,
        samples=2048,
    ),
    "gcsar": GcSarSettings(),
    "syn": AntsSettings(),
    "syncc": AntsSynCcSettings(),
    "syn-tuned": AntsSettings(metric="CC", radius_voxels=2, iterations=(100, 70, 50, 20)),
}
"""Those that need not be given, by the names that they have in tables. ``elastix``, ``gcsar`` and ``syn-tuned`` were
set on brain slices of the first half of the subjects (``configs/tuning.toml``)."""
