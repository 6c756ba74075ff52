"""Tables of pairs and of images: CSV files, their columns checked by name, paths relative to their folder."""

import csv
import difflib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sarnet.cohort.image import CohortImage
from sarnet.cohort.pair import CohortPair, folder_of
from sarnet.cohort.summary import SUMMARY_COLUMNS
from sarnet.curation import stem
from sarnet.errors import DataError, InputError
from sarnet.registration import Inputs, PairFiles

_PAIR_COLUMNS = ("id", *Inputs.model_fields)
_IMAGE_COLUMNS = ("id", "image", "patient", "visit", "mask", "labels")
_OF_THE_ROW = ("id", "image", "mask", "labels")
"""Columns of images that the summary has by other names; patient and visit it has not."""
_SIMILAR = 0.8
"""From this likeness on, an unknown column is taken for a misspelt one; any other is carried into the summary."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A CSV file as it was read."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]

    @property
    def has_pairs(self) -> bool:
        """Whether it lists pairs, and not images."""
        return "fixed" in self.columns or "moving" in self.columns


def read_table(path: Path) -> Table:
    """Read a CSV file with a row of names first; blanks around names and cells do not count.

    Raises:
        DataError: If it cannot be read or has no row.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets put a byte-order mark before it
            reader = csv.DictReader(file, restval="")
            columns = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a CSV: {error}") from error
    if not rows:
        raise DataError(f"{path} has no row below its names of columns")
    twice = sorted(name for name, count in Counter(columns).items() if name and count > 1)
    if twice:
        raise DataError(f"{path} has two columns {twice[0]!r}: give each a name of its own")
    if any(None in row for row in rows):
        number = next(index for index, row in enumerate(rows, start=2) if None in row)
        raise DataError(f"{path}, row {number}, has more cells than the {len(columns)} columns of the first row")
    stripped = tuple({name: cell.strip() for name, cell in row.items()} for row in rows)
    return Table(path=path.absolute(), columns=tuple(columns), rows=stripped)  # workers stand elsewhere


def pairs_of(table: Table, *, spacing: tuple[float, ...] | None = None) -> list[CohortPair]:
    """Make a pair of every row with the columns fixed and moving, and id and any other file of a pair where there is.

    Without an id, a pair is called after its two files.

    Raises:
        DataError: If a column is missing or misspelt, or a row lacks a file.
    """
    _check(table, wanted=("fixed", "moving"), known=_PAIR_COLUMNS)
    pairs = []
    for number, row in enumerate(table.rows, start=2):
        paths: dict[str, Any] = {name: table.path.parent / row[name] for name in Inputs.model_fields if row.get(name)}
        missing = [name for name in ("fixed", "moving") if name not in paths]
        if missing:
            raise DataError(f"{table.path}, row {number}, has no {' and no '.join(missing)} image")
        try:
            files = PairFiles(**paths, spacing=spacing)
        except InputError as error:
            raise DataError(f"{table.path}, row {number}: {error}") from error
        id_ = row.get("id") or f"{stem(files.moving)}-to-{stem(files.fixed)}"
        extra = {name: row[name] for name in table.columns if name not in _PAIR_COLUMNS}
        pairs.append(CohortPair(id=id_, files=files, folder=folder_of(id_), extra=extra))
    return pairs


def images_of(table: Table, *, spacing: tuple[float, ...] | None = None) -> list[CohortImage]:
    """Make an image of every row with the column image, and id, patient, visit, mask and labels where there are any.

    Without an id, an image is called after its patient and visit, or else after its file.

    Raises:
        DataError: If a column is missing or misspelt, or a row lacks its image.
    """
    _check(table, wanted=("image",), known=_IMAGE_COLUMNS)
    images = []
    for number, row in enumerate(table.rows, start=2):
        if not row["image"]:
            raise DataError(f"{table.path}, row {number}, has no image")
        path = table.path.parent / row["image"]
        patient, visit = row.get("patient", ""), row.get("visit", "")
        id_ = row.get("id") or (f"{patient}_{visit}" if patient and visit else stem(path))
        images.append(
            CohortImage(
                id=id_,
                image=path,
                patient=patient,
                visit=visit,
                mask=table.path.parent / row["mask"] if row.get("mask") else None,
                labels=table.path.parent / row["labels"] if row.get("labels") else None,
                spacing=spacing,
                folder=folder_of(id_),
                extra={name: row[name] for name in table.columns if name not in _OF_THE_ROW},
            )
        )
    return images


def _check(table: Table, *, wanted: Collection[str], known: Collection[str]) -> None:
    missing = [name for name in wanted if name not in table.columns]
    if missing:
        raise DataError(
            f"{table.path} has no column {' and no '.join(missing)}; wanted are fixed and moving, or image (with "
            f"patient and visit), but its columns are {', '.join(table.columns)}"
        )
    taken = [name for name in table.columns if name in SUMMARY_COLUMNS and name not in known]
    if taken:
        raise DataError(f"{table.path} has a column {taken[0]!r}, which the summary has of its own: rename it")
    for name in table.columns:
        near = difflib.get_close_matches(name, known, n=1, cutoff=_SIMILAR)
        if name not in known and near:
            raise DataError(f"{table.path} has a column {name!r}; did you mean {near[0]!r}?")
