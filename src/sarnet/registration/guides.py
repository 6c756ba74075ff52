"""What may steer a registration: structures that shall meet, and landmarks that belong together."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.interpolate import RBFInterpolator

from sarnet.errors import GridError, InputError, ShapeError
from sarnet.images import Grid, Image, check_labels, field_to_grid, network_grid
from sarnet.registration.image_pair import Regions
from sarnet.transforms import Transform, compose

_MOST_STRUCTURES = 64
"""A structure is a channel of its own: more would take memory that volumes do not leave."""

_REACHES = (0.2, 0.1, 0.05)
"""How far a landmark pulls its surroundings: standard deviations, as shares of the grid's longest side. What many
landmarks have in common is met far around them, what only one of them says close to it."""

_SMOOTHING = 0.3
"""Of each reach: landmarks that contradict their neighbours are met half-way, instead of tearing the field for it."""

_COARSE_VOXELS = 40
"""Along the longest side of the grid on which the landmarks' field is computed: it is smooth."""

_BLOB = 0.02
"""Standard deviation of a landmark's spot, as a share of the grid's longest side."""

_SOLVER_STEPS = 5


@dataclass(frozen=True, kw_only=True, eq=False)
class Guides:
    """What is known to belong together; unlike labels for evaluation, the optimiser sees it."""

    fixed_labels: Image | None = None
    """Structures by their number, on the grid of the fixed image; zero is none."""
    moving_labels: Image | None = None
    """The same numbers on the grid of the moving image."""
    fixed_points: Float[np.ndarray, "_ _"] | None = None
    """Landmarks of the fixed image: LPS millimetres, x first."""
    moving_points: Float[np.ndarray, "_ _"] | None = None
    """Where each of them lies in the moving image."""

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return any(each is not None for each in vars(self).values())

    def check(self, fixed: Image, moving: Image) -> None:
        """Refuse guides that do not belong to a pair.

        Raises:
            InputError: If one half of a pair of guides is missing, the labels are no whole numbers, or have nothing in
                common or too much, or a landmark is not finite.
            GridError: If labels do not lie on their image's grid.
            ShapeError: If landmarks are not as many, or have another number of axes.
        """
        for name, one, other in (
            ("labels", self.fixed_labels, self.moving_labels),
            ("points", self.fixed_points, self.moving_points),
        ):
            if (one is None) != (other is None):
                raise InputError(f"guides have {name} of one image alone: give those of both, or of neither")
        for name, labels, image in (("fixed", self.fixed_labels, fixed), ("moving", self.moving_labels, moving)):
            if labels is not None and not labels.grid.same_as(image.grid):
                raise GridError(f"guide_{name} has another grid than its image: resample it to that of {name}")
            if labels is not None:
                check_labels(labels, f"guide_{name}")
        if self.fixed_labels is not None and not self._structures():
            raise InputError(
                "guide_fixed and guide_moving have no label in common: the same structure needs one number"
            )
        if len(self._structures()) > _MOST_STRUCTURES:
            raise InputError(
                f"guides have {len(self._structures())} labels in common, but may have {_MOST_STRUCTURES}: keep those "
                "that shall steer"
            )
        if self.fixed_points is None or self.moving_points is None:
            return
        wanted = (len(self.fixed_points), fixed.grid.dimension)
        if self.fixed_points.shape != wanted or self.moving_points.shape != wanted or not wanted[0]:
            raise ShapeError(
                f"landmarks have shapes {self.fixed_points.shape} and {self.moving_points.shape}, but must be as many "
                f"of both images, one at least, with {wanted[1]} coordinates"
            )
        if not (np.isfinite(self.fixed_points).all() and np.isfinite(self.moving_points).all()):
            raise InputError("guide_points must be finite, but hold NaN or infinity")

    def regions(self, fixed: Grid, moving: Grid, *, weight: float) -> Regions | None:
        """Return what shall meet as soft masks: a structure each, and a spot at every landmark in one.

        Args:
            fixed: Grid of the fixed image.
            moving: Grid of the moving image.
            weight: What they count beside the images' similarity.
        """
        of_fixed, of_moving = [], []
        if self.fixed_labels is not None and self.moving_labels is not None:
            for structure in self._structures():
                of_fixed.append(_mask(self.fixed_labels, structure))
                of_moving.append(_mask(self.moving_labels, structure))
        if self.fixed_points is not None and self.moving_points is not None:
            width_mm = _BLOB * _longest_mm(fixed)
            of_fixed.append(_spots(self.fixed_points, fixed, width_mm))
            of_moving.append(_spots(self.moving_points, moving, width_mm))
        return Regions(fixed=tuple(of_fixed), moving=tuple(of_moving), weight=weight) if of_fixed else None

    def through_landmarks(self, start: Transform) -> Transform:
        r"""Bend a transform so that it takes each landmark of the fixed image to that of the moving one.

        .. math:: T'(p) = T(p + d(p)), \quad T(p_i + d(p_i)) \approx q_i, \quad
            d(p) = \sum_s \sum_i w_{s,i}\, e^{-|p - p_i|^2 / 2 s^2}

        The widest Gaussians come first, and narrower ones add what those left. Landmarks are set by hand: close ones
        that contradict each other are not met exactly, and the field grows hardly larger than what they ask for. Far
        from all landmarks it is ``start``. Without landmarks it is returned as it is.
        """
        if self.fixed_points is None or self.moving_points is None:
            return start
        wanted = np.zeros_like(self.fixed_points, dtype=np.float64)
        for _ in range(_SOLVER_STEPS):  # one step where the start is affine
            missed = self.moving_points - start.points(self.fixed_points + wanted)
            wanted = wanted + missed @ np.linalg.inv(start.matrix).T
        coarse = network_grid(start.grid, multiple=1, longest_voxels=min(_COARSE_VOXELS, max(start.grid.size)))
        places = _places(coarse)
        field = np.zeros_like(places)
        for reach in _REACHES:
            pull = RBFInterpolator(
                self.fixed_points,
                wanted,
                kernel="gaussian",
                epsilon=1 / (np.sqrt(2) * reach * _longest_mm(start.grid)),
                smoothing=_SMOOTHING,
                degree=-1,
            )
            field += pull(places)
            wanted = wanted - pull(self.fixed_points)
        field = field.reshape(*coarse.shape, -1)
        bent = Transform.identity(start.grid).with_displacement(field_to_grid(field, coarse, start.grid))
        return compose(bent, start)

    def _structures(self) -> list[int]:
        if self.fixed_labels is None or self.moving_labels is None:
            return []
        return [int(each) for each in np.intersect1d(self.fixed_labels.array, self.moving_labels.array) if each != 0]


