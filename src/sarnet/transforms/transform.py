"""A transform in world millimetres: a displacement field, an affine map, or both."""

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
import torch
from jaxtyping import Float

from sarnet.errors import GridError, InputError, ShapeError
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
    vectors,
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Transform:
    r"""Where in the moving space each point of the fixed space comes from, in LPS millimetres, x first.

    The field acts first, the affine map on what it leads to, as ANTs and ITK's composites have it:

    .. math:: T(p) = M\,(p + d(p)) + t
    """

    grid: Grid
    """The grid of the fixed image, and of the field."""

    matrix: Float[np.ndarray, "axis axis"]
    """``M``, world, x first."""

    translation: Float[np.ndarray, " axis"]
    """``t`` in millimetres, x first."""

    displacement: Float[np.ndarray, "*space axis"] | None = None
    """``d`` at the voxels of ``grid``, in array order, each a vector in world millimetres with x first."""

    def __post_init__(self) -> None:
        n = self.grid.dimension
        if self.matrix.shape != (n, n) or self.translation.shape != (n,):
            raise ShapeError(
                f"matrix and translation have shapes {self.matrix.shape} and {self.translation.shape}, but a grid of "
                f"{n} axes needs {(n, n)} and {(n,)}"
            )
        if not (np.isfinite(self.matrix).all() and np.isfinite(self.translation).all()):
            raise InputError("matrix and translation must be finite, but hold NaN or infinity")
        if np.linalg.matrix_rank(self.matrix) < n:
            raise InputError(f"matrix {self.matrix.tolist()} is singular, but a transform must not flatten space")
        if self.displacement is None:
            return
        if self.displacement.shape != (*self.grid.shape, n):
            raise ShapeError(
                f"displacement has shape {self.displacement.shape}, but its grid needs {(*self.grid.shape, n)}"
            )
        if not np.isfinite(self.displacement).all():
            raise InputError("displacement must be finite, but holds NaN or infinity")

    @classmethod
    def identity(cls, grid: Grid) -> "Transform":
        """Return the transform that leaves every point where it is."""
        return cls(grid=grid, matrix=np.eye(grid.dimension), translation=np.zeros(grid.dimension))

    @classmethod
    def from_homogeneous(cls, matrix: Float[np.ndarray, "one_more one_more"], grid: Grid) -> "Transform":
        """Return the affine map of one matrix of the homogeneous coordinates (x, y[, z], 1)."""
        return cls(grid=grid, matrix=matrix[:-1, :-1], translation=matrix[:-1, -1])

    @classmethod
    def from_itk(cls, transform: sitk.Transform, grid: Grid) -> "Transform":
        """Take over any ITK transform.

        Linear transforms and composites of them are kept as a matrix. If one other transform acts before them, it is
        read at the voxels of ``grid``; everything else becomes one field, the total displacement there.

        Args:
            transform: Transform of points of fixed space, of two or three axes.
            grid: Grid of the fixed image.

        Raises:
            GridError: If ``transform`` has another number of axes than ``grid``.
            InputError: If it is singular or not finite.
        """
        if transform.GetDimension() != grid.dimension:
            raise GridError(f"transform has {transform.GetDimension()} axes, but the grid has {grid.dimension}")
        parts = itk_parts(transform)
        linear = [part.IsLinear() for part in parts]
        if all(linear):
            matrix, translation = _linear(parts, grid.dimension)
            return cls(grid=grid, matrix=matrix, translation=translation)
        if all(linear[1:]):
            matrix, translation = _linear(parts[1:], grid.dimension)
            return cls(grid=grid, matrix=matrix, translation=translation, displacement=_sample(parts[0], grid))
        return cls.identity(grid).with_displacement(_sample(transform, grid))

    def to_itk(self) -> sitk.Transform:
        """Return the same as an ITK composite, which can be written, read and applied without this package."""
        composite = sitk.CompositeTransform(self.grid.dimension)
        composite.AddTransform(self.affine_itk())
        if self.displacement is not None:  # added last, so it acts first
            field = vector_image(self.displacement.astype(np.float64), self.grid)
            composite.AddTransform(sitk.DisplacementFieldTransform(field))
        return composite

    def affine_itk(self) -> sitk.AffineTransform:
        """Return the affine part as ITK has it, its centre at the world's origin."""
        affine = sitk.AffineTransform(self.grid.dimension)
        affine.SetMatrix(self.matrix.ravel().tolist())
        affine.SetTranslation(self.translation.tolist())
        return affine

    def points(self, points_world: Float[np.ndarray, "point axis"]) -> Float[np.ndarray, "point axis"]:
        """Move points of fixed space to where they lie in moving space.

        The field is read linearly between its voxels and is zero beyond its grid, as ITK has it.

        Args:
            points_world: LPS millimetres, x first.

        Raises:
            ShapeError: If the points have another number of coordinates than the grid has axes.
        """
        if points_world.ndim != 2 or points_world.shape[1] != self.grid.dimension:
            raise ShapeError(f"points_world has shape {points_world.shape}, but wanted (point, {self.grid.dimension})")
        came = points_world.astype(np.float64)
        if self.displacement is not None and len(came):
            frame = UnitFrame(self.grid)
            field = readable(self.displacement, dtype=torch.float64)
            places = as_planes(np.c_[came, np.ones(len(came))] @ frame.from_world[:-1].T)
            came = came + as_points(read_linear(field, places) * frame.inside(places))
        return np.asarray(came @ self.matrix.T + self.translation)

    @classmethod
    def from_displacement(
        cls,
        displacement: Float[np.ndarray, "*space axis"],
        grid: Grid,
        *,
        fixed_frame: Float[np.ndarray, "one_more one_more"],
        moving_frame: Float[np.ndarray, "one_more one_more"],
    ) -> "Transform":
        """Undo :meth:`displacement_between`: the transform whose total displacement between two frames is given."""
        n, back = grid.dimension, np.linalg.inv(moving_frame)
        moves = (back @ fixed_frame - np.eye(n + 1)) @ grid.index_to_world()
        return cls.identity(grid).with_displacement(_moved(moves, back[:-1, :-1], displacement, grid))

    def total_displacement(self) -> Float[np.ndarray, "*space axis"]:
        """Return how far each voxel's point moves, field and affine map together: ``T(p) - p`` in millimetres."""
        world = np.eye(self.grid.dimension + 1)
        return self.displacement_between(world, world)

    def displacement_between(
        self,
        fixed_frame: Float[np.ndarray, "one_more one_more"],
        moving_frame: Float[np.ndarray, "one_more one_more"],
    ) -> Float[np.ndarray, "*space axis"]:
        """Return each voxel's point in the one frame after the transform, less that in the other before it.

        Args:
            fixed_frame: Takes the homogeneous LPS millimetres of fixed space to coordinates there.
            moving_frame: The same in moving space.
        """
        moves = (moving_frame @ self.homogeneous() - fixed_frame) @ self.grid.index_to_world()
        return _moved(moves, moving_frame[:-1, :-1] @ self.matrix, self.displacement, self.grid)

    def homogeneous(self) -> Float[np.ndarray, "one_more one_more"]:
        """Return the affine part as one matrix of the homogeneous coordinates (x, y[, z], 1)."""
        matrix = np.eye(self.grid.dimension + 1)
        matrix[:-1, :-1], matrix[:-1, -1] = self.matrix, self.translation
        return matrix

    def with_displacement(self, displacement: Float[np.ndarray, "*space axis"] | None) -> "Transform":
        """Return the same affine map behind another field (millimetres, on ``grid``; kept as float32)."""
        return replace(self, displacement=None if displacement is None else displacement.astype(np.float32))


