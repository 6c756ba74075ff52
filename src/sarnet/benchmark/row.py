"""One result, one line; a file of them; what many come to."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from sarnet.errors import DataError
from sarnet.metrics import mean_of_known
from sarnet.types import LengthUnit


class RowKey(NamedTuple):
    """What makes a row the same row: computed once, it is not computed again."""

    protocol: str
    pair: str
    method: str
    settings_hash: str


_WEIGHTS = ("model", "weights_sha256")
"""Settings that name weights."""


class Row(BaseModel):
    """What one method made of one pair."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    protocol: str
    pair: str
    subjects: tuple[str, str]
    """Whose the fixed and the moving image are; the same one twice, where both are one subject's."""
    method: str = "sarnet"
    model: str | None = None
    """Name of the weights, where the method has any."""
    adapt: str | None = None
    """This package's method alone: what was adapted."""
    settings: dict[str, Any] = {}
    """All that the row depends on beside the images: the method's settings and the measurement's."""
    settings_hash: str = ""
    fold: int | None = None
    """Of a cross-validation: the weights, and so the settings, are others in every fold."""
    version: str
    code: str | None = None
    """Hash of the package's source."""
    seed: int | None = 0
    """Of the simulated pair, or what the method's own chance was drawn by; nothing of a method without any."""
    hardware: str = ""
    seconds: float
    """Compute of this pair: arrays in, transform (or field) out."""
    seconds_by_stage: dict[str, float] = {}
    iterations: int | None = None
    folding_percent: float | None = None
    """Share of voxels inside the fixed image's body whose Jacobian determinant is zero or below."""
    inverse_consistency_voxels: float | None = None
    """From registering both ways, in voxels of the fixed grid, where that was asked for."""
    dice_before: float | None = None
    dice: float | None = None
    """Mean over the structures that either image has."""
    dice_by_label: dict[str, float | None] = {}
    hd95_before: float | None = None
    hd95: float | None = None
    """95th percentile of the Hausdorff distance in ``length_unit``, the mean over labels; a label that was lost has
    none."""
    mad_before: float | None = None
    mad: float | None = None
    """Mean absolute surface distance, the same."""
    hd95_by_label: dict[str, float | None] = {}
    mad_by_label: dict[str, float | None] = {}
    length_unit: LengthUnit = "mm"
    """Unit of the surface distances: pixels, where the data set records no spacing."""
    tre_mm_before: float | None = None
    tre_mm: float | None = None
    """Mean distance of landmarks, where there are any."""
    peak_memory_mb: float | None = None
    """Most memory that the process held while it registered, libraries included; where the system tells."""
    field_voxels: float | None = None
    """Mean length of the known field, where there is one."""
    field_error_voxels: float | None = None
    """Mean length of what the found field misses of it."""

    @property
    def settings_group(self) -> str:
        """Hash of the settings; in a cross-validation without the weights, which differ from fold to fold."""
        if self.fold is None:
            return self.settings_hash
        kept = {name: value for name, value in self.settings.items() if name not in _WEIGHTS}
        method = {name: value for name, value in kept.get("method", {}).items() if name not in _WEIGHTS}
        return settings_hash({**kept, "method": method, "is_folded": True})

    @property
    def key(self) -> RowKey:
        """What tells this row from others."""
        return RowKey(self.protocol, self.pair, self.method, self.settings_hash)


class Summary(BaseModel):
    """What many rows come to: means, but for the seconds; nothing where no row has the figure."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    pairs: int
    dice_before: float | None
    dice: float | None
    hd95_before: float | None
    hd95: float | None
    mad_before: float | None
    mad: float | None
    length_unit: LengthUnit
    tre_mm_before: float | None
    tre_mm: float | None
    seconds: float
    """Median."""
    peak_memory_mb: float | None
    """Largest."""
    folding_percent: float | None
    inverse_consistency_voxels: float | None
    relative_field_error: float | None
    """Mean error over mean length of the field, both over all pairs."""
    relative_field_error_of_pairs: float | None
    """The same ratio taken pair by pair, then averaged: small fields count as much as large ones."""


def summarise(rows: Sequence[Row]) -> Summary:
    """Average rows of one protocol and one method."""
    lengths = np.array([row.field_voxels for row in rows if row.field_voxels is not None])
    errors = np.array([row.field_error_voxels for row in rows if row.field_error_voxels is not None])
    return Summary(
        pairs=len(rows),
        dice_before=mean_of_known(row.dice_before for row in rows),
        dice=mean_of_known(row.dice for row in rows),
        hd95_before=mean_of_known(row.hd95_before for row in rows),
        hd95=mean_of_known(row.hd95 for row in rows),
        mad_before=mean_of_known(row.mad_before for row in rows),
        mad=mean_of_known(row.mad for row in rows),
        length_unit=rows[0].length_unit,
        tre_mm_before=mean_of_known(row.tre_mm_before for row in rows),
        tre_mm=mean_of_known(row.tre_mm for row in rows),
        seconds=float(np.median([row.seconds for row in rows])),
        peak_memory_mb=max((row.peak_memory_mb for row in rows if row.peak_memory_mb is not None), default=None),
        folding_percent=mean_of_known(row.folding_percent for row in rows),
        inverse_consistency_voxels=mean_of_known(row.inverse_consistency_voxels for row in rows),
        relative_field_error=float(errors.mean() / lengths.mean()) if len(lengths) else None,
        relative_field_error_of_pairs=float((errors / lengths).mean()) if len(lengths) else None,
    )


def settings_hash(settings: dict[str, Any]) -> str:
    """Return a short name for settings: the same for the same settings, whatever their order."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def append_row(row: Row, path: Path) -> None:
    """Add a line to a file of rows, all of it in one stroke, in place of a last one that was cut off.

    Raises:
        DataError: If it cannot be written.
    """
    line = f"{row.model_dump_json()}\n".encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a+b", buffering=0) as file:
            content = path.read_bytes()
            begun = _begun(content)
            if begun:
                file.truncate(len(content) - len(begun))
            elif content and not content.endswith(b"\n"):
                line = b"\n" + line
            file.write(line)
    except OSError as error:
        raise DataError(f"rows {path} cannot be written: {error.strerror}; choose another file") from error


def read_rows(path: Path) -> list[Row]:
    """Read a file of rows; of one that is not there, none. A last line that was cut off is no row yet.

    Raises:
        DataError: If it cannot be read, or a line is no row.
    """
    try:
        content = path.read_bytes()
        lines = content.removesuffix(_begun(content)).decode().splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"rows {path} cannot be read: {error}") from error
    rows = []
    for number, line in enumerate(lines, start=1):
        try:
            rows.append(Row.model_validate_json(line))
        except ValidationError as error:
            raise DataError(f"rows {path}, line {number}, is no row: delete it or choose another file") from error
    return rows


def _begun(content: bytes) -> bytes:
    """What a process that was killed while it wrote left of a row: the beginning of one, and not all of it."""
    last = content.rpartition(b"\n")[2]
    start = b'{"protocol":'
    if not last or not (last.startswith(start) or start.startswith(last)):
        return b""
    try:
        json.loads(last)
    except ValueError:
        return last
    return b""
