"""X-rays of the test split, deformed by known fields: how much of each field comes back."""

import time
from collections.abc import Iterator

import torch

from sarnet import __version__
from sarnet.benchmark.row import Row
from sarnet.config import BenchmarkSettings
from sarnet.datasets import load_images, load_masks, read_radiographs, simulate_pair, split_by_patient
from sarnet.fields import warp
from sarnet.metrics import folding_percent
from sarnet.networks import load_generator

_SIZE = 256


def measure_simulated(settings: BenchmarkSettings) -> Iterator[Row]:
    """Run the forward pass on one pair an image and yield its row.

    Masks are warped linearly, both ways, and cut at one half; times are of the forward pass alone, after a warm-up.
    """
    radiographs = read_radiographs(settings.data, dataset=settings.dataset)
    test = split_by_patient(radiographs, seed=settings.seed).test
    loaded = load_generator(settings.registration.model)
    rng = torch.Generator().manual_seed(settings.seed)
    images, masks = load_images(test, size=_SIZE), load_masks(test, size=_SIZE)
    with torch.inference_mode():
        loaded.generator(images[:1], images[:1])
        for radiograph, image, mask in zip(test, images, masks, strict=True):
            both = simulate_pair(torch.stack([image, mask], dim=1), settings=settings.simulation, rng=rng)
            fixed, moving = both.fixed[:, :1], both.moving[:, :1]
            begin = time.perf_counter()
            found = loaded.generator(fixed, moving)
            seconds = time.perf_counter() - begin
            warped_mask = warp(both.moving[:, 1:], found) >= 0.5
            yield Row(
                protocol=settings.protocol,
                pair=radiograph.image.stem,
                model=loaded.name,
                adapt="none",
                version=__version__,
                seconds=seconds,
                iterations=0,
                folding_percent=folding_percent(found),
                dice_before=_dice(both.fixed[:, 1:], both.moving[:, 1:] >= 0.5),
                dice=_dice(both.fixed[:, 1:], warped_mask),
                field_voxels=float(both.displacement.norm(dim=1).mean()),
                field_error_voxels=float((found - both.displacement).norm(dim=1).mean()),
            )


def _dice(fixed: torch.Tensor, warped: torch.Tensor) -> float:
    first = fixed >= 0.5
    return 2 * float((first & warped).sum()) / max(1.0, float(first.sum() + warped.sum()))
