"""Which pairs are registered, by which methods, and what is measured."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sarnet.config.engines import ENGINES, EngineSettings
from sarnet.config.registration import RegistrationSettings
from sarnet.config.settings import Settings, merged
from sarnet.config.training import SimulationSettings

_FOLD = "{fold}"

_OF_PAIRS = frozenset(
    {
        *("methods", "variants", "peers", "unmagnified", "engines"),
        *("subjects", "shifts", "affine_start", "inverse_consistency"),
    }
)
"""Settings that only protocols read which register pairs by several methods."""


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
    """X-rays, and brains and hearts that a CSV lists: the test split by patient, or every image."""
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
    """Whether each pair is registered in the opposite direction, too, and how far both composed are from nothing."""
    rows: Path = Path("runs/rows.jsonl")
    """File of results, a JSON object a line, appended to."""
    methods: tuple[str, ...] = ("sarnet",)
    """Names of methods, which take turns pair by pair: ``sarnet`` is ``registration``, others are of ``variants``,
    ``peers`` or ``engines``."""
    registration: RegistrationSettings = RegistrationSettings()
    variants: dict[str, RegistrationSettings] = Field(default_factory=dict)
    """Further settings of this package's method by name; each begins with those of ``registration``."""
    unet: Path | None = None
    """``lung-masks`` alone: weights of the U-Net to compare with."""
    peers: dict[str, Path] = Field(default_factory=dict)
    """Trained peers by name: the weights that ``sarnet train`` wrote of VoxelMorph, DIR-Net or FlowNet."""
    unmagnified: tuple[str, ...] = ()
    """Peers that see slices as large as they are; the others see them magnified, as ``registration.magnified_voxels``
    says."""
    engines: dict[str, Annotated[EngineSettings, Field(discriminator="engine")]] = ENGINES
    """elastix, ANTs and GC-SAR by name: a table of a known name changes some of its settings, one of a new name says by
    ``engine`` which program it is."""
    simulation: SimulationSettings = SimulationSettings()
    seed: int = Field(default=0, ge=0)
    """Of the simulated pairs."""
    split_seed: int = Field(default=0, ge=0)
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

    @field_validator("engines", mode="before")
    @classmethod
    def _begin_with_known(cls, engines: Any) -> Any:
        """Complete those of a known name, and keep the known ones that are not named."""
        if not isinstance(engines, dict):
            return engines
        return {**ENGINES, **{name: _completed(name, table) for name, table in engines.items()}}

    @model_validator(mode="after")
    def _know_visits(self) -> "BenchmarkSettings":
        if self.shifts == "visits" and self.protocol != "xray":
            raise ValueError(f"shifts is 'visits', which only xray has, but protocol is {self.protocol!r}")
        return self

    @model_validator(mode="after")
    def _know_methods(self) -> "BenchmarkSettings":
        """Refuse what a protocol without methods would leave unread."""
        given = sorted(self.model_fields_set & _OF_PAIRS) if self.protocol in ("simulated-xray", "lung-masks") else []
        if given:
            raise ValueError(f"{given[0]} was given, but {self.protocol} registers no pairs by methods: leave it out")
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
        tree = self.model_dump(mode="json", exclude={"folds"}, exclude_unset=True)
        return BenchmarkSettings.model_validate(_filled(tree, str(fold)))


def _completed(name: str, table: Any) -> Any:
    """An engine's table, begun with what is known by its name, unless it says that it is of another engine."""
    if not isinstance(table, dict):
        return table
    if name not in ENGINES and "engine" not in table:
        raise ValueError(f"{name} is none of {', '.join(ENGINES)}: say by engine which program it is")
    known = ENGINES[name].model_dump() if name in ENGINES else {}
    return {**known, **table} if table.get("engine", known.get("engine")) == known.get("engine") else table


def _filled(tree: Any, fold: str) -> Any:
    if isinstance(tree, dict):
        return {key: _filled(value, fold) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_filled(value, fold) for value in tree]
    return tree.replace(_FOLD, fold) if isinstance(tree, str) else tree
