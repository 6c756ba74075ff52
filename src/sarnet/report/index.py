"""The pages of a cohort in one table: a thumbnail and the figures of each pair, the worst first."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

import numpy as np
from jinja2 import Environment, StrictUndefined

from sarnet import __version__
from sarnet.cohort import Row, worst_first
from sarnet.images import write_whole
from sarnet.report import facts
from sarnet.report.page import REPORT_NAME
from sarnet.report.thumbnail import THUMBNAIL_NAME

INDEX_NAME = "index.html"

_MOST_ROWS = 5_000
"""A browser shows and sorts so many at once; the rest is in the CSV file."""


@dataclass(frozen=True, kw_only=True)
class _Column:
    """A figure of every pair."""

    name: str
    title: str
    note: str
    form: str


_COLUMNS = (
    _Column(
        name="score",
        title="Score",
        note="how far apart from the others; marked above 3.5",
        form="{:.1f}",
    ),
    _Column(name="cost_final", title="Cost", note="what the registration minimised, at its end", form="{:.4f}"),
    _Column(name="similarity_before", title="Similarity before", note="of the images, 1 is best", form="{:.3f}"),
    _Column(name="similarity_after", title="after", note="of the images, 1 is best", form="{:.3f}"),
    _Column(name="folding_percent", title="Folding, %", note="of voxels, 0 is best", form="{:.3g}"),
    _Column(
        name="inverse_consistency_mm",
        title="Inverse consistency, {unit}",
        note="from registering both ways, 0 is best",
        form="{:.2f}",
    ),
    _Column(name="dice_before", title="Dice before", note="overlap of labels, 1 is best", form="{:.3f}"),
    _Column(name="dice", title="after", note="overlap of labels, 1 is best", form="{:.3f}"),
    _Column(name="mean_displacement_mm", title="Displacement, {unit}", note="mean", form="{:.2f}"),
    _Column(name="seconds", title="Seconds", note="of computing", form="{:.2f}"),
)


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """A figure, as it is shown and as it is sorted by."""

    text: str
    value: float | None
    is_apart: bool


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A pair in the table."""

    row: Row
    cells: list[_Cell]
    report: str | None
    thumbnail: str | None


def write_index(rows: Sequence[Row], folder: Path) -> Path:
    """Write ``index.html`` into the folder of a cohort: one file that needs no network, the worst pairs on top.

    Args:
        rows: What came of the pairs, in any order.
        folder: The cohort's folder; reports and thumbnails are linked where they are there.

    Returns:
        The file.

    Raises:
        DataError: If it cannot be written.
    """
    return write_whole(folder / INDEX_NAME, _page(worst_first(rows), folder).encode())


def _page(rows: Sequence[Row], folder: Path) -> str:
    # a column that no pair has a figure for is left out
    shown = [column for column in _COLUMNS if any(getattr(row, column.name) is not None for row in rows)]
    unit = " or ".join(sorted({row.length_unit for row in rows} - {""})) or "mm"
    columns = [replace(column, title=column.title.format(unit=unit)) for column in shown]
    read = resources.files("sarnet.report").joinpath
    script = read("index.js").read_text(encoding="utf-8")
    # autoescape: ids and names of files are anybody's
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(read("index.html.j2").read_text(encoding="utf-8")).render(
        name=folder.resolve().name,
        version=__version__,
        columns=columns,
        lines=[_line(row, columns, folder) for row in rows[:_MOST_ROWS]],
        pairs=len(rows),
        numbers=_numbers(rows),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
    )


def _line(row: Row, columns: Sequence[_Column], folder: Path) -> _Line:
    def link(name: str) -> str | None:
        return f"{row.folder}/{name}" if row.folder and (folder / row.folder / name).is_file() else None

    cells = []
    for column in columns:
        value = getattr(row, column.name)
        shown = column.form.format(value) if facts.is_known(value) else ""
        cells.append(_Cell(text=shown, value=value, is_apart=column.name in row.outlier))
    return _Line(row=row, cells=cells, report=link(REPORT_NAME), thumbnail=link(THUMBNAIL_NAME))


def _numbers(rows: Sequence[Row]) -> list[facts.Number]:
    """What a cohort came to."""
    done = [row for row in rows if row.state == "done"]
    count: Callable[[str], int] = lambda state: sum(row.state == state for row in rows)  # noqa: E731
    numbers = [
        facts.Number(label="Registered", value=f"{len(done)} of {len(rows)}", note=_left(count("left"))),
        facts.Number(label="Failed", value=str(count("failed")), note="without a result; each says why"),
        facts.Number(label="Outliers", value=str(sum(bool(row.outlier) for row in rows)), note="a score above 3.5"),
    ]
    if done:
        before, after = (
            np.median([getattr(row, f"similarity_{when}") for row in done]) for when in ("before", "after")
        )
        numbers.append(facts.Number(label="Similarity", value=f"{before:.3f} → {after:.3f}", note="median"))
        dice = [(row.dice_before, row.dice) for row in done if row.dice_before is not None and row.dice is not None]
        if dice:
            start, end = np.mean(dice, axis=0)
            numbers.append(facts.Number(label="Dice", value=f"{start:.3f} → {end:.3f}", note="mean over the pairs"))
        seconds = [row.seconds for row in done if row.seconds is not None]
        numbers.append(
            facts.Number(label="Time", value=f"{np.median(seconds):.2f} s", note="of computing a pair, median")
        )
    return numbers


def _left(count: int) -> str:
    return f"{count} not yet" if count else "pairs"
