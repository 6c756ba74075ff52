"""Tables as text: CSV and TSV, with the columns that are needed."""

import csv
import io
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from sarnet.errors import DataError

TableRow = dict[str, str]
"""A row by its columns; what a short row lacks is empty."""


def read_table(path: Path, columns: Sequence[str], *, delimiter: str = ",") -> list[TableRow]:
    """Read the rows of a table, which has the columns at least.

    Raises:
        DataError: If it cannot be read, lacks a column or has one twice, has no row, or one with cells of no column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets put a byte-order mark before it
            reader = csv.DictReader(file, restval="", delimiter=delimiter)
            named, rows = reader.fieldnames or [], list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a CSV: {error}") from error
    missing = [column for column in columns if column not in named]
    if missing:
        raise DataError(f"{path} has no column {missing}; wanted are {list(columns)}, it has {list(named)}")
    if not rows:
        raise DataError(f"{path} has no row")
    twice = sorted(name for name, count in Counter(named).items() if name and count > 1)
    if twice:
        raise DataError(f"{path} has two columns {twice[0]!r}: give each a name of its own")
    for number, row in enumerate(rows, start=2):
        beyond: Sequence[str] = row.pop(None, ())  # where csv keeps what has no column
        if any(cell.strip() for cell in beyond):
            raise DataError(
                f"{path}, row {number}, has more cells than the {len(named)} columns of the first row: a cell with a "
                "comma in it needs quotes"
            )
    return rows


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a finite number, as visits do that are in the order of numbers."""
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def as_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return the text of a CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
