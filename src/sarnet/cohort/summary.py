"""All records of a cohort as rows of one table, read from the pairs' folders."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from sarnet.cohort.outliers import COST, MEASURES, scores, standing_apart
from sarnet.cohort.pair import CohortPair
from sarnet.cohort.receipt import RECEIPT_FILE
from sarnet.errors import DataError
from sarnet.images import write_whole
from sarnet.registration import Record, read_record

SUMMARY_FILE = "summary.csv"
FAILURES_FOLDER = "failures"


class Failure(BaseModel):
    """Why a pair has no result."""

    model_config = ConfigDict(frozen=True)

    id: str
    reason: str
    trace: str | None = None


class Row(BaseModel):
    """What came of one pair."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    id: str
    state: Literal["done", "failed", "left"]
    """``left``: not registered yet."""
    reason: str = ""
    """Why it failed."""
    outlier: tuple[str, ...] = ()
    """Figures by which it stands apart from the cohort."""
    score: float | None = None
    """The largest of its modified z-scores; above 3.5 it is an outlier."""
    cost_initial: float | None = None
    cost_final: float | None = None
    similarity: str | None = None
    """What the images were compared by."""
    similarity_before: float | None = None
    similarity_after: float | None = None
    folding_percent: float | None = None
    inverse_consistency_mm: float | None = None
    inverse_residual_mm: float | None = None
    length_unit: str = ""
    """What the lengths are in: pixels, where the fixed image has no spacing."""
    mean_displacement_mm: float | None = None
    largest_displacement_mm: float | None = None
    dice_before: float | None = None
    dice: float | None = None
    iterations: int | None = None
    stop_reason: str = ""
    seconds: float | None = None
    """Compute of the registration, reading and writing not counted."""
    verdict: str = ""
    folder: str = ""
    """Relative to the cohort's."""
    fixed: str = ""
    moving: str = ""
    extra: dict[str, str] = {}
    """Further columns of the table that the pairs came from."""


SUMMARY_COLUMNS = tuple(name for name in Row.model_fields if name != "extra")
"""Of the summary's own."""


def summarise(pairs: Sequence[CohortPair], out: Path) -> list[Row]:
    """Read the records of all pairs, in their order, and mark the outliers among them."""
    rows = [_row(pair, out) for pair in pairs]
    found = scores({measure: [getattr(row, measure) for row in rows] for measure in MEASURES})
    # a cost by one similarity says nothing beside a cost by another
    for similarity in dict.fromkeys(row.similarity for row in rows):
        costs = [row.cost_final if row.similarity == similarity else None for row in rows]
        for score, of_cost in zip(found, scores({COST: costs}), strict=True):
            score.update(of_cost)
    return [
        row.model_copy(update={"outlier": standing_apart(score), "score": max(score.values(), default=None)})
        for row, score in zip(rows, found, strict=True)
    ]


def worst_first(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with failures first, then from the largest score to the smallest, what is left to do last."""
    states = {"failed": 0, "done": 1, "left": 2}
    return sorted(rows, key=lambda row: (states[row.state], -(row.score if row.score is not None else -1e9), row.id))


def write_summary(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as a CSV file, at once and whole.

    Raises:
        DataError: If it cannot be written.
    """
    extra = list(dict.fromkeys(name for row in rows for name in row.extra))
    text = io.StringIO()
    writer = csv.DictWriter(text, [*SUMMARY_COLUMNS, *extra], restval="", lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({**row.extra, **row.model_dump(exclude={"extra"}), "outlier": " ".join(row.outlier)})
    write_whole(path, text.getvalue().encode())


def failure_file(pair: CohortPair, out: Path) -> Path:
    """Return where it stands why a pair failed."""
    return out / FAILURES_FOLDER / f"{pair.id}.json"


def _row(pair: CohortPair, out: Path) -> Row:
    folder = out / pair.folder
    row = Row(id=pair.id, state="left", fixed=str(pair.files.fixed), moving=str(pair.files.moving), extra=pair.extra)
    try:
        if (folder / RECEIPT_FILE).is_file():
            figures = _figures(read_record(folder))
            return row.model_copy(update={"state": "done", "folder": pair.folder.as_posix(), **figures})
        failure = Failure.model_validate_json(failure_file(pair, out).read_bytes())
        return row.model_copy(update={"state": "failed", "reason": failure.reason})
    except FileNotFoundError:
        return row
    except (DataError, ValidationError) as error:  # damaged since
        return row.model_copy(update={"state": "failed", "reason": str(error)})


def _figures(record: Record) -> dict[str, object]:
    same = [name for name in Row.model_fields if name in Record.model_fields and name not in ("dice", "verdict")]
    before, after = record.mean_dice()
    return {
        **{name: getattr(record, name) for name in same if name != "dice_before"},
        "dice_before": before,
        "dice": after,
        "verdict": record.verdict[0] if record.verdict else "",
    }