def itk_parts(transform: sitk.Transform) -> list[sitk.Transform]:
    """Return what a transform is composed of, in the order it acts."""
    transform = transform.Downcast()
    if not isinstance(transform, sitk.CompositeTransform):
        return [transform]
    nested = [transform.GetNthTransform(index) for index in range(transform.GetNumberOfTransforms())]
    if len(nested) == 1 and isinstance(nested[0], sitk.CompositeTransform) and transform.IsLinear():
        return [transform]  # what SimpleITK has no class for comes as a composite of itself without end
    return [part for each in reversed(nested) for part in itk_parts(each)]  # the last added acts first


def vector_image(vectors: Float[np.ndarray, "*space axis"], grid: Grid) -> sitk.Image:
    """Return a field in array order as a SimpleITK image of vectors."""
    image = sitk.GetImageFromArray(vectors, isVector=True)
    grid.place(image)
    return image


def _linear(parts: list[sitk.Transform], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and translation of linear transforms of ``n`` axes one after another."""
    matrix, translation = np.eye(n), np.zeros(n)
    for part in parts:
        if isinstance(part, sitk.AffineTransform):  # to the bit
            own = np.array(part.GetMatrix()).reshape(n, n)
            shift = np.array(part.TransformPoint([0.0] * n))
        else:  # whatever its parameters mean, a linear map is known by where it takes the unit vectors
            shift = np.array(part.TransformPoint([0.0] * n))
            own = np.array([part.TransformPoint(unit) for unit in np.eye(n).tolist()]).T - shift[:, None]
        matrix, translation = own @ matrix, own @ translation + shift
    return matrix, translation


def _sample(transform: sitk.Transform, grid: Grid) -> Float[np.ndarray, "*space axis"]:
    field = sitk.TransformToDisplacementField(
        transform, sitk.sitkVectorFloat32, grid.size, grid.origin, grid.spacing, grid.direction
    )
    return sitk.GetArrayFromImage(field)


def _moved(
    moves: Float[np.ndarray, "one_more one_more"],
    turn: Float[np.ndarray, "axis axis"],
    displacement: Float[np.ndarray, "*space axis"] | None,
    grid: Grid,
) -> Float[np.ndarray, "*space axis"]:
    """At every voxel of index ``i``: ``moves (i, 1) + turn d(i)``."""
    total = np.empty((*grid.shape, grid.dimension), np.float32)
    for rows in slabs(grid.shape):
        slab = lattice(moves, grid.shape, rows)
        if displacement is not None:
            slab = slab + turned(turn, vectors(displacement[rows]))
        total[rows] = slab.movedim(1, -1).numpy()
    return total
