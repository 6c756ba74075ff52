"""Pairs with a known field: an image, and itself deformed by random B-splines (method, section 2)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.config import SimulationSettings
from sarnet.errors import InputError
from sarnet.fields import bspline_field, controls_to_cover, invert, jacobian_determinant, warp

_REFERENCE_SIZE = 256
"""The grid at which the settings' spacings and peaks are meant, in voxels along its longest axis."""

_ATTEMPTS = 1000


class SimulatedPair(NamedTuple):
    """Images whose registration is known."""

    fixed: Float[Tensor, "batch channel *space"]
    """The original."""

    moving: Float[Tensor, "batch channel *space"]
    """``moving(y) = fixed(y + a(y))`` with the applied field ``a``."""

    displacement: Float[Tensor, "batch axis *space"]
    """The field ``u`` that registers it back, in voxels: the inverse of ``a``."""


def applied_field(
    space: tuple[int, ...], *, settings: SimulationSettings, rng: torch.Generator
) -> Float[Tensor, "1 axis *space"]:
    """Draw a field that folds nowhere.

    Control spacing, peak and control values are drawn anew until the Jacobian determinant is positive everywhere.

    Args:
        space: Size of the grid in voxels.
        settings: Ranges, scaled from 256 voxels to the longest axis of ``space``.
        rng: Source of chance.

    Returns:
        A field in voxels: a sum of layers, the largest component of each is the peak drawn for it.

    Raises:
        InputError: If the ranges are such that a thousand draws all fold.
    """
    scale = max(space) / _REFERENCE_SIZE
    fewest, most = settings.layers
    for _ in range(_ATTEMPTS):
        layers = int(torch.randint(fewest, most + 1, (), generator=rng))
        field = sum((_bspline_draw(space, settings, scale, rng) for _ in range(layers)), torch.zeros(1))
        if (jacobian_determinant(field) > 0).all():
            return field
    raise InputError(
        f"peak_voxels {settings.peak_voxels} folds every field at control_spacing_voxels "
        f"{settings.control_spacing_voxels}: lower the peak or widen the spacing"
    )


def largest_voxels(settings: SimulationSettings, size: int) -> float:
    """Return the largest displacement that one layer has, in voxels of an image of so many along its longest axis."""
    return settings.peak_voxels[1] * size / _REFERENCE_SIZE


def simulate_pair(
    image: Float[Tensor, "batch channel *space"], *, settings: SimulationSettings, rng: torch.Generator
) -> SimulatedPair:
    """Keep each image as the fixed one and deform it into a moving one, a field of its own for each.

    Args:
        image: Originals.
        settings: Ranges to draw from.
        rng: Source of chance: the same state gives the same pairs.
    """
    space = tuple(image.shape[2:])
    applied = torch.cat([applied_field(space, settings=settings, rng=rng) for _ in image])
    return SimulatedPair(image, warp(image, applied), invert(applied).displacement)


def _bspline_draw(space: tuple[int, ...], settings: SimulationSettings, scale: float, rng: torch.Generator) -> Tensor:
    choices = settings.control_spacing_voxels
    spacing = scale * choices[int(torch.randint(len(choices), (), generator=rng))]
    lowest, highest = settings.peak_voxels
    peak = scale * (lowest + (highest - lowest) * float(torch.rand((), generator=rng)))
    counts = [controls_to_cover(size, spacing) for size in space]
    controls = 2 * torch.rand(1, len(space), *counts, generator=rng) - 1
    field = bspline_field(controls, space, spacing=spacing, origin=-spacing)
    return field * (peak / field.abs().max())
