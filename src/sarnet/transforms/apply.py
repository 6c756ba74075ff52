"""Resampling an image through a transform."""

from collections.abc import Iterator
from itertools import product
from typing import Literal

import numpy as np
from jaxtyping import Float, Integer, Shaped
from torch import Tensor

from sarnet.errors import GridError, InputError
from sarnet.images.grid import Grid
from sarnet.images.image import Image
from sarnet.images.intensity import border_value
from sarnet.transforms.compose import compose
from sarnet.transforms.sampling import UnitFrame, lattice, read_linear, readable, slabs, turned, vectors
from sarnet.transforms.transform import Transform

Reading = Literal["linear", "nearest", "label"]
"""How an image is read between its voxels: ``nearest`` is the nearest voxel's value, ``label`` the heaviest label."""

_READINGS = ("linear", "nearest", "label")


def apply(
    transform: Transform,
    moving: Image,
    reference: Grid,
    *,
    interpolation: Reading,
    outside: float | None = None,
) -> Image:
    r"""Resample a moving image on a grid in fixed space.

    .. math:: (M \circ T)(p) = M(T(p))

    Args:
        transform: Where in moving space each point of fixed space comes from.
        moving: Image of any intensity unit, or a label map.
        reference: Grid of the result, most often ``transform.grid``.
        interpolation: ``"linear"`` gives float32. ``"nearest"`` and ``"label"`` keep the type and every value as it is,
            integers above 2^24 among them; ``"label"`` takes the largest of all labels' masks read linearly, which has
            smoother borders than the nearest voxel's label.
        outside: Value of what comes from beyond the moving image. Left out, it is 0 for ``"label"`` and for whole
            numbers by ``"nearest"``, and for all else the constant background that surrounds the image or else its
            lowest value.

    Returns:
        The warped image on ``reference``.

    Raises:
        GridError: If the three have different numbers of axes.
        InputError: If ``interpolation`` is unknown, ``moving`` is no label map where it should be one, or ``outside``
            does not fit its type.
    """
    if interpolation not in _READINGS:
        raise InputError(f"interpolation is {interpolation!r}, but must be one of {sorted(_READINGS)}")
    axes = (transform.grid.dimension, moving.grid.dimension, reference.dimension)
    if len(set(axes)) > 1:
        raise GridError(f"transform, moving and reference have {axes[0]}, {axes[1]} and {axes[2]} axes, but must agree")
    array = moving.array
    if interpolation == "label" and array.dtype.kind == "f" and not np.array_equal(array, np.round(array)):
        raise InputError("moving holds values that are no integers, but 'label' is for label maps: use 'nearest'")
    if outside is None:
        are_labels = interpolation == "label" or (interpolation == "nearest" and array.dtype.kind in "iub")
        outside = 0.0 if are_labels else border_value(array)
    if interpolation != "linear" and not np.array_equal(np.array(outside).astype(array.dtype), outside, equal_nan=True):
        raise InputError(f"outside is {outside}, but moving holds {array.dtype}: choose a value of that type")

    frame = UnitFrame(moving.grid)
    kind = np.dtype(np.float32) if interpolation == "linear" else array.dtype
    values = readable(array[..., None]) if interpolation == "linear" else None
    warped = np.empty(reference.shape, kind)
    for rows, places in _led(transform, reference, frame):
        if values is not None:
            found = read_linear(values, places)[:, 0].numpy()
        else:
            index = frame.index(places).numpy()
            found = _nearest(array, index) if interpolation == "nearest" else _most_weight(array, index)
        warped[rows] = np.where(frame.inside(places)[:, 0].numpy(), found, kind.type(outside))
    return Image(array=warped, grid=reference, notes=moving.notes, length_unit=moving.length_unit)


def _led(transform: Transform, reference: Grid, frame: UnitFrame) -> Iterator[tuple[slice, Tensor]]:
    """Slab by slab, where the voxels of ``reference`` are led, in the coordinates of ``frame``."""
    on_grid = transform
    if transform.displacement is not None and not transform.grid.same_as(reference, tolerance=1e-9):
        on_grid = compose(transform, grid=reference)
    led = frame.from_world @ on_grid.homogeneous()
    for rows in slabs(reference.shape):
        places = lattice(led @ reference.index_to_world(), reference.shape, rows)
        if on_grid.displacement is not None:
            places = places + turned(led[:-1, :-1], vectors(on_grid.displacement[rows]))
        yield rows, places


def _nearest(
    array: Shaped[np.ndarray, "*space"], index: Float[np.ndarray, "plane axis *rest"]
) -> Shaped[np.ndarray, "plane *rest"]:
    """Values of the voxels whose centres are nearest; of two as near, the later one's, as ITK has it."""
    return _at(array, np.floor(index + 0.5).astype(np.int64))


def _most_weight(
    array: Shaped[np.ndarray, "*space"], index: Float[np.ndarray, "plane axis *rest"]
) -> Shaped[np.ndarray, "plane *rest"]:
    """The label with the largest sum of linear weights over a cell's corners; of two as heavy, the smaller label."""
    low = np.floor(index)
    beyond = index - low
    corners = list(product((0, 1), repeat=array.ndim))
    labels = [_at(array, low.astype(np.int64) + np.reshape(each, (-1, *[1] * (index.ndim - 2)))) for each in corners]
    best = labels[0].copy()
    mixed = np.any([each != best for each in labels[1:]], axis=0)
    labels = [each[mixed] for each in labels]
    shares = np.moveaxis(beyond, 1, 0)[:, mixed]  # (axis, voxel)
    weights = [np.prod([share if up else 1 - share for share, up in zip(shares, each)], axis=0) for each in corners]
    heaviest, chosen = np.full(len(labels[0]), -1.0), labels[0].copy()
    for label in labels:
        weight = sum(own * (other == label) for own, other in zip(weights, labels))
        wins = (weight > heaviest) | ((weight == heaviest) & (label < chosen))
        heaviest, chosen = np.where(wins, weight, heaviest), np.where(wins, label, chosen)
    best[mixed] = chosen
    return best


def _at(
    array: Shaped[np.ndarray, "*space"], index: Integer[np.ndarray, "plane axis *rest"]
) -> Shaped[np.ndarray, "plane *rest"]:
    """Values at voxels given x first; beyond the edge, those of the nearest voxel."""
    found: np.ndarray = array[
        tuple(np.clip(index[:, axis], 0, size - 1) for axis, size in zip(range(array.ndim - 1, -1, -1), array.shape))
    ]
    return found
