"""When the network's masks count: on what looks like a chest X-ray to it, and on nothing else."""

import numpy as np
import pytest
import torch

from sarnet.images import Grid
from sarnet.networks import load_generator
from sarnet.registration.network_pair import NetworkPair, prepare_pair
from sarnet.registration.own_masks import with_own_masks
from sarnet.registration.plane_fields import PlaneFields
from sarnet.transforms import Transform


@pytest.fixture(scope="module")
def segmenting():
    return load_generator("sarnet-cxr").generator


def _chest(shift: float = 0.0) -> np.ndarray:
    """A drawing of a chest: a bright body, two dark lungs, ribs."""
    y, x = np.mgrid[:256, :256].astype(np.float32)
    body = np.clip((118 - np.abs(x - 128)) / 20, 0, 1) * np.clip((y - 5) / 20, 0, 1)
    lungs = sum(
        np.clip(6 * (1 - ((x - centre) / 40) ** 2 - ((y - 128 - shift) / 85) ** 2), 0, 1) for centre in (78, 178)
    )
    ribs = 0.06 * np.sin((y - shift + 0.15 * np.abs(x - 128)) / 5)
    return np.clip(0.75 * body - 0.5 * lungs + ribs * body, 0, 1).astype(np.float32)


def _pair(fixed: np.ndarray, moving: np.ndarray) -> NetworkPair:
    images = [torch.from_numpy(image)[None, None] for image in (fixed, moving)]
    return NetworkPair(
        fixed=images[0], moving=images[1], weight=torch.ones_like(images[0]), grid=Grid.plain(fixed.shape)
    )


def test_lungs_of_a_chest_are_regions_that_shall_meet(segmenting):
    pair = _pair(_chest(), _chest(shift=6))

    found = with_own_masks(pair, PlaneFields.of(segmenting, pair), weight=0.5)

    assert found is not None
    assert found.region_weight == 0.5
    lungs = torch.from_numpy(_chest() < 0.5 * _chest().max())[None, None]
    inside = torch.zeros_like(lungs)
    inside[..., 40:215, 35:222] = True
    marked, wanted = found.fixed_regions > 0.5, lungs & inside
    overlap = 2 * (marked & wanted).sum() / (marked.sum() + wanted.sum())
    assert float(overlap) > 0.6  # a drawing is no radiograph


def test_brain_is_nothing_that_the_network_knows(sample, segmenting):
    pair = prepare_pair(sample.fixed, sample.moving, Transform.identity(sample.fixed.grid), longest_voxels=256)

    assert with_own_masks(pair, PlaneFields.of(segmenting, pair), weight=0.5) is None


def test_noise_is_nothing_that_the_network_knows(segmenting, rng):
    pair = _pair(*rng.random((2, 128, 128), dtype=np.float32))

    assert with_own_masks(pair, PlaneFields.of(segmenting, pair), weight=0.5) is None


def test_weights_without_masks_and_volumes_have_none(loaded, segmenting, rng):
    volume = NetworkPair(
        fixed=torch.rand(1, 1, 16, 16, 16),
        moving=torch.rand(1, 1, 16, 16, 16),
        weight=torch.ones(1, 1, 16, 16, 16),
        grid=Grid.plain((16, 16, 16)),
    )
    slice_ = _pair(*rng.random((2, 64, 64), dtype=np.float32))
    without = load_generator("sarnet-cxr-initial").generator

    assert with_own_masks(volume, PlaneFields.of(segmenting, volume), weight=0.5) is None
    assert with_own_masks(slice_, PlaneFields.of(without, slice_), weight=0.5) is None
