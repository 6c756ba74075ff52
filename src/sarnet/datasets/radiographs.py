"""Chest X-rays with the masks of their lungs, and a split of them by patient."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.errors import DataError, InputError
from sarnet.images import Grid, Image, normalise, read_image, read_labels, resample
from sarnet.types import Interpolation

_COLUMNS = ("image", "mask", "dataset", "patient", "visit")


@dataclass(frozen=True, kw_only=True)
class Radiograph:
    """One row of the CSV: where an image and its mask lie, and whose they are."""

    image: Path
    mask: Path
    dataset: str
    patient: str
    visit: str


@dataclass(frozen=True, kw_only=True)
class Split:
    """Radiographs in three parts that share no patient."""

    train: tuple[Radiograph, ...]
    validation: tuple[Radiograph, ...]
    test: tuple[Radiograph, ...]


def read_radiographs(visits: Path, *, dataset: str | None = None) -> tuple[Radiograph, ...]:
    """Read the rows of a CSV with the columns image, mask, dataset, patient and visit.

    Args:
        visits: The CSV; paths in it are relative to its folder.
        dataset: Only rows of this data set.

    Returns:
        The radiographs in the CSV's order.

    Raises:
        DataError: If the file cannot be read, a column is missing, or no row is left.
    """
    try:
        with visits.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets put a mark of order before it
            reader = csv.DictReader(file, restval="")
            columns, every_row = reader.fieldnames or [], list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{visits} cannot be read as a CSV: {error}") from error
    missing = [column for column in _COLUMNS if column not in columns]
    if missing:
        raise DataError(f"{visits} has no column {missing}; wanted are {list(_COLUMNS)}")
    rows = [row for row in every_row if dataset in (None, row["dataset"])]
    if not rows:
        raise DataError(f"{visits} has no row" + (f" of the data set {dataset!r}" if dataset else ""))
    folder = visits.parent
    return tuple(
        Radiograph(
            image=folder / row["image"],
            mask=folder / row["mask"],
            dataset=row["dataset"],
            patient=row["patient"],
            visit=row["visit"],
        )
        for row in rows
    )


def split_by_patient(
    radiographs: tuple[Radiograph, ...], *, seed: int, shares: tuple[float, float] = (0.7, 0.1)
) -> Split:
    """Split into training, validation and test images, a patient in one of them only.

    Args:
        radiographs: All images.
        seed: Of the order that the patients are drawn in; the same seed gives the same split on every machine.
        shares: Shares of the patients in training and validation; the rest is for tests. The paper's: 70 %, 10 %, 20 %.

    Raises:
        InputError: If the shares leave nothing for tests, or there are fewer patients than parts.
    """
    if min(shares) <= 0 or sum(shares) >= 1:
        raise InputError(f"shares are {shares}, but must be positive and leave something for tests")
    patients = sorted({radiograph.patient for radiograph in radiographs})
    if len(patients) < 3:
        raise InputError(f"radiographs come from {len(patients)} patients, but a split needs three at least")
    order = np.random.default_rng(seed).permutation(len(patients))
    first, second = (max(1, round(share * len(patients))) for share in shares)
    first = min(first, len(patients) - 2)  # of few patients, one is left for each of the other parts
    second = min(second, len(patients) - first - 1)
    part_of = {
        patients[index]: "train" if place < first else "validation" if place < first + second else "test"
        for place, index in enumerate(order)
    }
    parts: dict[str, list[Radiograph]] = {"train": [], "validation": [], "test": []}
    for radiograph in radiographs:
        parts[part_of[radiograph.patient]].append(radiograph)
    return Split(**{name: tuple(rows) for name, rows in parts.items()})


def load_images(radiographs: tuple[Radiograph, ...], *, size: int) -> Float[Tensor, "image 1 y x"]:
    """Read the images, each resampled to ``size`` pixels squared and normalised to [0, 1]."""
    arrays = [normalise(_squared(read_image(r.image), size, "linear").array) for r in radiographs]
    return torch.from_numpy(np.stack(arrays))[:, None]


def load_masks(radiographs: tuple[Radiograph, ...], *, size: int) -> Float[Tensor, "image 1 y x"]:
    """Read the masks (255 is lung), each resampled to ``size`` pixels squared, as 0 and 1."""
    arrays = [_squared(read_labels(r.mask), size, "nearest").array == 255 for r in radiographs]
    return torch.from_numpy(np.stack(arrays).astype(np.float32))[:, None]


def _squared(image: Image, size: int, interpolation: Interpolation) -> Image:
    """Stretch an image onto ``size`` pixels squared; edges stay edges."""
    old = np.array(image.grid.size)
    spacing = old / size
    grid = Grid(
        size=(size, size),
        spacing=tuple(spacing.tolist()),
        origin=tuple((spacing / 2 - 0.5).tolist()),
        direction=(1.0, 0.0, 0.0, 1.0),
    )
    flat = Image.from_array(image.array)
    return resample(flat, grid, interpolation=interpolation)
