"""The inverse of a transform, for images and for points."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.errors import GridError, ShapeError
from sarnet.fields.invert import fixed_point
from sarnet.images.grid import Grid
from sarnet.transforms.sampling import (
    UnitFrame,
    as_planes,
    as_points,
    lattice,
    read_linear,
    readable,
    slabs,
    turned,
)
from sarnet.transforms.transform import Transform

_ROUNDS = (2,) * 8 + (8,) * 5
"""After each round of so many steps, only the places that are not there yet go on; steep ones need long rounds."""
_COARSEST = 16
"""Voxels along each axis of the smallest grid from which the iteration starts."""
_TOLERANCE_VOXELS = 1e-3
"""Of the fixed grid's smallest spacing: a place is left alone once it is this near."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Inverse:
    """An inverse, and how far it is from one."""

    transform: Transform
    """From points of moving space to where they lie in fixed space."""

    residual_mm: Float[np.ndarray, "*space"]
    """``|T(T^{-1}(q)) - q|`` at the voxels of its grid; NaN where those lie beyond the field that was inverted."""

    @property
    def mean_mm(self) -> float:
        """Mean residual over the voxels that the fixed grid reaches; zero if it reaches none."""
        return float(np.nanmean(self.residual_mm)) if self._reached else 0.0

    @property
    def largest_mm(self) -> float:
        """Largest residual there."""
        return float(np.nanmax(self.residual_mm)) if self._reached else 0.0

    @property
    def _reached(self) -> bool:
        return not np.isnan(self.residual_mm).all()


class InversePoints(NamedTuple):
    """Points of fixed space, and how well each is known."""

    points_world: Float[np.ndarray, "point axis"]
    residual_mm: Float[np.ndarray, " point"]


def invert(transform: Transform, grid: Grid) -> Inverse:
    r"""Invert a transform: find ``T^{-1}`` with ``T(T^{-1}(q)) = q`` for every voxel ``q`` of a grid in moving space.

    The affine part is inverted exactly and keeps its place behind the field,

    .. math:: T^{-1}(q) = M^{-1}(q + e(q) - t), \quad e(q) = M w, \quad w + d(M^{-1}(q - t) + w) = 0,

    with ``w`` by the damped fixed-point iteration of :func:`sarnet.fields.invert`, from coarse grids to ``grid``, the
    field ``d`` read where the iteration leads, never resampled. Beyond the grid of ``d`` its outermost vectors hold.

    Args:
        transform: What to invert.
        grid: Grid of the inverse: that of the moving image.

    Returns:
        The inverse and its residual. Where the field folds there is no inverse: the iteration finds one of the points
        that lead to ``q``, or none and leaves a large residual; :func:`sarnet.transforms.jacobian` tells where.

    Raises:
        GridError: If the numbers of axes differ.
    """
    if grid.dimension != transform.grid.dimension:
        raise GridError(f"grid has {grid.dimension} axes, but the transform has {transform.grid.dimension}")
    back = np.linalg.inv(transform.homogeneous())
    inverse = Transform(grid=grid, matrix=back[:-1, :-1], translation=back[:-1, -1])
    if transform.displacement is None:
        return Inverse(transform=inverse, residual_mm=np.zeros(grid.shape, np.float32))
    solver = _Solver(transform, dtype=torch.float32)
    guess = _Guess(solver, back, grid)
    displacement = np.empty((*grid.shape, grid.dimension), np.float32)
    residual = np.empty(grid.shape, np.float32)
    for rows in slabs(grid.shape):
        start = lattice(solver.frame.from_world @ back @ grid.index_to_world(), grid.shape, rows)
        moved, left, reached = solver.solve(start, guess(grid, rows))
        displacement[rows] = turned(transform.matrix, moved).movedim(1, -1).numpy()
        length = turned(transform.matrix, left).square().sum(dim=1).sqrt()
        residual[rows] = torch.where(reached[:, 0], length, torch.nan).numpy()
    return Inverse(transform=inverse.with_displacement(displacement), residual_mm=residual)


