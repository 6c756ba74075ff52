"""Masks of lungs out of the generator's feature maps, beside those of a U-Net (Fig. 2)."""

import hashlib
import time
from collections.abc import Callable, Collection, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sarnet import __version__
from sarnet.benchmark.code import code_hash
from sarnet.benchmark.hardware import hardware
from sarnet.benchmark.lungs import IMAGE_SIZE, LUNGS, UNTOLD, radiographs_with_lungs
from sarnet.benchmark.plan import Plan
from sarnet.benchmark.row import Row, RowKey, settings_hash
from sarnet.config import BenchmarkSettings
from sarnet.datasets import Radiograph, load_images, load_label_map
from sarnet.errors import InputError
from sarnet.metrics import mask_dice
from sarnet.networks import Generator, hard_mask, load_generator, load_unet, predicted_mask
from sarnet.registration import torch_threads


class _Segmenter(NamedTuple):
    """A way to a mask."""

    name: str
    segment: Callable[[Tensor, Tensor], Tensor]
    """From an image and another that it is paired with to the mask of the first."""
    settings: dict[str, Any]
    model: str
    """Name of the weights."""


def plan_masks(settings: BenchmarkSettings) -> Plan:
    """Plan the mask of every image of the test split, or of all images, by each way.

    The generator sees pairs, so each image is paired with the next: its mask as the fixed image of the pair is one
    way, as the moving one another. The U-Net, where ``settings.unet`` names one, sees it alone.

    Raises:
        DataError: If images or masks cannot be read.
        InputError: If the generator gives no masks.
        WeightsError: If a network cannot be loaded.
    """
    everyone = radiographs_with_lungs(settings)
    others = (everyone[1:] + everyone[:1])[: settings.most_pairs]
    chosen = everyone[: settings.most_pairs]
    segmenters = _segmenters(settings)
    keys = tuple(_key(each, segmenter, settings) for each in chosen for segmenter in segmenters)
    return Plan(keys=keys, measure=partial(_measure, chosen, others, segmenters, settings))


def _segmenters(settings: BenchmarkSettings) -> list[_Segmenter]:
    loaded = load_generator(settings.registration.model)
    if not loaded.generator.settings.segments:
        raise InputError(f"registration.model is {loaded.name}, which segments nothing: name weights that make masks")
    told = {"weights_sha256": loaded.sha256}
    found = [
        _Segmenter("feature-maps", partial(_of_fixed, loaded.generator), told, loaded.name),
        _Segmenter("feature-maps-moving", partial(_of_moving, loaded.generator), told, loaded.name),
    ]
    if settings.unet is not None:
        network = load_unet(settings.unet)
        found.append(
            _Segmenter(
                "unet", lambda image, _: predicted_mask(network, image), _told(settings.unet), settings.unet.stem
            )
        )
    return found


def _told(weights: Path) -> dict[str, str]:
    """What tells a file of weights from others of its name."""
    return {"weights_sha256": hashlib.sha256(weights.read_bytes()).hexdigest()}


def _of_fixed(generator: Generator, image: Tensor, other: Tensor) -> Tensor:
    return hard_mask(generator.fused_maps(generator.features(image, other)).fixed)


def _of_moving(generator: Generator, image: Tensor, other: Tensor) -> Tensor:
    return hard_mask(generator.fused_maps(generator.features(other, image)).moving)


def _key(radiograph: Radiograph, segmenter: _Segmenter, settings: BenchmarkSettings) -> RowKey:
    told = settings_hash(_settings(segmenter, settings))
    return RowKey(settings.protocol, radiograph.image.stem, segmenter.name, told)


def _settings(segmenter: _Segmenter, settings: BenchmarkSettings) -> dict[str, Any]:
    own = {"threads": settings.registration.threads_used, **segmenter.settings}
    return {**settings.model_dump(mode="json", include={"dataset", "split", "split_seed"}), **own}


def _measure(
    chosen: tuple[Radiograph, ...],
    others: tuple[Radiograph, ...],
    segmenters: list[_Segmenter],
    settings: BenchmarkSettings,
    done: Collection[RowKey],
) -> Iterator[Row]:
    images = load_images(chosen, size=IMAGE_SIZE)
    partners = load_images(others, size=IMAGE_SIZE)
    for place, radiograph in enumerate(chosen):
        for segmenter in segmenters:
            key = _key(radiograph, segmenter, settings)
            if key not in done:
                yield _row(key, radiograph, (images[place, None], partners[place, None]), segmenter, settings)


def _row(
    key: RowKey,
    radiograph: Radiograph,
    pair: tuple[Tensor, Tensor],
    segmenter: _Segmenter,
    settings: BenchmarkSettings,
) -> Row:
    with torch_threads(settings.registration.threads_used), torch.inference_mode():
        begin = time.perf_counter()
        mask = segmenter.segment(*pair)
        seconds = time.perf_counter() - begin
    drawn = torch.from_numpy(load_label_map(radiograph, size=IMAGE_SIZE))
    told = drawn != UNTOLD
    person = "/".join(radiograph.person)
    return Row(
        **key._asdict(),
        subjects=(person, person),
        model=segmenter.model,
        settings=_settings(segmenter, settings),
        version=__version__,
        code=code_hash(),
        seed=None,
        hardware=hardware(),
        seconds=seconds,
        dice=mask_dice((drawn == LUNGS) & told, (mask[0, 0] > 0) & told),
    )
