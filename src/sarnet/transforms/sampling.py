"""Reading fields and images at the places that voxels are led to: the kernel under every verb on transforms.

Volumes are walked through in slabs along the slowest axis, so that memory stays bounded and the cache warm; inside a
slab each plane is a batch of its own, which lets torch share planes out among its threads. Places are
(plane, axis, *rest) with x first, in *unit* coordinates of what is read: -1 and 1 are the centres of its first and last
voxel, as torch has it.
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Bool, Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from sarnet.images.grid import Grid

_ROUNDING = 1e-6
_SLAB_VOXELS = 2**19
"""Largest slab: its places and what is read there fit into a few megabytes."""


class UnitFrame:
    """The unit coordinates of a grid."""

    def __init__(self, grid: Grid) -> None:
        self._size = np.array(grid.size)
        self._scale = 2 / np.maximum(self._size - 1, 1)
        to_unit = np.diag([*self._scale, 1.0])
        to_unit[:-1, -1] = -1
        self.from_world: Float[np.ndarray, "one_more one_more"] = to_unit @ np.linalg.inv(grid.index_to_world())

    def inside(self, places: Float[Tensor, "plane axis *rest"]) -> Bool[Tensor, "plane 1 *rest"]:
        """Tell which places lie in the grid's voxels, the outer halves of the outermost included, as ITK has it."""
        centre = _column(self._scale * (self._size - 1) / 2 - 1, places)
        reach = _column(self._scale * self._size / 2 * (1 + _ROUNDING), places)
        return ((places - centre).abs() <= reach).all(dim=1, keepdim=True)

    def index(self, places: Float[Tensor, "plane axis *rest"]) -> Float[Tensor, "plane axis *rest"]:
        """Return places in voxels, x first."""
        return (places + 1) / _column(self._scale, places)


def readable(
    vectors: Shaped[np.ndarray, "*space channel"], *, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "1 channel *space"]:
    """Return the vectors of a field, or an image of one channel, as :func:`read_linear` wants them.

    The components stay innermost in memory: the corners of a cell lie side by side.
    """
    return torch.from_numpy(np.ascontiguousarray(vectors)).to(dtype).movedim(-1, 0)[None]


def read_linear(
    values: Float[Tensor, "1 channel *space"], places: Float[Tensor, "plane axis *rest"]
) -> Float[Tensor, "plane channel *rest"]:
    """Read values at places in unit coordinates; beyond the grid, those of its nearest edge."""
    grid = places.movedim(1, -1)[:, None]  # a plane is a volume of one row
    planes = values.expand(len(places), *values.shape[1:])
    return F.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=True)[:, :, 0]


def slabs(shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut the slowest axis of an array into pieces of bounded size."""
    rows = max(_SLAB_VOXELS // int(np.prod(shape[1:])), 1)
    return (slice(start, min(start + rows, shape[0])) for start in range(0, shape[0], rows))


def lattice(
    matrix: Float[np.ndarray, "one_more one_more"], shape: tuple[int, ...], rows: slice
) -> Float[Tensor, "plane axis *rest"]:
    """Return ``matrix`` times the index of every voxel in a slab of an array, indices and result x first."""
    n = len(shape)
    places = torch.zeros(())
    for axis in reversed(range(n)):
        first, last = (rows.start, rows.stop) if axis == 0 else (0, shape[axis])
        steps = np.outer(matrix[:n, n - 1 - axis], np.arange(first, last))
        if axis == 0:
            steps = (steps + matrix[:n, n:]).T
        view = [1, n, *[1] * (n - 1)]
        view[axis + 1 if axis else 0] = last - first
        places = places + torch.from_numpy(np.ascontiguousarray(steps)).float().view(view)
    return places


def vectors(field: Shaped[np.ndarray, "plane *rest axis"]) -> Float[Tensor, "plane axis *rest"]:
    """Return a slab of a field as places are laid out, in float32."""
    return torch.from_numpy(np.ascontiguousarray(field)).float().movedim(-1, 1)


def turned(matrix: Float[np.ndarray, "to axis"], vectors: Float[Tensor, "plane axis *rest"]) -> Tensor:
    """Multiply every vector by a matrix."""
    product = torch.from_numpy(matrix).to(vectors.dtype) @ vectors.flatten(2)
    return product.view(len(vectors), -1, *vectors.shape[2:])


def as_planes(points: Float[np.ndarray, "point axis"]) -> Float[Tensor, "1 axis *rest"]:
    """Return points in the shape of a slab of one plane."""
    n = points.shape[1]
    return torch.from_numpy(np.ascontiguousarray(points.T)).view(1, n, *[1] * (n - 2), -1)


def as_points(planes: Float[Tensor, "1 axis *rest"]) -> Float[np.ndarray, "point axis"]:
    """Turn what :func:`as_planes` made back."""
    return np.ascontiguousarray(planes[0].flatten(1).T.numpy())


def _column(numbers: Float[np.ndarray, " axis"], like: Tensor) -> Tensor:
    """A number for each axis, to be broadcast over places."""
    return like.new_tensor(numbers).view(1, -1, *[1] * (like.ndim - 2))
