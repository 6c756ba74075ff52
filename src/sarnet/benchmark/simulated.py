"""X-rays of the test split, deformed by known fields: how much of each field comes back."""

import time
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

import torch

from sarnet import __version__
from sarnet.benchmark.hardware import hardware
from sarnet.benchmark.plan import Plan
from sarnet.benchmark.row import Row, RowKey, settings_hash
from sarnet.config import BenchmarkSettings
from sarnet.datasets import Radiograph, load_images, load_masks, read_radiographs, simulate_pair, split_by_patient
from sarnet.fields import compose, warp
from sarnet.metrics import folding_percent, inverse_consistency_voxels
from sarnet.networks import LoadedGenerator, load_generator

_SIZE = 256
_METHOD = "sarnet"


def plan_simulated(settings: BenchmarkSettings) -> Plan:
    """Plan a forward pass of the network on one pair an image.

    Masks are warped linearly, both ways, and cut at one half; times are of the forward pass alone, after a warm-up.
    Inverse consistency is that of this pass and of another with the images exchanged.

    Raises:
        DataError: If the images are not there.
        WeightsError: If the network cannot be loaded.
    """
    radiographs = read_radiographs(settings.data, dataset=settings.dataset)
    test = split_by_patient(radiographs, seed=settings.seed).test[: settings.most_pairs]
    loaded = load_generator(settings.registration.model)
    told = _settings(settings, loaded)
    keys = tuple(RowKey(settings.protocol, each.image.stem, _METHOD, settings_hash(told)) for each in test)
    return Plan(keys=keys, measure=partial(_measure, test, keys, loaded, settings))


def _settings(settings: BenchmarkSettings, loaded: LoadedGenerator) -> dict[str, Any]:
    told = settings.model_dump(mode="json", include={"dataset", "simulation", "seed"})
    return {**told, "weights_sha256": loaded.sha256}


def _measure(
    test: tuple[Radiograph, ...],
    keys: tuple[RowKey, ...],
    loaded: LoadedGenerator,
    settings: BenchmarkSettings,
    done: Collection[RowKey],
) -> Iterator[Row]:
    rng = torch.Generator().manual_seed(settings.seed)
    images, masks = load_images(test, size=_SIZE), load_masks(test, size=_SIZE)
    with torch.inference_mode():
        loaded.generator(images[:1], images[:1])
        for key, image, mask in zip(keys, images, masks, strict=True):
            # drawn for rows that are there, too: the next field follows from it
            both = simulate_pair(torch.stack([image, mask], dim=1), settings=settings.simulation, rng=rng)
            if key in done:
                continue
            fixed, moving = both.fixed[:, :1], both.moving[:, :1]
            begin = time.perf_counter()
            found = loaded.generator(fixed, moving)
            seconds = time.perf_counter() - begin
            back = loaded.generator(moving, fixed)
            warped_mask = warp(both.moving[:, 1:], found) >= 0.5
            yield Row(
                **key._asdict(),
                model=loaded.name,
                adapt="none",
                settings=_settings(settings, loaded),
                version=__version__,
                seed=settings.seed,
                hardware=hardware(),
                seconds=seconds,
                iterations=0,
                folding_percent=folding_percent(found),
                inverse_consistency_voxels=inverse_consistency_voxels(compose(found, back)),
                dice_before=_dice(both.fixed[:, 1:], both.moving[:, 1:] >= 0.5),
                dice=_dice(both.fixed[:, 1:], warped_mask),
                field_voxels=float(both.displacement.norm(dim=1).mean()),
                field_error_voxels=float((found - both.displacement).norm(dim=1).mean()),
            )


def _dice(fixed: torch.Tensor, warped: torch.Tensor) -> float:
    first = fixed >= 0.5
    return 2 * float((first & warped).sum()) / max(1.0, float(first.sum() + warped.sum()))
