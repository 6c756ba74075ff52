"""One transform after another."""

import numpy as np
from jaxtyping import Float

from sarnet.errors import GridError, InputError
from sarnet.images.grid import Grid
from sarnet.transforms.sampling import UnitFrame, lattice, read_linear, readable, slabs, turned, vectors
from sarnet.transforms.transform import Transform


def compose(*transforms: Transform, grid: Grid | None = None, hold_edges: bool = False) -> Transform:
    r"""Return the transform of points that pass the first of ``transforms``, then the next.

    As ``antsApplyTransforms -t T1 -t T2`` has it: a scale by 2, then a shift by 10, takes 1 to 12. The moving *image*
    is acted on in the other order. The affine parts stay exact; what the fields add to them becomes one field,

    .. math:: T_2(T_1(p)) = M_2 M_1 (p + e(p)) + M_2 t_1 + t_2, \quad e(p) = d_1(p) + M_1^{-1} d_2(T_1(p))

    which is exact at the voxels of ``grid``: each field is read, linearly, only where the points really are.

    Args:
        transforms: In the order in which a point of fixed space passes them.
        grid: Grid of the result; that of the first transform where it is left out. With a single transform, this reads
            its field on another grid.
        hold_edges: Whether beyond its grid a field holds the vector of its nearest edge; ITK's fields have none there.

    Raises:
        InputError: If there is no transform.
        GridError: If they have different numbers of axes.
    """
    if not transforms:
        raise InputError("transforms is empty, but composing needs one at least")
    grid = grid or transforms[0].grid
    for each in transforms:
        if each.grid.dimension != grid.dimension:
            raise GridError(f"a transform has {each.grid.dimension} axes, but the others or the grid {grid.dimension}")
    result = Transform.identity(grid)
    for each in transforms:
        result = _after(result, each, hold_edges=hold_edges)
    return result


def _after(first: Transform, second: Transform, *, hold_edges: bool) -> Transform:
    """``second`` after ``first``, on the grid of ``first``."""
    affine = second.homogeneous() @ first.homogeneous()
    return Transform(
        grid=first.grid,
        matrix=affine[:-1, :-1],
        translation=affine[:-1, -1],
        displacement=first.displacement
        if second.displacement is None
        else _joined(first, second, hold_edges=hold_edges),
    )


def _joined(first: Transform, second: Transform, *, hold_edges: bool) -> Float[np.ndarray, "*space axis"]:
    """The field ``e`` of :func:`compose`."""
    assert second.displacement is not None
    grid, back = first.grid, np.linalg.inv(first.matrix)
    is_plain = first.displacement is None and np.array_equal(first.homogeneous(), np.eye(grid.dimension + 1))
    if is_plain and second.grid.same_as(grid, tolerance=1e-9):
        return second.displacement
    frame, field = UnitFrame(second.grid), readable(second.displacement)
    led = frame.from_world @ first.homogeneous()
    joined = np.empty((*grid.shape, grid.dimension), np.float32)
    for rows in slabs(grid.shape):
        places = lattice(led @ grid.index_to_world(), grid.shape, rows)
        if first.displacement is not None:
            own = vectors(first.displacement[rows])
            places = places + turned(led[:-1, :-1], own)
        added = turned(back, read_linear(field, places))
        if not hold_edges:
            added = added * frame.inside(places)
        joined[rows] = (added if first.displacement is None else added + own).movedim(1, -1).numpy()
    return joined
