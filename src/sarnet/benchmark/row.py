"""One result, one line."""

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from sarnet.errors import DataError


class Row(BaseModel):
    """What one method made of one pair."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    protocol: str
    pair: str
    model: str
    adapt: str
    version: str
    seconds: float
    """Compute of this pair: arrays in, transform (or field) out."""
    seconds_by_stage: dict[str, float] = {}
    iterations: int
    folding_percent: float
    dice_before: float
    dice: float
    field_voxels: float | None = None
    """Mean length of the known field, where there is one."""
    field_error_voxels: float | None = None
    """Mean length of what the found field misses of it."""


class Summary(BaseModel):
    """What many rows come to."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    pairs: int
    dice_before: float
    dice: float
    seconds: float
    """Median."""
    folding_percent: float
    relative_field_error: float | None
    """Mean error over mean length of the field, both over all pairs."""
    relative_field_error_of_pairs: float | None
    """The same ratio taken pair by pair, then averaged: small fields count as much as large ones."""


def summarise(rows: list[Row]) -> Summary:
    """Average rows of one protocol."""
    lengths = np.array([row.field_voxels for row in rows if row.field_voxels is not None])
    errors = np.array([row.field_error_voxels for row in rows if row.field_error_voxels is not None])
    return Summary(
        pairs=len(rows),
        dice_before=float(np.mean([row.dice_before for row in rows])),
        dice=float(np.mean([row.dice for row in rows])),
        seconds=float(np.median([row.seconds for row in rows])),
        folding_percent=float(np.mean([row.folding_percent for row in rows])),
        relative_field_error=float(errors.mean() / lengths.mean()) if len(lengths) else None,
        relative_field_error_of_pairs=float((errors / lengths).mean()) if len(lengths) else None,
    )


def append_row(row: Row, path: Path) -> None:
    """Add a line to a file of rows.

    Raises:
        DataError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(row.model_dump_json() + "\n")
    except OSError as error:
        raise DataError(f"rows {path} cannot be written: {error.strerror}; choose another file") from error
