"""Brain slices with labels: every subject registered to another, scored by the overlap of 22 structures."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sarnet.benchmark.row import Row
from sarnet.config import BenchmarkSettings
from sarnet.errors import DataError
from sarnet.images import Image, read_image, read_labels
from sarnet.networks import load_generator
from sarnet.registration import Labels, register

# those with more than 20 pixels in every subject
LABELS = (
    *(4, 10, 11, 12, 43, 49, 50, 51),
    *(1018, 1024, 1025, 1026, 1027, 1028, 1035),
    *(2008, 2018, 2020, 2024, 2025, 2026, 2035),
)


def brain2d_pairs(settings: BenchmarkSettings) -> list[tuple[str, Path, Path]]:
    """Return name, fixed and moving image of every pair: subjects in numeric order, fixed i, moving i + shift.

    Raises:
        DataError: If the folder holds fewer than two images.
    """
    images = sorted((settings.data / "images").glob("*.nii.gz"), key=_number)
    if len(images) < 2:
        raise DataError(f"data {settings.data} holds {len(images)} files images/*.nii.gz, but pairs need two at least")
    pairs = []
    for shift in settings.shifts:
        for index, fixed in enumerate(images):
            moving = images[(index + shift) % len(images)]
            pairs.append((f"{_number(fixed)}<-{_number(moving)}", fixed, moving))
    return pairs


def measure_brain2d(settings: BenchmarkSettings) -> Iterator[Row]:
    """Register every pair and yield its row; the first is registered once more beforehand, to warm up."""
    pairs = brain2d_pairs(settings)
    loaded = load_generator(settings.registration.model)
    for index, (name, fixed_path, moving_path) in enumerate([pairs[0], *pairs]):
        fixed, moving = read_image(fixed_path), read_image(moving_path)
        labels = Labels(fixed=_labels(fixed_path), moving=_labels(moving_path))
        record = register(fixed, moving, settings.registration, labels=labels, loaded=loaded).record
        if index == 0:
            continue
        yield Row(
            protocol=settings.protocol,
            pair=name,
            model=record.model or "",
            adapt=record.adapt,
            version=record.version,
            seconds=record.seconds,
            seconds_by_stage=record.seconds_by_stage,
            iterations=record.iterations,
            folding_percent=record.folding_percent,
            dice_before=_mean(record.dice_before, name),
            dice=_mean(record.dice, name),
        )


def _mean(overlap: dict[str, float | None], pair: str) -> float:
    found = [value for label in LABELS if (value := overlap.get(str(label))) is not None]
    if len(found) < len(LABELS):
        missing = [label for label in LABELS if overlap.get(str(label)) is None]
        raise DataError(f"pair {pair}: neither image has the labels {missing}, but the protocol scores {LABELS}")
    return float(np.mean(found))


def _labels(image: Path) -> Image:
    return read_labels(image.parent.parent / "labels" / image.name)


def _number(path: Path) -> int:
    """The last number in a file's name: TRT-20-3 comes before TRT-20-12."""
    numbers = re.findall(r"\d+", path.name)
    if not numbers:
        raise DataError(f"{path} has no number in its name, but subjects are taken in numeric order")
    return int(numbers[-1])
