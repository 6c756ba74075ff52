"""What a registration wrote down about itself, as the report reads it: ``registration.json``."""

import json
import math
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sarnet.errors import DataError

RECORD_NAME = "registration.json"


class _Part(BaseModel):
    """Unknown keys are left alone: a newer version may have written them."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Inputs(_Part):
    """Files that went in."""

    fixed: str
    moving: str


class Files(_Part):
    """Files that came out, by name in the folder."""

    warped: str
    displacement: str = "displacement.nii.gz"


class RecordedGrid(_Part):
    """Size and spacing of a grid, x first."""

    size: tuple[int, ...]
    spacing_mm: tuple[float, ...]


class Affine(_Part):
    """How the affine start went."""

    start: str | None = None
    kept: bool | str | None = None
    cost_initial: float | None = None
    cost_final: float | None = None


class Record(_Part):
    """The record of a registration; only what no report can be made without has no default."""

    inputs: Inputs
    files: Files

    version: str | None = None
    command: str | None = None
    adapt: str | None = None
    transform: str | None = None
    model: str | None = None
    weights_sha256: str | None = None
    seed: int | None = None
    threads: int | None = None
    settings: dict[str, object] = {}
    grid: RecordedGrid | None = None
    network_grid: RecordedGrid | None = None

    seconds: float | None = None
    seconds_by_stage: dict[str, float] = {}
    iterations: int | None = None
    stop_reason: str | None = None
    cost_initial: float | None = None
    cost_final: float | None = None
    cost_history: tuple[float | None, ...] = ()
    affine: Affine | None = None

    verdict: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    folding_percent: float | None = None
    largest_displacement_mm: float | None = None
    mean_displacement_mm: float | None = None
    similarity_before: float | None = None
    similarity_after: float | None = None
    dice_before: dict[str, float | None] = {}
    dice: dict[str, float | None] = {}
    dice_mean_before: float | None = None
    dice_mean: float | None = None

    def mean_dice(self) -> tuple[float | None, float | None]:
        """Return the mean overlap before and after: as recorded, or of the labels that have one."""
        before, after = self.dice_mean_before, self.dice_mean
        return _mean(self.dice_before) if before is None else before, _mean(self.dice) if after is None else after


def read_record(folder: Path) -> Record:
    """Read the record of a finished registration.

    Raises:
        DataError: If the folder has none, or it is damaged or lacks what a report cannot be made without.
    """
    path = folder / RECORD_NAME
    try:
        return Record.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} holds no {RECORD_NAME}: wanted the folder of a finished registration, "
            "the --out of sarnet register"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path} cannot be used: {key}: {first['msg']}; register the pair again") from error
    except ValueError as error:  # what is no JSON, and what is no UTF-8
        raise DataError(f"{path} is damaged: {error}; register the pair again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _mean(overlaps: dict[str, float | None]) -> float | None:
    known = [value for value in overlaps.values() if value is not None and not math.isnan(value)]
    return sum(known) / len(known) if known else None
