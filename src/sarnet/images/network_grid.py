"""The grid a network works on, and the way of its fields back to the image's."""

import math
from dataclasses import replace

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from sarnet.errors import GridError, InputError, ShapeError
from sarnet.images.grid import Grid

_ISOTROPIC = 1.01
_SAME_VOXELS = 1e-6


def network_grid(
    grid: Grid,
    *,
    multiple: int,
    longest_voxels: int,
    most_voxels: int | None = None,
    box: tuple[slice, ...] | None = None,
    margin_voxels: int = 0,
) -> Grid:
    """Return the isotropic grid, in the directions of ``grid``, on which a network sees an image.

    Where the image is isotropic (to 1 %) and the box with its margins fits into ``longest_voxels`` and
    ``most_voxels``, the result is a crop or a padding of ``grid``: its voxels lie on the image's, and nothing is
    interpolated. Otherwise the spacing is the finest with which it fits, but never finer than the finest of the
    image, and the grid is centred on the box.

    Args:
        grid: Grid of the fixed image.
        multiple: Every axis gets a multiple of this many voxels, by equal padding on both ends.
        longest_voxels: At most this many voxels along an axis, margins included, before it is rounded up to
            ``multiple``.
        most_voxels: At most this many voxels in all, the same; any number where it is left out.
        box: Part of the image to cover, in array order; all of it where it is left out.
        margin_voxels: Voxels of the result to leave between the box and each edge, at least.

    Returns:
        The grid; it may reach beyond the image.

    Raises:
        InputError: If ``box`` is empty, does not lie in ``grid`` or has steps; if ``multiple`` is not
            positive, ``margin_voxels`` is negative, or ``longest_voxels`` or ``most_voxels`` leaves nothing beside the
            margins.
    """
    if multiple < 1 or margin_voxels < 0 or longest_voxels <= 2 * margin_voxels:
        raise InputError(
            f"multiple is {multiple}, longest_voxels {longest_voxels} and margin_voxels {margin_voxels}, but wanted "
            "multiple >= 1, margin_voxels >= 0 and longest_voxels > 2 margin_voxels"
        )
    start, stop = _corners(grid, box)
    spacing = np.array(grid.spacing)
    sides_mm = (stop - start) * spacing
    margins = 2 * margin_voxels
    room = _room(sides_mm, longest_voxels, most_voxels, margins)
    if spacing.max() <= _ISOTROPIC * spacing.min() and (stop - start).max() <= room:
        size = _rounded_up(stop - start + margins, multiple)
        first = start - (size - (stop - start)) // 2  # whole voxels: centres coincide
    else:
        isotropic = max(float((sides_mm / room).max()), float(spacing.min()))
        size = _rounded_up(_voxels(sides_mm, isotropic) + margins, multiple)
        centre = (start + stop - 1) / 2
        first = centre - (size - 1) / 2 * isotropic / spacing
        spacing = np.full_like(spacing, isotropic)
    direction = np.array(grid.direction).reshape(grid.dimension, -1)
    origin = np.array(grid.origin) + direction @ (first * grid.spacing)
    return replace(
        grid,
        size=tuple(int(s) for s in size),
        spacing=tuple(spacing.tolist()),
        origin=tuple(origin.tolist()),
    )


