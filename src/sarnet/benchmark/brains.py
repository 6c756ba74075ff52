"""Brains with labels: slices with 22 structures, volumes with three tissues."""

import re
from functools import partial
from pathlib import Path
from typing import NamedTuple

from sarnet.benchmark.listed import listed_rows
from sarnet.benchmark.pair import Case, Pair, half, paired
from sarnet.config import BenchmarkSettings
from sarnet.errors import DataError
from sarnet.images import Image, read_image, read_labels
from sarnet.registration import Labels

STRUCTURES = {
    # those with more than 20 pixels in every subject
    "brain2d": (
        *(4, 10, 11, 12, 43, 49, 50, 51),
        *(1018, 1024, 1025, 1026, 1027, 1028, 1035),
        *(2008, 2018, 2020, 2024, 2025, 2026, 2035),
    ),
    # cerebrospinal fluid, grey and white matter
    "brain3d": (1, 2, 3),
}


class _Subject(NamedTuple):
    image: Path
    labels: Path


def brain_cases(settings: BenchmarkSettings) -> list[Case]:
    """Return the pairs of a folder with images/ and labels/, of the same names: subjects in numeric order.

    Of a CSV, such as a fold's, those that it has for tests, or all.

    Raises:
        DataError: If there are fewer than two subjects, one has no number, or one of the CSV has no labels.
    """
    is_list = settings.data.suffix == ".csv"
    found = _listed(settings) if is_list else _folder(settings.data)
    subjects = half(sorted(found, key=lambda subject: _number(subject.image)), settings.subjects)
    if len(subjects) < 2:
        wanted = f"images with split = {settings.split!r}" if is_list else "files images/*.nii.gz"
        raise DataError(
            f"data {settings.data} holds {len(found)} {wanted}, and subjects = {settings.subjects!r} takes "
            f"{len(subjects)} of them, but pairs need two at least"
        )
    structures = STRUCTURES[settings.protocol]
    assert settings.shifts != "visits"  # refused by the settings
    return [
        Case(name=f"{_number(fixed.image)}<-{_number(moving.image)}", load=partial(_load, fixed, moving, structures))
        for fixed, moving in paired(subjects, settings.shifts)
    ]


def _folder(data: Path) -> list[_Subject]:
    return [_Subject(image, data / "labels" / image.name) for image in (data / "images").glob("*.nii.gz")]


def _listed(settings: BenchmarkSettings) -> list[_Subject]:
    folder = settings.data.parent
    rows = listed_rows(settings.data, settings.split)
    return [_Subject(folder / row.image, folder / row.labels) for row in rows]


def _load(fixed: _Subject, moving: _Subject, structures: tuple[int, ...]) -> Pair:
    labels = Labels(fixed=_labels(fixed.labels, structures), moving=_labels(moving.labels, structures))
    images = read_image(fixed.image), read_image(moving.image)
    return Pair(fixed=images[0], moving=images[1], labels=labels, structures=structures)


def _labels(path: Path, structures: tuple[int, ...]) -> Image:
    labels = read_labels(path)
    missing = [label for label in structures if not (labels.array == label).any()]
    if missing:
        raise DataError(f"{path} has no label {missing}, but the protocol scores {list(structures)}")
    return labels


def _number(path: Path) -> int:
    """The last number in a file's name: TRT-20-3 comes before TRT-20-12."""
    numbers = re.findall(r"\d+", path.name)
    if not numbers:
        raise DataError(f"{path} has no number in its name, but subjects are taken in numeric order")
    return int(numbers[-1])
