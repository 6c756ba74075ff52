"""Brains with labels: slices with 22 structures, volumes with three tissues."""

import re
from functools import partial
from pathlib import Path

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


def brain_cases(settings: BenchmarkSettings) -> list[Case]:
    """Return the pairs of a folder with images/ and labels/, of the same names: subjects in numeric order.

    Raises:
        DataError: If there are fewer than two subjects, or one has no number.
    """
    found = sorted((settings.data / "images").glob("*.nii.gz"), key=_number)
    images = half(found, settings.subjects)
    if len(images) < 2:
        raise DataError(
            f"data {settings.data} holds {len(found)} files images/*.nii.gz, and subjects = {settings.subjects!r} "
            f"takes {len(images)} of them, but pairs need two at least"
        )
    structures = STRUCTURES[settings.protocol]
    return [
        Case(name=f"{_number(fixed)}<-{_number(moving)}", load=partial(_load, fixed, moving, structures))
        for fixed, moving in paired(images, settings.shifts)
    ]


def _load(fixed: Path, moving: Path, structures: tuple[int, ...]) -> Pair:
    labels = Labels(fixed=_labels(fixed, structures), moving=_labels(moving, structures))
    return Pair(fixed=read_image(fixed), moving=read_image(moving), labels=labels, structures=structures)


def _labels(image: Path, structures: tuple[int, ...]) -> Image:
    path = image.parent.parent / "labels" / image.name
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
