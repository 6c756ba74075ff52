"""X-rays of different patients, or of a patient's visits, with the masks of their lungs."""

from collections.abc import Sequence
from functools import partial

from sarnet.benchmark.pair import Case, Pair, half, paired
from sarnet.config import BenchmarkSettings
from sarnet.datasets import (
    Radiograph,
    later_visits,
    load_images,
    load_label_map,
    read_radiographs,
    split_by_patient,
)
from sarnet.errors import DataError
from sarnet.images import Image
from sarnet.registration import Labels

LUNGS, UNTOLD = 255, 127
"""Values of a mask: lungs, and what nobody could tell."""

IMAGE_SIZE = 256
"""Pixels squared that every X-ray is stretched onto, as for training."""

_FRAGMENTS = ("CHNCXR_0603_1", "CHNCXR_0606_1")
"""Shenzhen's masks that cover only a part of one lung: no lungs are scored by them."""


def lung_cases(settings: BenchmarkSettings) -> list[Case]:
    """Return the pairs of the test split, or of all images, in the CSV's order; or first (fixed) and later visits.

    Every image is stretched onto 256 x 256 pixels and normalised to [0, 1], its mask by nearest neighbour, as for
    training; a pixel counts as a millimetre.

    Raises:
        DataError: If the CSV cannot be used, or there are fewer than two images.
    """
    whole = radiographs_with_lungs(settings)
    persons = set(half(list(dict.fromkeys(radiograph.person for radiograph in whole)), settings.subjects))
    chosen = [radiograph for radiograph in whole if radiograph.person in persons]
    if len(chosen) < 2:
        raise DataError(f"data {settings.data} leaves {len(chosen)} X-rays, but pairs need two at least")
    if settings.shifts == "visits":
        pairs = _visits(chosen, settings)
    else:
        pairs = [(one, other) for one, other in paired(chosen, settings.shifts) if one.person != other.person]
    return [
        Case(
            name=f"{fixed.image.stem}<-{moving.image.stem}",
            subjects=("/".join(fixed.person), "/".join(moving.person)),
            load=partial(_load, fixed, moving),
        )
        for fixed, moving in pairs
    ]


def _visits(chosen: Sequence[Radiograph], settings: BenchmarkSettings) -> list[tuple[Radiograph, Radiograph]]:
    pairs = [(chosen[first], chosen[later]) for first, later in later_visits(tuple(chosen))]
    if not pairs:
        raise DataError(f"shifts is 'visits', but nobody among the {len(chosen)} X-rays of {settings.data} came twice")
    return pairs


def radiographs_of(settings: BenchmarkSettings) -> tuple[Radiograph, ...]:
    """Return the test split by patient, or every image, as ``settings.split`` has it.

    Raises:
        DataError: If the CSV cannot be used.
    """
    radiographs = read_radiographs(settings.data, dataset=settings.dataset)
    return split_by_patient(radiographs, seed=settings.split_seed).test if settings.split == "test" else radiographs


def radiographs_with_lungs(settings: BenchmarkSettings) -> tuple[Radiograph, ...]:
    """Return those whose masks show both lungs.

    Raises:
        DataError: If the CSV cannot be used, or an image has no mask.
    """
    radiographs = radiographs_of(settings)
    without = [radiograph for radiograph in radiographs if radiograph.mask is None]
    if without:
        raise DataError(
            f"{settings.data} has no mask for {without[0].image}, but lungs are scored by them: leave it out"
        )
    return tuple(radiograph for radiograph in radiographs if radiograph.image.stem not in _FRAGMENTS)


def _load(fixed: Radiograph, moving: Radiograph) -> Pair:
    images = [Image.from_array(image[0].numpy()) for image in load_images((fixed, moving), size=IMAGE_SIZE)]
    masks = [Image.from_array(load_label_map(each, size=IMAGE_SIZE)) for each in (fixed, moving)]
    labels = Labels(fixed=masks[0], moving=masks[1])
    return Pair(fixed=images[0], moving=images[1], labels=labels, structures=(LUNGS,), ignored=UNTOLD)
