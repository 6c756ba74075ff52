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


class _Files(NamedTuple):
    image: Path
    labels: Path


class _Subject(NamedTuple):
    name: str
    files: _Files


def brain_cases(settings: BenchmarkSettings) -> list[Case]:
    """Return the pairs of a folder with images/ and labels/, of the same names: subjects in numeric order.

    Of a CSV, such as a fold's, those that it has for tests, or all. A subject is named by the last number in its
    file's name, or by the whole name, where numbers do not tell all subjects apart.

    Raises:
        DataError: If there are fewer than two subjects, or one of the CSV has no labels.
    """
    is_list = settings.data.suffix == ".csv"
    found = _listed(settings) if is_list else _folder(settings.data)
    subjects = half(_named(found), settings.subjects)
    if len(subjects) < 2:
        wanted = f"images with split = {settings.split!r}" if is_list else "files images/*.nii.gz"
        raise DataError(
            f"data {settings.data} holds {len(found)} {wanted}, and subjects = {settings.subjects!r} takes "
            f"{len(subjects)} of them, but pairs need two at least"
        )
    structures = STRUCTURES[settings.protocol]
    assert settings.shifts != "visits"  # refused by the settings
    return [
        Case(
            name=f"{fixed.name}<-{moving.name}",
            subjects=(fixed.name, moving.name),
            load=partial(_load, fixed, moving, structures),
        )
        for fixed, moving in paired(subjects, settings.shifts)
    ]


def _folder(data: Path) -> list[_Files]:
    return [_Files(image, data / "labels" / image.name) for image in (data / "images").glob("*.nii.gz")]


def _listed(settings: BenchmarkSettings) -> list[_Files]:
    folder = settings.data.parent
    rows = listed_rows(settings.data, settings.split)
    return [_Files(folder / row.image, folder / row.labels) for row in rows]


def _named(found: list[_Files]) -> list[_Subject]:
    """Subjects in order: TRT-20-3 is 3 and comes before TRT-20-12."""
    ordered = sorted(found, key=lambda files: _in_parts(files.image))
    last = [str(number) for files in ordered for number in _in_parts(files.image)[1::2][-1:]]
    is_told = len(set(last)) == len(ordered)
    names = last if is_told else [files.image.name.partition(".")[0] for files in ordered]
    return [_Subject(name, files) for name, files in zip(names, ordered, strict=True)]


def _in_parts(path: Path) -> list[str | int]:
    """A file's name in words and numbers: every second part is a number."""
    parts = re.split(r"(\d+)", path.name)
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def _load(fixed: _Subject, moving: _Subject, structures: tuple[int, ...]) -> Pair:
    labels = Labels(fixed=_labels(fixed.files.labels, structures), moving=_labels(moving.files.labels, structures))
    images = read_image(fixed.files.image), read_image(moving.files.image)
    return Pair(fixed=images[0], moving=images[1], labels=labels, structures=structures)


def _labels(path: Path, structures: tuple[int, ...]) -> Image:
    labels = read_labels(path)
    missing = [label for label in structures if not (labels.array == label).any()]
    if missing:
        raise DataError(f"{path} has no label {missing}, but the protocol scores {list(structures)}")
    return labels
