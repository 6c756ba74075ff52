"""How the iterative programs that this package's method is compared with register a pair."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sarnet.config.settings import Settings

ElastixMetric = Literal[
    "NormalizedMutualInformation", "AdvancedMattesMutualInformation", "AdvancedNormalizedCorrelation"
]
"""elastix's names of similarities."""


class ElastixSettings(Settings):
    """How elastix registers a pair: an affine map, then a cubic B-spline whose grid gets finer from level to level."""

    engine: Literal["elastix"] = "elastix"
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


class AntsSettings(Settings):
    """How ANTs registers a pair, through antspyx: a linear map, then symmetric normalisation, as antspyx has them."""

    engine: Literal["ants"] = "ants"
    kind: Literal["SyN", "SyNCC"] = "SyN"
    """antspyx's name of the whole: ``SyNCC`` goes by cross-correlation, in steps and levels of its own."""
    metric: Literal["mattes", "CC"] = "mattes"
    """The similarity that ``SyN`` goes by: mutual information or cross-correlation."""
    sampling: int = Field(default=32, ge=1)
    """Bins of mutual information, or voxels of cross-correlation's window either way."""
    iterations: tuple[int, ...] = (40, 20, 0)
    """Most steps of every level of ``SyN``; the last is of the full resolution, each before it of half."""
    step: float = Field(default=0.2, gt=0)
    """Length of a step of ``SyN``, in voxels."""
    flow_sigma: float = Field(default=3.0, ge=0)
    """How much a step is smoothed: ANTs' variance of the update field, in voxels."""
    total_sigma: float = Field(default=0.0, ge=0)
    """The same of the whole field."""

    @model_validator(mode="after")
    def _check_kind(self) -> "AntsSettings":
        fields = AntsSettings.model_fields.items()
        changed = [name for name, info in fields if name != "kind" and getattr(self, name) != info.default]
        if self.kind == "SyNCC" and changed:
            raise ValueError(f"SyNCC has no {', '.join(changed)} to set: choose kind SyN and metric CC")
        return self


class GcSarSettings(Settings):
    """How GC-SAR registers a pair: labels of a displacement and a class on a grid of controls that gets finer."""

    engine: Literal["gcsar"] = "gcsar"
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


EngineSettings = Annotated[ElastixSettings | AntsSettings | GcSarSettings, Field(discriminator="engine")]
"""Settings of one of them; ``engine`` says of which."""

ENGINES: dict[str, ElastixSettings | AntsSettings | GcSarSettings] = {
    "elastix": ElastixSettings(),
    # iterations and samples, on which the paper is silent, are elastix's own defaults
    "elastix-paper": ElastixSettings(
        metric="NormalizedMutualInformation",
        control_spacing_mm=(80.0, 40.0, 20.0, 10.0, 5.0),
        downsampling=(4, 3, 2, 1, 1),
        iterations=256,
        samples=2048,
    ),
    "gcsar": GcSarSettings(),
    "syn": AntsSettings(),
    "syncc": AntsSettings(kind="SyNCC"),
    "syn-tuned": AntsSettings(metric="CC", sampling=2, iterations=(100, 70, 50, 20)),
}
"""Those that need not be given, by the names that they have in tables. ``elastix``, ``gcsar`` and ``syn-tuned`` were
set on brain slices of the first half of the subjects (``configs/tuning.toml``)."""
