"""Chest X-rays with the masks of their lungs, and a split of them by patient."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Integer
from torch import Tensor

from sarnet.curation import is_number, manifest_of, read_table, split_patients
from sarnet.curation.splits import PARTS, given_parts
from sarnet.errors import DataError, InputError
from sarnet.images import Grid, Image, normalise, read_image, read_labels, resample
from sarnet.types import Interpolation

_INSIDE = 255
"""What a mask holds where the lungs are."""

_COLUMNS = ("image", "mask", "dataset", "patient", "visit")


@dataclass(frozen=True, kw_only=True)
class Radiograph:
    """One row of the CSV: where an image and its mask lie, and whose they are."""

    image: Path
    mask: Path | None
    """Nothing where the CSV names none."""
    dataset: str
    patient: str
    visit: str
    part: str = ""
    """Which part of the split it belongs to, where the CSV says so."""

    @property
    def person(self) -> tuple[str, str]:
        """Data set and patient: who it is."""
        return self.dataset, self.patient


class Original(NamedTuple):
    """Images with their masks, as they were read."""

    image: Float[Tensor, "batch 1 y x"]
    """In [0, 1]."""
    mask: Float[Tensor, "batch 1 y x"]
    """Zero or one; zero everywhere where an image has none."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """Radiographs in three parts that share no patient."""

    train: tuple[Radiograph, ...]
    validation: tuple[Radiograph, ...]
    test: tuple[Radiograph, ...]

    @property
    def fingerprint(self) -> str:
        """Hash of patients, visits and file names in each part; the same in whatever folder the files lie."""
        parts = (self.train, self.validation, self.test)
        named = [
            [(*each.person, each.visit, each.image.name, each.mask and each.mask.name) for each in part]
            for part in parts
        ]
        return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:16]


def read_radiographs(visits: Path, *, dataset: str | None = None) -> tuple[Radiograph, ...]:
    """Read the rows of a CSV with the columns image, mask, dataset, patient and visit, and split where there is one.

    Args:
        visits: The CSV, or the folder of prepared data whose manifest it is; paths in it are relative to its folder.
        dataset: Only rows of this data set.

    Returns:
        The radiographs in the CSV's order.

    Raises:
        DataError: If the file cannot be read, a column is missing, or no row is left.
    """
    visits = manifest_of(visits)
    every_row = read_table(visits, _COLUMNS)
    rows = [row for row in every_row if dataset in (None, row["dataset"])]
    if not rows:
        there = sorted({row["dataset"] for row in every_row})
        raise DataError(f"{visits} has no row of the data set {dataset!r}, but of {there}: name one of them as dataset")
    empty = [number for number, row in enumerate(every_row, 2) if not row["image"]]
    if empty:
        raise DataError(f"{visits} names no image in line {empty[0]}: give the path, or take the line out")
    folder = visits.parent
    return tuple(
        Radiograph(
            image=folder / row["image"],
            mask=folder / row["mask"] if row["mask"] else None,
            dataset=row["dataset"],
            patient=row["patient"],
            visit=row["visit"],
            part=row.get("split", ""),
        )
        for row in rows
    )


def split_by_patient(
    radiographs: tuple[Radiograph, ...], *, seed: int, shares: tuple[float, float] = (0.7, 0.1)
) -> Split:
    """Split into training, validation and test images, a patient of a data set in one of them only.

    Where the CSV has a column split (train, validation or test), it is taken as it stands.

    Args:
        radiographs: All images.
        seed: Of the order that the patients are drawn in; the same seed gives the same split on every machine.
        shares: Shares of the patients in training and validation; the rest is for tests. The paper's: 70 %, 10 %, 20 %.

    Raises:
        InputError: If the shares leave nothing for tests, there are fewer patients than parts, or a split that the CSV
            gives has an image of no part, a part without images, or a patient in two parts.
    """
    if any(radiograph.part for radiograph in radiographs):
        return _given_split(radiographs)
    persons = {radiograph.person: "" for radiograph in radiographs}
    return _parted(radiographs, split_patients(persons, seed=seed, shares=shares))


def _given_split(radiographs: tuple[Radiograph, ...]) -> Split:
    part_of = given_parts((radiograph.person, radiograph.part, radiograph.image) for radiograph in radiographs)
    missing = [part for part in PARTS if part not in part_of.values()]
    if missing:
        raise InputError(f"the CSV's column split has no image for {missing}, but each part needs one")
    return _parted(radiographs, part_of)


def _parted(radiographs: tuple[Radiograph, ...], part_of: dict[tuple[str, str], str]) -> Split:
    parts: dict[str, list[Radiograph]] = {part: [] for part in PARTS}
    for radiograph in radiographs:
        parts[part_of[radiograph.person]].append(radiograph)
    return Split(**{name: tuple(rows) for name, rows in parts.items()})


def later_visits(radiographs: tuple[Radiograph, ...]) -> tuple[tuple[int, int], ...]:
    """Return the places of each patient's first visit and of a later one, for every later one.

    Visits are ordered as numbers where all that their data set states are numbers, else as text; images that state none
    are left out; of several images of one visit the first in the list counts.
    """
    in_words = {each.dataset for each in radiographs if each.visit and not is_number(each.visit)}
    by_patient: dict[tuple[str, str], dict[float | str, int]] = {}
    for place, radiograph in enumerate(radiographs):
        if not radiograph.visit:
            continue
        visit: float | str = radiograph.visit if radiograph.dataset in in_words else float(radiograph.visit)
        by_patient.setdefault(radiograph.person, {}).setdefault(visit, place)
    pairs = []
    for visits in by_patient.values():
        first, *later = (visits[visit] for visit in sorted(visits))
        pairs += [(first, place) for place in later]
    return tuple(pairs)


def check_masks(radiographs: tuple[Radiograph, ...]) -> None:
    """Refuse images without a mask, where the masks are what is learned from.

    Raises:
        DataError: If there is one.
    """
    without = [radiograph for radiograph in radiographs if radiograph.mask is None]
    if without:
        raise DataError(
            f"{len(without)} of {len(radiographs)} images have no mask, {without[0].image} the first, but the mask "
            "terms learn from them: 'sarnet data prepare --set mask_model=sarnet-cxr' draws them, or set the terms to 0"
        )


def load_originals(radiographs: tuple[Radiograph, ...], *, size: int) -> Original:
    """Read images and masks, each resampled to ``size`` pixels squared.

    Raises:
        DataError: If a file cannot be read, a mask has another size than its image, or shows nothing.
    """
    read = [_original(radiograph, size) for radiograph in radiographs]
    return Original(*(torch.from_numpy(np.stack(arrays))[:, None] for arrays in zip(*read, strict=True)))


def load_images(radiographs: tuple[Radiograph, ...], *, size: int) -> Float[Tensor, "image 1 y x"]:
    """Read the images, each resampled to ``size`` pixels squared and normalised to [0, 1].

    Raises:
        DataError: If one cannot be read, is a volume, shows nothing, or holds a value that is not finite.
    """
    return torch.from_numpy(np.stack([_normalised(_plane(each.image), size) for each in radiographs]))[:, None]


def load_masks(radiographs: tuple[Radiograph, ...], *, size: int) -> Float[Tensor, "image 1 y x"]:
    """Read the masks (255 is inside), each resampled to ``size`` pixels squared, as 0 and 1; 0 where there is none."""
    inside = [load_label_map(r, size=size) == _INSIDE for r in radiographs]
    return torch.from_numpy(np.stack(inside).astype(np.float32))[:, None]


def load_label_map(radiograph: Radiograph, *, size: int) -> Integer[np.ndarray, "y x"]:
    """Read a mask with every value it has, resampled to ``size`` pixels squared; 0 where there is none."""
    if radiograph.mask is None:
        return np.zeros((size, size), np.uint8)
    return _squared(read_labels(radiograph.mask), size, "nearest").array


def _original(radiograph: Radiograph, size: int) -> tuple[np.ndarray, np.ndarray]:
    """An image and its mask, 0 and 1, of one row: each file is read once."""
    image = _plane(radiograph.image)
    if radiograph.mask is None:
        return _normalised(image, size), np.zeros((size, size), np.float32)
    mask = read_labels(radiograph.mask)
    if mask.grid.size != image.grid.size:
        raise DataError(
            f"mask {radiograph.mask} has size {mask.grid.size}, but its image {radiograph.image} has "
            f"{image.grid.size}: give the mask of that image"
        )
    if not (mask.array == _INSIDE).any():
        raise DataError(f"mask {radiograph.mask} has no voxel of {_INSIDE}, but must show the lungs: leave it out")
    inside = _squared(mask, size, "nearest").array == _INSIDE
    return _normalised(image, size), inside.astype(np.float32)


def _normalised(image: Image, size: int) -> np.ndarray:
    return normalise(_squared(image, size, "linear").array)


def _plane(path: Path) -> Image:
    image = read_image(path)
    if image.grid.dimension != 2:
        raise DataError(f"{path} is a volume, but images of two axes are trained on: prepare slices of it")
    if not np.isfinite(image.array).all():
        raise DataError(
            f"{path} holds NaN or infinity, but every pixel must have a value: leave the image out, or fill it"
        )
    if image.array.min() == image.array.max():
        raise DataError(f"{path} is {image.array.min():g} everywhere, but must show something: leave the image out")
    return image


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