def invert_points(transform: Transform, points_world: Float[np.ndarray, "point axis"]) -> InversePoints:
    """Move points of moving space to where they lie in fixed space, each solved for by itself.

    Args:
        transform: From fixed to moving space.
        points_world: LPS millimetres in moving space, x first.

    Returns:
        The points and how far ``transform`` leads each from where it came, in millimetres.

    Raises:
        ShapeError: If the points have another number of coordinates than the grid has axes.
    """
    if points_world.ndim != 2 or points_world.shape[1] != transform.grid.dimension:
        raise ShapeError(f"points_world has shape {points_world.shape}, but wanted (point, {transform.grid.dimension})")
    found = np.linalg.solve(transform.matrix, (points_world.astype(np.float64) - transform.translation).T).T
    if transform.displacement is not None and len(found):
        solver = _Solver(transform, dtype=torch.float64)
        start = as_planes(np.c_[found, np.ones(len(found))] @ solver.frame.from_world[:-1].T)
        moved, _, reached = solver.solve(start)
        # beyond the grid there is no field
        found = found + as_points(moved * reached)
    residual = np.linalg.norm(transform.points(found) - points_world, axis=1)
    return InversePoints(np.ascontiguousarray(found), residual)


class _Solution(NamedTuple):
    """At places ``p``, in millimetres of fixed space."""

    moved: Tensor
    """``w`` with ``w + d(p + w) = 0``."""
    left: Tensor
    """``w + d(p + w)``."""
    reached: Tensor
    """Whether ``p + w`` lies in the grid of ``d``."""


class _Solver:
    """The field of a transform, ready to be inverted anywhere."""

    def __init__(self, transform: Transform, *, dtype: torch.dtype) -> None:
        assert transform.displacement is not None
        self.frame = UnitFrame(transform.grid)
        self._field = readable(transform.displacement, dtype=dtype)
        self._to_unit = self.frame.from_world[:-1, :-1]
        self._tolerance_mm = _TOLERANCE_VOXELS * min(transform.grid.spacing)

    def solve(
        self, start: Float[Tensor, "plane axis *rest"], guess: Float[Tensor, "plane axis *rest"] | None = None
    ) -> _Solution:
        """Solve at places in unit coordinates, from a first guess of ``w``."""
        moved, left = self._iterate(start, torch.zeros_like(start) if guess is None else guess, _ROUNDS[0])
        for iterations in _ROUNDS[1:]:
            far = left.square().sum(dim=1) > self._tolerance_mm**2
            if not far.any():
                break
            found = self._iterate(_selected(start, far), _selected(moved, far), iterations)
            for whole, part in zip((moved, left), found):
                whole.movedim(1, -1)[far] = part[0].flatten(1).T
        return _Solution(moved, left, self.frame.inside(start + turned(self._to_unit, moved)))

    def _iterate(self, start: Tensor, guess: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
        def read(moved: Tensor) -> Tensor:
            return read_linear(self._field, start + turned(self._to_unit, moved))

        return fixed_point(read, guess, iterations=iterations, tolerance=self._tolerance_mm)


class _Guess:
    """The solution on a grid of half as many voxels along each axis, which began with one on half of those."""

    def __init__(self, solver: _Solver, back: Float[np.ndarray, "one_more one_more"], grid: Grid) -> None:
        coarse = replace(
            grid, size=tuple(size // 2 + 1 for size in grid.size), spacing=tuple(2 * each for each in grid.spacing)
        )
        self._frame = UnitFrame(coarse)
        coarser = None if max(coarse.size) < _COARSEST else _Guess(solver, back, coarse)
        moved = np.empty((*coarse.shape, coarse.dimension), np.float32)
        for rows in slabs(coarse.shape):
            start = lattice(solver.frame.from_world @ back @ coarse.index_to_world(), coarse.shape, rows)
            guess = None if coarser is None else coarser(coarse, rows)
            moved[rows] = solver.solve(start, guess).moved.movedim(1, -1).numpy()
        self._moved = readable(moved)

    def __call__(self, grid: Grid, rows: slice) -> Tensor:
        """``w`` at the voxels of a slab, a first guess."""
        return read_linear(self._moved, lattice(self._frame.from_world @ grid.index_to_world(), grid.shape, rows))


def _selected(planes: Tensor, chosen: Tensor) -> Tensor:
    """The places chosen, as one plane of a single line."""
    n = planes.shape[1]
    return planes.movedim(1, -1)[chosen].T.reshape(1, n, *[1] * (n - 2), -1).contiguous()
