"""The space half-way between two images, where a pair is compared."""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.errors import InputError
from sarnet.fields import one_sided
from sarnet.images import Grid
from sarnet.transforms import Transform, affine_root, compose

_SAME_VOXELS = 1e-3
"""Voxels by which a corner may miss a voxel's centre and still lie on it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Middle:
    r"""Where an affine start ``A`` is split evenly, so that neither image is the one that is moved.

    .. math:: F_{mid}(y) = I_{fixed}(H^{-1} y), \quad M_{mid}(y) = I_{moving}(H y), \quad H H = A

    A field found there registers the images by :math:`T = H \circ (y + u(y)) \circ H`; with the images exchanged
    everything is the same but for ``u``, which becomes its inverse. A start that holds a field, or has no root to speak
    of (a mirror, a turn by nearly 180 degrees), is not split: the middle is then the space of the fixed image.
    """

    from_fixed: Transform
    """Takes points of the fixed image's space here."""
    to_fixed: Transform
    """And back."""
    to_moving: Transform
    """From here to the moving image."""
    grid: Grid
    """Covers what lies in both images, in whole voxels of the finer one; the fixed image's own where the start is not
    split."""
    is_split: bool
    """Whether the fixed image is read through half of the start, too."""

    @classmethod
    def of(cls, fixed: Grid, moving: Grid, start: Transform) -> "Middle":
        """Split a start.

        Args:
            fixed: Grid of the fixed image.
            moving: Grid of the moving image.
            start: From points of fixed space to moving space.
        """
        half = affine_root(start.homogeneous()) if start.displacement is None else None
        grid = None if half is None else _shared(fixed, moving, half)
        if half is None or grid is None:
            return cls.unsplit(fixed, start)
        there, back = (Transform.from_homogeneous(each, grid) for each in (half, np.linalg.inv(half)))
        return cls(from_fixed=there, to_fixed=back, to_moving=there, grid=grid, is_split=True)

    @classmethod
    def unsplit(cls, fixed: Grid, start: Transform) -> "Middle":
        """Stay in the space of the fixed image."""
        here = Transform.identity(fixed)
        return cls(from_fixed=here, to_fixed=here, to_moving=start, grid=fixed, is_split=False)

    def transform(self, displacement: Float[Tensor, "1 axis *space"], grid: Grid, target: Grid) -> Transform:
        """Return the transform from the fixed to the moving image of a field that was found here.

        Args:
            displacement: In voxels of ``grid``.
            grid: Part of the middle that the field covers; beyond it, the vector at its nearest edge holds.
            target: Of the result, in the fixed image's space.
        """
        voxels = displacement[0].movedim(0, -1).cpu().numpy()
        world = voxels @ grid.voxel_to_world().T.astype(np.float32)
        field = Transform.identity(grid).with_displacement(world)
        return compose(compose(self.from_fixed, field, grid=target, hold_edges=True), self.to_moving)

    def halves_of(self, given: Transform, grid: Grid) -> Float[Tensor, "2 axis *space"]:
        """Return what an affine transform from the fixed to the moving image comes to here, as half fields.

        Args:
            given: Without a field.
            grid: Where here the fields are wanted; their vectors are in voxels of it.

        Returns:
            From here to either image; of what has no root to speak of, all of it to the moving image.

        Raises:
            InputError: If it, or what leads to the moving image, holds a field.
        """
        if given.displacement is not None or self.to_moving.displacement is not None:
            raise InputError("given and the way from the middle to the moving image must be affine, but hold a field")
        there = np.linalg.solve(self.to_moving.homogeneous(), given.homogeneous() @ self.to_fixed.homogeneous())
        half = affine_root(there)
        if half is None:
            return one_sided(_field(there, grid))
        return torch.cat([_field(np.linalg.inv(half), grid), _field(half, grid)])

    def displacement(self, transform: Transform, grid: Grid) -> Float[Tensor, "1 axis *space"]:
        """Return what a transform from the fixed to the moving image comes to as a field here.

        Args:
            transform: Its field holds on at its edges where the grid reaches beyond.
            grid: Where here the field is wanted; its vectors are in voxels of it.

        Raises:
            InputError: If what leads to the moving image holds a field.
        """
        if self.to_moving.displacement is not None:
            raise InputError("the way from the middle to the moving image holds a field, but must be affine here")
        from_moving = Transform.from_homogeneous(np.linalg.inv(self.to_moving.homogeneous()), grid)
        rest = compose(self.to_fixed, transform, from_moving, grid=grid, hold_edges=True)
        return torch.from_numpy(grid.in_voxels(rest.total_displacement()))[None]


def _field(matrix: Float[np.ndarray, "row column"], grid: Grid) -> Float[Tensor, "1 axis *space"]:
    """An affine map as a field in voxels of the grid."""
    world = Transform.from_homogeneous(matrix, grid).total_displacement()
    return torch.from_numpy(grid.in_voxels(world))[None].float()


def _shared(fixed: Grid, moving: Grid, half: np.ndarray) -> Grid | None:
    """What lies in both images in the middle, in voxels as the finer one's are there; none if nothing does."""
    scale = abs(np.linalg.det(half[:-1, :-1])) ** (1 / fixed.dimension)
    there, back = _scaled(fixed, half, scale), _scaled(moving, np.linalg.inv(half), 1 / scale)
    # any rule will do that gives the same grid when the images are exchanged
    finer = min(there, back, key=lambda grid: (np.prod(grid.spacing), grid.spacing, grid.origin, grid.direction))
    to_index = np.linalg.inv(finer.index_to_world()).T[:, :-1]
    places = [_corners(fixed) @ half.T @ to_index, _corners(moving) @ np.linalg.inv(half).T @ to_index]
    first = np.floor(np.max([each.min(axis=0) for each in places], axis=0) + _SAME_VOXELS).astype(int)
    last = np.ceil(np.min([each.max(axis=0) for each in places], axis=0) - _SAME_VOXELS).astype(int)
    if (last < first).any():
        return None
    origin = finer.index_to_world() @ np.append(first, 1.0)
    return replace(finer, origin=tuple(origin[:-1].tolist()), size=tuple((last - first + 1).tolist()))


def _scaled(grid: Grid, matrix: Float[np.ndarray, "row column"], scale: float) -> Grid:
    """The grid begun where its first voxel comes to lie, its voxels as large as they become, its directions kept."""
    origin = matrix @ np.append(grid.origin, 1.0)
    return replace(grid, origin=tuple(origin[:-1].tolist()), spacing=tuple(scale * spacing for spacing in grid.spacing))


def _corners(grid: Grid) -> Float[np.ndarray, "corner one_more"]:
    """Homogeneous world positions of the centres of the voxels in the corners."""
    ends = np.stack(np.meshgrid(*([0, size - 1] for size in grid.size), indexing="ij"), axis=-1)
    index = ends.reshape(-1, grid.dimension)
    corners: np.ndarray = np.c_[index, np.ones(len(index))] @ grid.index_to_world().T
    return corners