def _mask(labels: Image, structure: int) -> Image:
    return Image(array=(labels.array == structure).astype(np.uint8), grid=labels.grid)


def _spots(points: Float[np.ndarray, "point axis"], grid: Grid, width_mm: float) -> Image:
    """The largest of a Gaussian around every point, one at the point itself."""
    index = (points - np.array(grid.origin)) @ np.linalg.inv(grid.voxel_to_world()).T  # voxels, array order
    spots = np.zeros(grid.shape, np.float32)
    reach = [int(np.ceil(3 * width_mm / spacing)) + 1 for spacing in reversed(grid.spacing)]
    for point in index:
        low = [max(0, int(p) - r) for p, r in zip(point, reach, strict=True)]
        high = [min(size, int(p) + r + 1) for p, r, size in zip(point, reach, grid.shape, strict=True)]
        if any(a >= b for a, b in zip(low, high, strict=True)):
            continue  # outside of the image
        box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        offsets = np.moveaxis(np.mgrid[box], 0, -1) - point
        square_mm = np.square(offsets * np.array(grid.spacing[::-1])).sum(axis=-1)
        spots[box] = np.maximum(spots[box], np.exp(-square_mm / (2 * width_mm**2)))
    return Image(array=spots, grid=grid)


def _places(grid: Grid) -> Float[np.ndarray, "voxel axis"]:
    index = np.moveaxis(np.indices(grid.shape), 0, -1).reshape(-1, grid.dimension)
    places: np.ndarray = index @ grid.voxel_to_world().T + np.array(grid.origin)
    return places


def _longest_mm(grid: Grid) -> float:
    return float(max(size * spacing for size, spacing in zip(grid.size, grid.spacing, strict=True)))
