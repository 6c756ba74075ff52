"""Which pairs are registered, by which methods, and what is measured."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from sarnet.config.registration import RegistrationSettings
from sarnet.config.settings import Settings, merged
from sarnet.config.training import SimulationSettings

ElastixMetric = Literal[
    "NormalizedMutualInformation", "AdvancedMattesMutualInformation", "AdvancedNormalizedCorrelation"
]
"""elastix's names of similarities."""

_FOLD = "{fold}"


class ElastixSettings(Settings):
    """How elastix registers a pair: an affine map, then a cubic B-spline whose grid gets finer from level to level."""

    metric: ElastixMetric = "AdvancedMattesMutualInformation"
    """The similarity that the B-spline is fitted by; the affine map's is mutual information."""
    control_spacing_mm: tuple[float, ...] = (32.0, 16.0, 8.0, 4.0)
    """Distances of the B-spline's controls, a level each; all shrink alike where the image is smaller than the grid."""
    downsampling: tuple[int, ...] = (4, 2, 1, 1)
    """Voxels of the image to one of the level's, for the B-spline."""
    bending: float = Field(default=0.0, ge=0)
    """Weight of the B-spline's bending energy."""
    iterations: int = Field(default=256, ge=1)
    """Steps of adaptive stochastic gradient descent on every level."""
    samples: int = Field(default=4096, ge=1)
    """Random points that a step looks at."""


class GcSarSettings(Settings):
    """How GC-SAR registers a pair: labels of a displacement and a class on a grid of controls that gets finer."""

    control_spacing_voxels: tuple[int, ...] = (32, 16, 16, 8, 8)
    """Distances of the B-spline's controls, a level each."""
    step_voxels: tuple[float, ...] = (4.0, 3.0, 1.5, 1.0, 0.5)
    """Distances of the displacements to choose from, a level each."""
    radius: int = Field(default=2, ge=1)
    """Steps to choose from either way along each axis."""
    classes: int = Field(default=3, ge=1)
    """Segmentation classes."""
    gradient: float = Field(default=1.0, ge=0)
    """Weight of the gradients' difference beside that of intensities."""
    segmentation: float = Field(default=0.02, ge=0)
    """Weight of how little a class is like what the images show."""
    smoothness: float = Field(default=0.01, ge=0)
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


class BenchmarkSettings(Settings):
    """Which pairs are registered, by which methods, and what is measured."""

    protocol: Literal["brain2d", "brain3d", "cardiac", "liver", "xray", "simulated-xray", "lung-masks"]
    """Where the pairs come from. ``simulated-xray``: X-rays deformed by known fields. ``lung-masks``: masks out of
    feature maps and by a U-Net, no pairs. All else: real pairs."""
    data: Path
    """Folder of the images, such as ``sarnet data prepare`` wrote; for X-rays, brains and hearts the CSV that lists
    them will do, for cross-validation the ``fold-{fold}.csv`` of ``sarnet data split``."""
    dataset: str | None = None
    """X-rays alone: only rows of this data set, where the CSV holds several."""
    split: Literal["test", "all"] = "test"
    """``xray``, and brains and hearts that a CSV lists: the test split by patient, or every image."""
    folds: int | None = Field(default=None, ge=2)
    """Cross-validation: everything so many times, ``{fold}`` in paths and names of weights standing for 1, 2, …."""
    subjects: Literal["first", "second", "all"] = "all"
    """Which half of the subjects, in order; settings are chosen on one half and reported on the other."""
    shifts: tuple[int, ...] | Literal["all", "visits"] = (3,)
    """Brains and ``xray``: fixed i, moving i + shift, for each; ``all``: every subject to every other. ``visits``, of
    ``xray`` alone: the first visit of a patient fixed, each later one moving."""
    most_pairs: int | None = Field(default=None, ge=1)
    """Only so many pairs, the first ones."""
    affine_start: bool = True
    """Whether an affine map is looked for first."""
    inverse_consistency: bool = False
    """Whether each pair is also registered the other way round, and how far both ways together are from nothing."""
    rows: Path = Path("runs/rows.jsonl")
    """File of results, a JSON object a line, appended to."""
    methods: tuple[str, ...] = ("sarnet",)
    """Names of methods, which take turns pair by pair; ``sarnet`` is ``registration``, others may be variants of it."""
    registration: RegistrationSettings = RegistrationSettings()
    variants: dict[str, RegistrationSettings] = Field(default_factory=dict)
    """Further settings of this package's method by name; each begins with those of ``registration``."""
    unet: Path | None = None
    """``lung-masks`` alone: weights of the U-Net to compare with."""
    peers: dict[str, Path] = Field(default_factory=dict)
    """Trained peers by name: the weights that ``sarnet train`` wrote of VoxelMorph, DIR-Net or FlowNet."""
    elastix: ElastixSettings = ElastixSettings()
    gcsar: GcSarSettings = GcSarSettings()
    simulation: SimulationSettings = SimulationSettings()
    seed: int = 0
    """Of the simulated pairs."""
    split_seed: int = 0
    """Of the split by patient; must be that of the training, or what is tested was seen there."""

    @model_validator(mode="before")
    @classmethod
    def _begin_with_registration(cls, tree: Any) -> Any:
        """Complete every variant that is a plain table by the table of ``registration``."""
        base = tree.get("registration", {})
        plain = isinstance(base, dict) and isinstance(tree.get("variants"), dict)
        if not plain:
            return tree
        variants = {
            name: merged(base, table) if isinstance(table, dict) else table for name, table in tree["variants"].items()
        }
        return {**tree, "variants": variants}

    @model_validator(mode="after")
    def _know_visits(self) -> "BenchmarkSettings":
        if self.shifts == "visits" and self.protocol != "xray":
            raise ValueError(f"shifts is 'visits', which only xray has, but protocol is {self.protocol!r}")
        return self

    @model_validator(mode="after")
    def _tell_folds_apart(self) -> "BenchmarkSettings":
        if self.folds is not None and _FOLD not in str(self.data):
            raise ValueError(
                f"folds is {self.folds}, but data {self.data} has no {_FOLD}: all would test the same pairs"
            )
        if _FOLD in str(self.rows):
            raise ValueError(f"rows {self.rows} has {_FOLD}, but all folds have their rows in one file")
        return self

    def in_fold(self, fold: int) -> "BenchmarkSettings":
        """Return the settings of one fold: its number wherever ``{fold}`` stands."""
        return BenchmarkSettings.model_validate(_filled(self.model_dump(mode="json", exclude={"folds"}), str(fold)))


def _filled(tree: Any, fold: str) -> Any:
    if isinstance(tree, dict):
        return {key: _filled(value, fold) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(value, fold) for value in tree]
    return tree.replace(_FOLD, fold) if isinstance(tree, str) else tree
