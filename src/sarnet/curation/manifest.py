"""The one layout of prepared data: ``manifest.csv``, a row an image, with the images beside it.

::

    manifest.csv        image, mask, labels, dataset, patient, visit, group, split, size, spacing_mm, mask_by, ...
    images/ masks/ labels/
    left-out.csv        what is not in it, and why
    provenance.jsonl    a line an image: every source file with size, time and hash, every file written
    prepared.json       source, settings, versions, counts

Masks are 255 inside and 0 outside. Paths are relative to the CSV. Training and benchmarks read the manifest as they
read any CSV with the columns image, mask, dataset, patient and visit.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from sarnet.curation.tables import as_table, read_table
from sarnet.images import write_whole

MANIFEST = "manifest.csv"


class ManifestRow(NamedTuple):
    """An image of prepared data, as the CSV has it: text, empty where nothing is known."""

    image: str
    mask: str
    labels: str
    dataset: str
    patient: str
    visit: str
    group: str
    split: str
    size: str
    """Voxels along x, y[, z], with blanks between."""
    spacing_mm: str
    """Along x, y[, z], with blanks between; empty where nobody knows."""
    mask_by: str
    """``manual``, or the model that drew it and its hash."""
    source: str
    """The image's file in the archive."""
    source_sha256: str
    notes: str

    @property
    def person(self) -> tuple[str, str]:
        """Data set and patient: who it is."""
        return self.dataset, self.patient


def read_manifest(path: Path) -> tuple[ManifestRow, ...]:
    """Read a manifest, or any CSV with the columns image, dataset, patient and visit: what it lacks is empty.

    Args:
        path: The CSV, or the folder of prepared data.

    Raises:
        DataError: If it cannot be read, or lacks a column or every row.
    """
    rows = read_table(manifest_of(path), ("image", "dataset", "patient", "visit"))
    return tuple(ManifestRow(*(row.get(column) or "" for column in ManifestRow._fields)) for row in rows)


def manifest_of(path: Path) -> Path:
    """Return the CSV of prepared data, whose folder may be named, too."""
    return path / MANIFEST if path.is_dir() else path


def folds_beside(folder: Path) -> list[Path]:
    """Return the folds in a folder of prepared data: ``fold-1.csv`` and so on."""
    return sorted(path for path in folder.glob("fold-*.csv") if re.fullmatch(r"fold-\d+\.csv", path.name))


def write_manifest(path: Path, rows: Sequence[ManifestRow]) -> None:
    """Write a manifest, whole or not at all.

    Raises:
        DataError: If it cannot be written.
    """
    write_whole(path, as_table(ManifestRow._fields, rows).encode())