def field_to_grid(
    field: Float[np.ndarray, "*space axis"], source: Grid, target: Grid
) -> Float[np.ndarray, "*target axis"]:
    """Read a displacement field of one grid at the voxels of another, linearly.

    Beyond the source, the vector at its nearest edge holds. Where the voxels of both coincide the values are
    taken over as they are, bit for bit.

    Args:
        field: Vectors in world millimetres, components x, y[, z], on ``source``.
        source: Grid of ``field``.
        target: Grid where the field is wanted.

    Returns:
        Vectors in world millimetres on ``target``, in the type of ``field``.

    Raises:
        ShapeError: If ``field`` does not lie on ``source`` or has not one component per axis.
        GridError: If the grids have different numbers of axes.
    """
    if target.dimension != source.dimension:
        raise GridError(f"target has {target.dimension} axes, but source has {source.dimension}")
    if field.shape != (*source.shape, source.dimension):
        raise ShapeError(
            f"field has shape {field.shape}, but wanted {(*source.shape, source.dimension)}: that of source, and a "
            "component per axis"
        )
    matrix, offset = _voxel_map(target, source)
    aside = np.abs(matrix - np.diag(matrix.diagonal())) @ np.array(target.shape)
    if aside.max() < _SAME_VOXELS:  # axis by axis, which is many times quicker
        for axis, size in enumerate(target.shape):
            weights = _linear_map(source.shape[axis], size, matrix[axis, axis], offset[axis])
            field = np.moveaxis(np.tensordot(weights.astype(field.dtype), field, (1, axis)), 0, axis)
        return np.ascontiguousarray(field)
    resampled = np.empty((*target.shape, source.dimension), field.dtype)
    for axis in range(source.dimension):
        component, output = field[..., axis], resampled[..., axis]
        ndimage.affine_transform(component, matrix, offset, target.shape, output, order=1, mode="nearest")
    return resampled


def _linear_map(size: int, target: int, scale: float, first: float) -> Float[np.ndarray, "target size"]:
    """What reads an axis of ``size`` voxels linearly at ``scale i + first``, its ends where that lies beyond them."""
    place = (scale * np.arange(target) + first).clip(0, size - 1)
    lower = np.floor(place).astype(int).clip(0, max(size - 2, 0))
    share, rows = place - lower, np.arange(target)
    weights = np.zeros((target, size))
    weights[rows, lower] = 1 - share
    weights[rows, np.minimum(lower + 1, size - 1)] += share
    return weights


def _corners(grid: Grid, box: tuple[slice, ...] | None) -> tuple[np.ndarray, np.ndarray]:
    """First voxel of the box and the one after its last, x first."""
    if box is None:
        return np.zeros(grid.dimension, int), np.array(grid.size)
    start = [s.start or 0 for s in box]
    stop = [size if s.stop is None else s.stop for s, size in zip(box, grid.shape)]
    fits = len(box) == grid.dimension and all(0 <= a < b <= n for a, b, n in zip(start, stop, grid.shape))
    if not fits or any(s.step not in (None, 1) for s in box):
        raise InputError(f"box is {box}, but wanted a part of the grid's array {grid.shape}, a voxel wide at least")
    return np.array(start[::-1]), np.array(stop[::-1])


def _room(sides_mm: np.ndarray, longest_voxels: int, most_voxels: int | None, margins: int) -> int:
    """Voxels that the longest side may take, beside the margins."""
    for room in range(longest_voxels - margins, 0, -1):
        size = _voxels(sides_mm, sides_mm.max() / room) + margins
        if most_voxels is None or size.prod() <= most_voxels:
            return room
    raise InputError(f"most_voxels is {most_voxels}, but the margins alone need {(margins + 1) ** len(sides_mm)}")


def _voxels(sides_mm: np.ndarray, spacing_mm: float) -> np.ndarray:
    # a side of exactly n voxels must not become n + 1 by rounding
    voxels: np.ndarray = np.ceil(sides_mm / spacing_mm - _SAME_VOXELS).astype(int)
    return voxels


def _rounded_up(size: np.ndarray, multiple: int) -> np.ndarray:
    return np.array([math.ceil(s / multiple) * multiple for s in size])


def _voxel_map(source: Grid, target: Grid) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset from voxels of ``source`` to voxels of ``target``, in array order."""
    to_target = np.linalg.inv(target.voxel_to_world())
    matrix = to_target @ source.voxel_to_world()
    offset = to_target @ (np.array(source.origin) - np.array(target.origin))
    whole = np.round(matrix), np.round(offset)
    # far corners tell whether rounding changes any position by more than rounding errors do
    drift = np.abs(matrix - whole[0]) @ np.array(source.shape) + np.abs(offset - whole[1])
    return whole if drift.max() < _SAME_VOXELS else (matrix, offset)
