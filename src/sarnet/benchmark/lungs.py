"""X-rays of different patients with the masks of their lungs."""

from functools import partial

from sarnet.benchmark.pair import Case, Pair, half, paired
from sarnet.config import BenchmarkSettings
from sarnet.datasets import Radiograph, load_images, load_masks, read_radiographs, split_by_patient
from sarnet.errors import DataError
from sarnet.images import Image
from sarnet.registration import Labels

LUNGS = 255

IMAGE_SIZE = 256
"""Pixels squared that every X-ray is stretched onto, as for training."""

_FRAGMENTS = ("CHNCXR_0603_1", "CHNCXR_0606_1")
"""Shenzhen's masks that cover a part of one lung alone: no pair has one of them."""


def lung_cases(settings: BenchmarkSettings) -> list[Case]:
    """Return the pairs of the test split, or of all images, in the CSV's order.

    Every image is stretched onto 256 x 256 pixels and normalised to [0, 1], its mask by nearest neighbour, as for
    training; a pixel counts as a millimetre.

    Raises:
        DataError: If the CSV cannot be used, or there are fewer than two images.
    """
    whole = [radiograph for radiograph in radiographs_of(settings) if radiograph.image.stem not in _FRAGMENTS]
    chosen = half(whole, settings.subjects)
    if len(chosen) < 2:
        raise DataError(f"data {settings.data} leaves {len(chosen)} X-rays, but pairs need two at least")
    return [
        Case(name=f"{fixed.image.stem}<-{moving.image.stem}", load=partial(_load, fixed, moving))
        for fixed, moving in paired(chosen, settings.shifts)
    ]


def radiographs_of(settings: BenchmarkSettings) -> tuple[Radiograph, ...]:
    """Return the test split by patient, or every image, as ``settings.split`` has it.

    Raises:
        DataError: If the CSV cannot be used.
    """
    radiographs = read_radiographs(settings.data, dataset=settings.dataset)
    return split_by_patient(radiographs, seed=settings.seed).test if settings.split == "test" else radiographs


def _load(fixed: Radiograph, moving: Radiograph) -> Pair:
    images = [Image.from_array(image[0].numpy()) for image in load_images((fixed, moving), size=IMAGE_SIZE)]
    masks = [Image.from_array(LUNGS * mask[0].byte().numpy()) for mask in load_masks((fixed, moving), size=IMAGE_SIZE)]
    labels = Labels(fixed=masks[0], moving=masks[1])
    return Pair(fixed=images[0], moving=images[1], labels=labels, structures=(LUNGS,))
