"""Where a prepared image's voxels lie: its own grid, a stretched, a resampled or a template's."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from sarnet.config import CurationSettings
from sarnet.errors import DataError, InputError, SarnetError
from sarnet.images import Grid, Image, read_image, resample, sample_pair
from sarnet.types import Interpolation

Place = Callable[[Image, Interpolation], Image]
"""Brings an image that lies on the original's grid to its place in the prepared data."""

_PACKAGED = "mni"


def placing(image: Image, settings: CurationSettings) -> Place:
    """Return what brings an image, its mask and its labels to their place.

    Args:
        image: The original, of a brain alone where it is to be aligned.
        settings: ``template``, ``spacing_mm`` and ``size``.

    Raises:
        DataError: If a picture should be aligned to a volume.
        InputError: If the image cannot be aligned.
    """
    if settings.template is None:
        return partial(_resampled, grid=wanted_grid(image.grid, settings))
    template = _template(settings.template, written_at(settings.template))
    if template.grid.dimension != image.grid.dimension:
        raise DataError(f"has {image.grid.dimension} axes, but the template {template.grid.dimension}")
    from sarnet.transforms import align, apply  # noqa: PLC0415  torch takes seconds: not for a run with nothing to do

    transform = align(template, image, kind="affine").transform
    grid = wanted_grid(template.grid, settings)
    return lambda each, interpolation: apply(transform, each, grid, interpolation=interpolation)


def check_template(name: str) -> None:
    """Refuse a template that cannot be read: a fault of the settings, not of an image.

    Raises:
        InputError: If it is neither the packaged one nor a file that can be read.
    """
    if name == _PACKAGED:
        return
    try:
        read_image(name)
    except SarnetError as error:
        raise InputError(f"template is {name!r}, but must be mni, none or an image: {error}") from error


def wanted_grid(grid: Grid, settings: CurationSettings) -> Grid:
    """Return the grid that ``size`` and ``spacing_mm`` make of an image's.

    Size alone stretches, spacing alone keeps what is shown, both cut or pad about the centre.
    """
    n = grid.dimension
    sides_mm = np.array(grid.size) * grid.spacing
    if settings.spacing_mm is not None:
        spacing = np.full(n, settings.spacing_mm)
        size = np.full(n, settings.size) if settings.size else np.ceil(sides_mm / spacing - 1e-6).astype(int)
    elif settings.size is not None:
        size = np.full(n, settings.size)
        spacing = sides_mm / size
    else:
        return grid
    direction = np.array(grid.direction).reshape(n, n)
    centre = np.array(grid.origin) + direction @ ((np.array(grid.size) - 1) / 2 * grid.spacing)
    origin = centre - direction @ ((size - 1) / 2 * spacing)
    return replace(
        grid,
        size=tuple(int(count) for count in size),
        spacing=tuple(spacing.tolist()),
        origin=tuple(origin.tolist()),
    )


def _resampled(image: Image, interpolation: Interpolation, *, grid: Grid) -> Image:
    return image if image.grid == grid else resample(image, grid, interpolation=interpolation)


def written_at(name: str) -> int:
    """Return the time of a file, 0 for what is packaged: what is kept of another time is of another file."""
    return Path(name).stat().st_mtime_ns if Path(name).is_file() else 0


@lru_cache(maxsize=1)
def _template(name: str, time_ns: int) -> Image:
    """The template, read once by each process as long as its file stays."""
    return sample_pair(3).fixed if name == _PACKAGED else read_image(name)
