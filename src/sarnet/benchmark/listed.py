"""Images with labels that a CSV lists, such as prepared data's or a fold's."""

from pathlib import Path
from typing import Literal

from sarnet.curation import ManifestRow, read_manifest
from sarnet.errors import DataError


def listed_rows(path: Path, split: Literal["test", "all"]) -> list[ManifestRow]:
    """Return the rows of one part of a CSV, or all of them.

    Args:
        path: The CSV; it has the columns image, dataset, patient and visit, and labels.
        split: ``"test"`` takes rows whose column split says so.

    Raises:
        DataError: If the file cannot be read, no row is left, or one has no labels.
    """
    rows = [row for row in read_manifest(path) if split in ("all", row.split)]
    if not rows:
        raise DataError(f"{path} has no image with split = {split!r}: divide it, or give split = 'all'")
    missing = [row.image for row in rows if not row.labels]
    if missing:
        raise DataError(f"{path} has no labels for {missing[0]}, but the protocol scores them")
    return rows
