"""How much outline, or surface, the voxels around a corner of the grid hold."""

from itertools import permutations, product

import numpy as np
from jaxtyping import Float

_ELEMENTS = {
    0b0000_0001: [(1, 1, 1)],
    0b0000_0011: [(2, 2, 0)] * 2,
    0b0000_0110: [(1, 1, 1)] * 2,
    0b0000_0111: [(1, 1, 1), (2, 2, 2), (4, 0, 0)],
    0b0000_1111: [(4, 0, 0)] * 2,
    0b0001_0110: [(1, 1, 1)] * 3,
    0b0001_0111: [(1, 1, 1)] * 2 + [(2, 2, 2)] * 2,
    0b0001_1000: [(1, 1, 1)] * 2,
    0b0001_1001: [(0, 2, 2)] * 2 + [(1, 1, 1)],
    0b0001_1011: [(0, 2, 2), (1, 1, 1), (2, 0, 2), (3, 3, 3)],
    0b0001_1110: [(1, 1, 1)] * 2 + [(2, 2, 2), (4, 0, 0)],
    0b0011_1100: [(2, 2, 0)] * 4,
    0b0110_1001: [(1, 1, 1)] * 4,
}
"""Of eight voxels around a corner, which lie inside (a bit each, the first voxel's highest), and the polygons that
marching cubes lays between them and the others: the components of each one's area, in eighths of the faces of a voxel.
Every other arrangement is one of these turned, mirrored, or with inside and outside exchanged."""


def corner_codes(mask: np.ndarray) -> np.ndarray:
    """Return at every corner of the grid, the outermost too, which of the voxels around it lie inside: a bit each."""
    padded = np.pad(mask.astype(np.int32), 1)
    codes = np.zeros([size + 1 for size in mask.shape], np.int32)
    for offset in product((0, 1), repeat=mask.ndim):  # the first voxel's bit is the highest
        around = tuple(slice(start, start + size) for start, size in zip(offset, codes.shape))
        codes = 2 * codes + padded[around]
    return codes


def element_sizes(spacing: tuple[float, ...]) -> Float[np.ndarray, " code"]:
    """Return the length of outline (two axes) or the area of surface (three) for every code of a corner.

    Args:
        spacing: Distance of two voxels along each array axis.
    """
    return _lengths(spacing) if len(spacing) == 2 else _areas(spacing)


def _lengths(spacing: tuple[float, ...]) -> np.ndarray:
    """One voxel alone is cut off by a slope; two side by side by a line; two that meet at the corner, twice."""
    down, across = spacing
    slope = np.hypot(down, across) / 2
    lengths = np.full(16, slope)
    lengths[[0b0000, 0b1111]] = 0
    lengths[[0b0011, 0b1100]] = across
    lengths[[0b0101, 0b1010]] = down
    lengths[[0b0110, 0b1001]] = 2 * slope
    return lengths


def _areas(spacing: tuple[float, ...]) -> np.ndarray:
    faces = np.prod(spacing) / np.array(spacing) / 8  # across each axis
    areas = np.zeros(256)
    for code, elements in _ELEMENTS.items():
        voxels = np.array([code >> bit & 1 for bit in range(7, -1, -1)]).reshape(2, 2, 2)
        for order in permutations(range(3)):
            area = float(np.linalg.norm(np.array(elements)[:, order] * faces, axis=1).sum())
            for step in product((1, -1), repeat=3):
                turned = voxels.transpose(order)[tuple(slice(None, None, each) for each in step)].ravel()
                arrangement = int("".join(map(str, turned)), 2)
                areas[[arrangement, 255 - arrangement]] = area
    return areas
