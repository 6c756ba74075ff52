"""Making X-rays look like more than X-rays, so that what is learned on them carries over."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.config import AugmentationSettings, SimulationSettings
from sarnet.datasets.radiographs import Original
from sarnet.datasets.simulation import applied_field
from sarnet.fields import bspline_field, controls_to_cover, identity_grid, invert, warp
from sarnet.types import Padding

_OUTSIDE_WEIGHT = 0.05
"""What a voxel that shows nothing of the image still counts: enough for a smooth field, too little to guess it."""


class TrainingPair(NamedTuple):
    """A pair as the training sees it; of different images nothing is known of the fields, and they are zero here."""

    fixed: Float[Tensor, "batch 1 y x"]
    moving: Float[Tensor, "batch 1 y x"]
    displacement: Float[Tensor, "batch 2 y x"]
    """The known field that registers moving to fixed, in voxels, in the direction of the recovered one."""
    reverse: Float[Tensor, "batch 2 y x"]
    """The known field that registers fixed to moving: the applied one, whose inverse ``displacement`` is."""
    inside: Float[Tensor, "batch 1 y x"]
    """One where the fixed image shows the original, zero beyond its edge."""
    moving_inside: Float[Tensor, "batch 1 y x"]
    """The same of the moving image."""
    fixed_mask: Float[Tensor, "batch 1 y x"]
    """The manual mask of the fixed image, from 0 to 1; zero where there is none."""
    moving_mask: Float[Tensor, "batch 1 y x"]
    """The same of the moving image."""

    @property
    def weight(self) -> Float[Tensor, "batch 1 y x"]:
        """What each voxel of the fixed image counts: one inside, little outside."""
        return self.inside.clamp_min(_OUTSIDE_WEIGHT)

    def exchanged(self) -> "TrainingPair":
        """Return the same pair the other way round."""
        return TrainingPair(
            fixed=self.moving,
            moving=self.fixed,
            displacement=self.reverse,
            reverse=self.displacement,
            inside=self.moving_inside,
            moving_inside=self.inside,
            fixed_mask=self.moving_mask,
            moving_mask=self.fixed_mask,
        )


def augmented_pair(
    image: Float[Tensor, "batch 1 y x"],
    *,
    mask: Float[Tensor, "batch 1 y x"] | None = None,
    augmentation: AugmentationSettings,
    simulation: SimulationSettings,
    rng: torch.Generator,
) -> TrainingPair:
    """Turn, zoom and remap each image, deform it by a field of its own, and expose the two results differently.

    Both images are read from the original once, at places that zoom, rotation and field give together: none is
    blurred by interpolation more often than the other.

    Args:
        image: Originals in [0, 1].
        mask: Their masks; zero everywhere where left out.
        augmentation: What is varied, and how far.
        simulation: Ranges of the known field.
        rng: Source of chance: the same state gives the same pairs.
    """
    mask = torch.zeros_like(image) if mask is None else mask
    pairs = []
    for index in range(len(image)):
        original = Original(image[index, None], mask[index, None])
        applied = applied_field(tuple(image.shape[2:]), settings=simulation, rng=rng)
        pair = _one_pair(original, original, applied, augmentation, rng)
        pairs.append(pair._replace(displacement=invert(applied).displacement, reverse=applied))
    return joined(pairs)


def different_pair(
    fixed: Original, moving: Original, *, augmentation: AugmentationSettings, rng: torch.Generator
) -> TrainingPair:
    """Turn, zoom and remap two different images alike, and expose them differently; their fields are not known.

    Args:
        fixed: Images to register to.
        moving: As many others, of other patients or of other days.
        augmentation: What is varied, and how far.
        rng: Source of chance: the same state gives the same pairs.
    """
    pairs = []
    for index in range(len(fixed.image)):
        first, second = (Original(each.image[index, None], each.mask[index, None]) for each in (fixed, moving))
        unmoved = torch.zeros(1, 2, *fixed.image.shape[2:])
        pairs.append(_one_pair(first, second, unmoved, augmentation, rng))
    return joined(pairs)


def joined(pairs: Sequence[TrainingPair]) -> TrainingPair:
    """Put several batches of pairs into one."""
    return TrainingPair(*(torch.cat(parts) for parts in zip(*pairs, strict=True)))


def _one_pair(
    fixed_original: Original,
    moving_original: Original,
    applied: Tensor,
    augmentation: AugmentationSettings,
    rng: torch.Generator,
) -> TrainingPair:
    space = tuple(applied.shape[2:])
    similarity = _similarity(space, augmentation, rng)
    padding: Padding = "zeros" if _chance(0.5, rng) else "border"

    here = identity_grid(space)[None]
    to_fixed, to_moving = (_through(similarity, place) - here for place in (here, here + applied))
    fixed = warp(fixed_original.image, to_fixed, padding=padding)
    moving = warp(moving_original.image, to_moving, padding=padding)
    inside = torch.ones_like(fixed)

    if _chance(augmentation.remap_probability, rng):
        fixed, moving = _remap(torch.cat([fixed, moving]), rng).chunk(2)
    fixed, moving = (_expose(each, augmentation, rng) for each in (fixed, moving))
    unknown = torch.zeros_like(applied)
    return TrainingPair(
        fixed=fixed,
        moving=moving,
        displacement=unknown,
        reverse=unknown,
        inside=warp(inside, to_fixed, padding="zeros"),
        moving_inside=warp(inside, to_moving, padding="zeros"),
        fixed_mask=warp(fixed_original.mask, to_fixed, padding="zeros"),
        moving_mask=warp(moving_original.mask, to_moving, padding="zeros"),
    )


def _similarity(
    space: tuple[int, ...], augmentation: AugmentationSettings, rng: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """A random zoom, mirroring, rotation and shift: matrix, centre and translation in voxels."""
    low, high = (math.log(value) for value in augmentation.zoom)
    zoom = math.exp(_between(low, high, rng))
    angle = math.radians(_between(-1, 1, rng) * augmentation.rotation_degrees)
    mirror = -1.0 if _chance(augmentation.mirror_probability, rng) else 1.0
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
