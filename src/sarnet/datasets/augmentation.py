"""Making X-rays look like more than X-rays, so that what is learned on them carries over."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.config import AugmentationSettings, SimulationSettings
from sarnet.datasets.simulation import applied_field
from sarnet.fields import bspline_field, controls_to_cover, identity_grid, invert, warp
from sarnet.types import Padding


class TrainingPair(NamedTuple):
    """A simulated pair as the training sees it."""

    fixed: Float[Tensor, "batch 1 y x"]
    moving: Float[Tensor, "batch 1 y x"]
    displacement: Float[Tensor, "batch 2 y x"]
    """The known field, in voxels, in the direction of the recovered one."""
    inside: Float[Tensor, "batch 1 y x"]
    """One where the fixed image shows the original, zero beyond its edge."""


def augmented_pair(
    image: Float[Tensor, "batch 1 y x"],
    *,
    augmentation: AugmentationSettings,
    simulation: SimulationSettings,
    rng: torch.Generator,
) -> TrainingPair:
    """Turn, zoom and remap each image, deform it by a field of its own, and expose the two results differently.

    Both images are read from the original once, at places that zoom, rotation and field give together: none is
    blurred by interpolation more often than the other.

    Args:
        image: Originals in [0, 1].
        augmentation: What is varied, and how far.
        simulation: Ranges of the known field.
        rng: Source of chance: the same state gives the same pairs.
    """
    samples = [_one_pair(single[None], augmentation, simulation, rng) for single in image]
    return TrainingPair(*(torch.cat(parts) for parts in zip(*samples, strict=True)))


def _one_pair(
    image: Tensor, augmentation: AugmentationSettings, simulation: SimulationSettings, rng: torch.Generator
) -> TrainingPair:
    space = tuple(image.shape[2:])
    applied = applied_field(space, settings=simulation, rng=rng)
    similarity = _similarity(space, augmentation, rng)
    padding: Padding = "zeros" if _chance(0.5, rng) else "border"

    here = identity_grid(space)[None]
    fixed = warp(image, _through(similarity, here) - here, padding=padding)
    moving = warp(image, _through(similarity, here + applied) - here, padding=padding)
    inside = warp(torch.ones_like(image), _through(similarity, here) - here, padding="zeros")

    if _chance(augmentation.remap_probability, rng):
        fixed, moving = _remap(torch.cat([fixed, moving]), rng).chunk(2)
    fixed, moving = (_expose(each, augmentation, rng) for each in (fixed, moving))
    return TrainingPair(fixed, moving, invert(applied).displacement, inside)


def _similarity(
    space: tuple[int, ...], augmentation: AugmentationSettings, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """A random zoom, mirroring, rotation and shift: matrix, centre and translation in voxels."""
    low, high = (math.log(value) for value in augmentation.zoom)
    zoom = math.exp(_between(low, high, rng))
    angle = math.radians(_between(-1, 1, rng) * augmentation.rotation_degrees)
    mirror = -1.0 if _chance(0.5, rng) else 1.0
    cosine, sine = math.cos(angle), math.sin(angle)
    matrix = torch.tensor([[cosine, -sine * mirror], [sine, cosine * mirror]]) / zoom
    size = torch.tensor(space, dtype=torch.float32)
    # zoomed in, look anywhere in the image; zoomed out, leave it near the middle
    shift = (torch.rand(2, generator=rng) - 0.5) * size * max(0.1, 1 - 1 / zoom)
    return matrix, (size - 1) / 2, shift


def _through(similarity: tuple[Tensor, Tensor, Tensor], position: Tensor) -> Tensor:
    matrix, centre, shift = similarity
    from_centre = position - centre.view(1, 2, 1, 1)
    return torch.einsum("ij,bjyx->biyx", matrix, from_centre) + (centre + shift).view(1, 2, 1, 1)


def _remap(images: Tensor, rng: torch.Generator) -> Tensor:
    """One random piecewise linear intensity map for all: monotone up or down, or, half of the time, neither."""
    knots = int(torch.randint(3, 9, (), generator=rng))
    values = torch.rand(knots, generator=rng)
    if _chance(0.5, rng):
        values = values.sort(descending=_chance(0.5, rng)).values
    values = (values - values.min()) / (values.max() - values.min()).clamp_min(0.05)
    position = images.clamp(0, 1) * (knots - 1)
    left = position.floor().clamp(max=knots - 2).long()
    return torch.lerp(values[left], values[left + 1], position - left)


def _expose(image: Tensor, augmentation: AugmentationSettings, rng: torch.Generator) -> Tensor:
    """A gamma, a smooth bias and noise."""
    space = tuple(image.shape[2:])
    gamma = math.exp(_between(-1, 1, rng) * augmentation.exposure)
    spacing = max(space) / 2
    counts = [controls_to_cover(size, spacing) for size in space]
    controls = (torch.rand(1, 1, *counts, generator=rng) - 0.5) * augmentation.exposure
    bias = bspline_field(controls, space, spacing=spacing, origin=-spacing)
    noise = torch.randn(image.shape, generator=rng) * _between(0, augmentation.noise, rng)
    return (image.clamp(0, 1) ** gamma * (1 + bias) + noise).clamp(0, 1)


def _between(low: float, high: float, rng: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=rng))


def _chance(probability: float, rng: torch.Generator) -> bool:
    return float(torch.rand((), generator=rng)) < probability
