"""X-rays of the test split, deformed by known fields: how much of each field comes back."""

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool
from torch import Tensor

from sarnet import __version__
from sarnet.benchmark.code import code_hash
from sarnet.benchmark.hardware import hardware
from sarnet.benchmark.lungs import IMAGE_SIZE, radiographs_of
from sarnet.benchmark.plan import Plan
from sarnet.benchmark.row import Row, RowKey, settings_hash
from sarnet.config import BenchmarkSettings
from sarnet.datasets import Radiograph, SimulatedPair, load_images, load_masks, simulate_pair
from sarnet.fields import compose, warp
from sarnet.images import foreground
from sarnet.metrics import folding_percent, inverse_consistency_voxels, mask_dice
from sarnet.networks import LoadedGenerator, load_generator
from sarnet.registration import torch_threads

_METHOD = "sarnet"


def plan_simulated(settings: BenchmarkSettings) -> Plan:
    """Plan a forward pass of the network on one pair an image.

    Masks are warped linearly, both ways, and cut at one half; times are of the forward pass alone, after a warm-up.
    Inverse consistency is that of this pass and of another with the images exchanged, in the body where a constant
    background surrounds it.

    Raises:
        DataError: If the images are not there.
        WeightsError: If the network cannot be loaded.
    """
    test = radiographs_of(settings.model_copy(update={"split": "test"}))[: settings.most_pairs]
    loaded = load_generator(settings.registration.model)
    told = _settings(settings, loaded)
    keys = tuple(RowKey(settings.protocol, each.image.stem, _METHOD, settings_hash(told)) for each in test)
    return Plan(keys=keys, measure=partial(_measure, test, keys, loaded, settings))


def _settings(settings: BenchmarkSettings, loaded: LoadedGenerator) -> dict[str, Any]:
    told = settings.model_dump(mode="json", include={"dataset", "simulation", "seed", "split_seed"})
    return {**told, "threads": settings.registration.threads_used, "weights_sha256": loaded.sha256}


def _measure(
    test: tuple[Radiograph, ...],
    keys: tuple[RowKey, ...],
    loaded: LoadedGenerator,
    settings: BenchmarkSettings,
    done: Collection[RowKey],
) -> Iterator[Row]:
    rng = torch.Generator().manual_seed(settings.seed)
    images, masks = load_images(test, size=IMAGE_SIZE), load_masks(test, size=IMAGE_SIZE)
    with _computing(settings):
        loaded.generator(images[:1], images[:1])
    for radiograph, key, image, mask in zip(test, keys, images, masks, strict=True):
        # drawn for rows that are there, too: the next field follows from it
        both = simulate_pair(torch.stack([image, mask], dim=1), settings=settings.simulation, rng=rng)
        if key not in done:
            yield _row(key, radiograph, both, loaded, settings)


@contextmanager
def _computing(settings: BenchmarkSettings) -> Iterator[None]:
    with torch_threads(settings.registration.threads_used), torch.inference_mode():
        yield


def _row(
    key: RowKey, radiograph: Radiograph, both: SimulatedPair, loaded: LoadedGenerator, settings: BenchmarkSettings
) -> Row:
    person = "/".join(radiograph.person)
    fixed, moving = both.fixed[:, :1], both.moving[:, :1]
    with _computing(settings):
        begin = time.perf_counter()
        found = loaded.generator(fixed, moving)
        seconds = time.perf_counter() - begin
        back = loaded.generator(moving, fixed)
        fixed_mask = both.fixed[:, 1:] >= 0.5
        return Row(
            **key._asdict(),
            subjects=(person, person),
            model=loaded.name,
            adapt="none",
            settings=_settings(settings, loaded),
            version=__version__,
            code=code_hash(),
            seed=settings.seed,
            hardware=hardware(),
            seconds=seconds,
            iterations=0,
            folding_percent=folding_percent(found),
            inverse_consistency_voxels=inverse_consistency_voxels(compose(found, back), inside=_body(fixed)),
            dice_before=mask_dice(fixed_mask, both.moving[:, 1:] >= 0.5),
            dice=mask_dice(fixed_mask, warp(both.moving[:, 1:], found) >= 0.5),
            field_voxels=float(both.displacement.norm(dim=1).mean()),
            field_error_voxels=float((found - both.displacement).norm(dim=1).mean()),
        )


def _body(image: Tensor) -> Bool[Tensor, "1 y x"]:
    return torch.from_numpy(foreground(image[0, 0].numpy()))[None]
