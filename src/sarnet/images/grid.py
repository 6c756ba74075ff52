"""Where the voxels of an image lie in the world."""

from dataclasses import dataclass, replace

import numpy as np
import SimpleITK as sitk
from jaxtyping import Float

from sarnet.errors import GridError


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Size, spacing, origin and direction of an image: everything about it but its values.

    All are in ITK's order, x first, and in LPS millimetres; ``shape`` alone is in array order.
    """

    size: tuple[int, ...]
    """Voxels along x, y[, z]."""

    spacing: tuple[float, ...]
    """Millimetres between two voxels along x, y[, z]."""

    origin: tuple[float, ...]
    """World position of the centre of the first voxel."""

    direction: tuple[float, ...]
    """Row-major matrix whose columns are the world directions of the voxel axes."""

    def __post_init__(self) -> None:
        n = len(self.size)
        if n not in (2, 3):
            raise GridError(f"size is {self.size}, but a grid has two or three axes")
        if (len(self.spacing), len(self.origin), len(self.direction)) != (n, n, n * n):
            raise GridError(
                f"size {self.size} has {n} axes, but spacing {self.spacing}, origin {self.origin} and direction "
                f"{self.direction} do not fit it"
            )
        if min(self.size) < 1:
            raise GridError(f"size is {self.size}, but every axis needs a voxel")
        numbers = np.array([*self.spacing, *self.origin, *self.direction])
        if not np.isfinite(numbers).all() or min(self.spacing) <= 0:
            raise GridError(
                f"spacing {self.spacing}, origin {self.origin} and direction {self.direction} must be finite, "
                "spacing positive"
            )

    @classmethod
    def of(cls, image: sitk.Image) -> "Grid":
        """Read the grid of a SimpleITK image."""
        return cls(
            size=tuple(image.GetSize()),
            spacing=tuple(image.GetSpacing()),
            origin=tuple(image.GetOrigin()),
            direction=tuple(image.GetDirection()),
        )

    @classmethod
    def plain(cls, shape: tuple[int, ...], *, spacing: tuple[float, ...] | None = None) -> "Grid":
        """Return the grid of an array that says nothing of where it lies: origin zero, axes along the world's.

        Args:
            shape: Array shape, slowest axis first.
            spacing: Millimetres along x, y[, z]; one where it is left out.
        """
        n = len(shape)
        return cls(
            size=tuple(reversed(shape)),
            spacing=spacing or (1.0,) * n,
            origin=(0.0,) * n,
            direction=tuple(np.eye(n).ravel().tolist()),
        )

    @property
    def dimension(self) -> int:
        """Number of axes: 2 or 3."""
        return len(self.size)

    @property
    def shape(self) -> tuple[int, ...]:
        """Array shape, slowest axis first: the reverse of ``size``."""
        return tuple(reversed(self.size))

    def voxel_to_world(self) -> Float[np.ndarray, "axis axis"]:
        """Return the matrix from voxel offsets in **array order** to world offsets in millimetres (x first)."""
        matrix = np.array(self.direction).reshape(self.dimension, -1) * np.array(self.spacing)
        return np.ascontiguousarray(matrix[:, ::-1])

    def in_voxels(self, vectors: Float[np.ndarray, "*space axis"]) -> Float[np.ndarray, "axis *space"]:
        """Return vectors in world millimetres (x first) in voxels: component ``i`` along array axis ``i``, in front."""
        to_voxels = np.linalg.inv(self.voxel_to_world()).T.astype(vectors.dtype)
        return np.ascontiguousarray(np.moveaxis(vectors @ to_voxels, -1, 0))

    def index_to_world(self) -> Float[np.ndarray, "one_more one_more"]:
        """Return the homogeneous matrix from voxel index to world position, both x first."""
        matrix = np.eye(self.dimension + 1)
        matrix[:-1, :-1] = self.voxel_to_world()[:, ::-1]
        matrix[:-1, -1] = self.origin
        return matrix

    def same_as(self, other: "Grid", *, tolerance: float = 0.01) -> bool:
        """Tell whether the two hold the same voxels at the same places, up to ``tolerance`` voxels.

        Headers round: six digits of a spacing are a thousandth of a voxel at the far end of an image.
        """
        if self.size != other.size:
            return False
        # the far corners differ by whatever spacing, origin or direction differ by
        corners = np.array([[0.0] * self.dimension, *np.diag([s - 1.0 for s in self.shape])])
        mine = corners @ self.voxel_to_world().T + np.array(self.origin)
        theirs = corners @ other.voxel_to_world().T + np.array(other.origin)
        return bool(np.abs(mine - theirs).max() <= tolerance * min(self.spacing))

    def reduced(self, factor: int) -> "Grid":
        """Return the grid of blocks of ``factor`` voxels along each axis: the same extent, coarser.

        Raises:
            GridError: If an axis is no multiple of ``factor``.
        """
        if any(size % factor for size in self.size):
            raise GridError(f"size is {self.size}, but every axis must be a multiple of {factor}")
        middle = self.voxel_to_world() @ np.full(self.dimension, (factor - 1) / 2)
        return replace(
            self,
            size=tuple(size // factor for size in self.size),
            spacing=tuple(spacing * factor for spacing in self.spacing),
            origin=tuple((np.array(self.origin) + middle).tolist()),
        )

    def empty_itk(self) -> sitk.Image:
        """Return a SimpleITK image on this grid, for functions that want one as their reference."""
        image = sitk.Image(list(self.size), sitk.sitkUInt8)
        self.place(image)
        return image

    def place(self, image: sitk.Image) -> None:
        """Give a SimpleITK image this grid's spacing, origin and direction."""
        image.SetSpacing(self.spacing)
        image.SetOrigin(self.origin)
        image.SetDirection(self.direction)
