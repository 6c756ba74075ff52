"""Landmarks of a pair in a file."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from sarnet.errors import DataError


class LandmarkPairs(NamedTuple):
    """Landmarks of both images, row by row the same place of the body; LPS millimetres, x first."""

    fixed: Float[np.ndarray, "point axis"]
    moving: Float[np.ndarray, "point axis"]


def read_landmarks(path: Path, *, axes: int) -> LandmarkPairs:
    """Read a CSV with the columns fixed_x, fixed_y[, fixed_z], moving_x, moving_y[, moving_z]; others are passed over.

    Args:
        path: The file.
        axes: How many coordinates are wanted.

    Raises:
        DataError: If it cannot be read, a column is missing, a cell is no number, or there is no row.
    """
    names = [[f"{image}_{axis}" for axis in "xyz"[:axes]] for image in ("fixed", "moving")]
    wanted = [name for columns in names for name in columns]
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"guide-points {path} cannot be read: {error}") from error
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise DataError(f"guide-points {path} has no column {missing[0]!r}, but needs {', '.join(wanted)}")
    try:
        points = [np.array([[float(row[name]) for name in of_image] for row in rows]) for of_image in names]
    except (TypeError, ValueError) as error:
        raise DataError(f"guide-points {path} holds a cell that is no number: {error}") from error
    if not rows:
        raise DataError(f"guide-points {path} has no row, but needs a landmark at least")
    return LandmarkPairs(*points)
