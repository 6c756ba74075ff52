"""Through which planes an image is shown, which way up, and what lies there.

One rule for every image: the world's x axis, towards the patient's left, grows to the right of the picture; y, towards
posterior, grows downwards, or to the right where the picture has no x; z, towards superior, grows upwards. This is the
radiological convention for axial, coronal and sagittal planes, and leaves a PNG as it is. Pictures follow the image's
own axes, each taken for the axis of the world that it is nearest to.
"""

from dataclasses import dataclass, replace
from itertools import permutations

import numpy as np
from jaxtyping import Bool, Float, Int, Num

from sarnet.images import Grid, Image, field_to_grid, resample
from sarnet.types import Interpolation

_SIDES = (("R", "L"), ("A", "P"), ("I", "S"))
"""Where the world's axes come from and go to."""

_MARGIN = 0.04  # of the longest side

_VIEWS = {"axial": (0, 1), "coronal": (0, 2), "sagittal": (1, 2)}
"""World axes across and along each plane."""


@dataclass(frozen=True, kw_only=True)
class Focus:
    """Which part of an image is shown, in array order."""

    centre: tuple[int, ...]
    """The voxel that all planes go through."""

    box: tuple[slice, ...]
    """The part that they show."""


@dataclass(frozen=True, kw_only=True)
class Letters:
    """Which sides of the patient the edges of a picture are."""

    left: str
    right: str
    top: str
    bottom: str


@dataclass(frozen=True, kw_only=True)
class Plane:
    """One picture's worth of an image: square pixels, the first at the top left."""

    name: str
    """``"axial"``, ``"coronal"`` or ``"sagittal"``; of an image of two axes, ``"image"``."""

    grid: Grid
    """Pixels in the world; of a volume, with one slice as the last axis."""

    slab: tuple[slice, ...]
    """Part of the image's array that the plane goes through."""

    letters: Letters

    def sample(self, image: Image, *, interpolation: Interpolation = "linear") -> Num[np.ndarray, "y x"]:
        """Return the values of ``image`` at the pixels."""
        part = Image(array=np.ascontiguousarray(image.array[self.slab]), grid=_part(image.grid, self.slab))
        values = resample(part, self.grid, interpolation=interpolation, outside=0.0).array
        return np.asarray(values.reshape(self.shape))

    def sample_field(self, displacement: Float[np.ndarray, "*space axis"], grid: Grid) -> Float[np.ndarray, "y x 2"]:
        """Return what of a field, in millimetres on ``grid``, is in the plane, in pixels down and to the right."""
        part = field_to_grid(displacement[self.slab], _part(grid, self.slab), self.grid)
        in_pixels = part @ np.linalg.inv(self.grid.voxel_to_world()).T.astype(part.dtype)
        return np.asarray(in_pixels[..., -2:].reshape(*self.shape, 2))

    def pixels_of(self, points: Float[np.ndarray, "point axis"], grid: Grid) -> Float[np.ndarray, "point 2"]:
        """Return where voxels of ``grid``, in array order, are in the picture: pixels down and to the right."""
        world = points @ grid.voxel_to_world().T + np.array(grid.origin)
        pixels = (world - np.array(self.grid.origin)) @ np.linalg.inv(self.grid.voxel_to_world()).T
        return np.asarray(pixels[:, -2:])

    def pixels_in_a_voxel(self, grid: Grid) -> float:
        """Return how many pixels a voxel of ``grid`` covers."""
        return float(np.prod(grid.spacing) / np.prod(self.grid.spacing))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        return self.grid.size[1], self.grid.size[0]


def planes(grid: Grid, focus: Focus, *, longest_pixels: int, view: str = "axial") -> tuple[Plane, ...]:
    """Return the planes through the middle of what is shown: three of a volume, the one of an image of two axes.

    Args:
        grid: Grid of the image.
        focus: Which part of it is shown.
        longest_pixels: Pixels along the longest side of the longest picture; all share one scale.
        view: Which plane of the patient an image of two axes is.
    """
    sizes = [side.stop - side.start for side in focus.box[::-1]]
    pixel_mm = max(n * s for n, s in zip(sizes, grid.spacing)) / longest_pixels
    if grid.dimension == 2:
        return (_plane(grid, focus, ("image", (0, 1), _VIEWS[view]), pixel_mm),)
    return tuple(_plane(grid, focus, (name, pair, pair), pixel_mm) for name, pair in _VIEWS.items())


def focus_on(middle_of: Bool[np.ndarray, "*space"], whole_of: Bool[np.ndarray, "*space"] | None = None) -> Focus:
    """Return where to look to see a mask.

    Args:
        middle_of: The planes go through the centroid of this mask, or the middle of an empty one.
        whole_of: All of this mask is to be seen, with a margin; all of the image, where it is empty or left out.
    """
    centre, box = [], []
    margin = 0.0 if whole_of is None else _MARGIN * max(whole_of.shape)
    for axis, size in enumerate(middle_of.shape):
        counts = _along(middle_of, axis)
        total = int(counts.sum())
        centre.append(round(float(counts @ np.arange(size)) / total) if total else size // 2)
        seen = np.flatnonzero(np.zeros(0) if whole_of is None else _along(whole_of, axis))
        first, last = (int(seen[0]), int(seen[-1])) if seen.size else (0, size - 1)
        box.append(slice(max(0, round(first - margin)), min(size, round(last + margin) + 1)))
    return Focus(centre=tuple(centre), box=tuple(box))


def is_oblique(grid: Grid) -> bool:
    """Tell whether the axes of a grid are turned against the world's by more than a degree or two."""
    return bool(np.abs(np.array(grid.direction)).reshape(grid.dimension, -1).max(axis=1).min() < np.cos(np.radians(2)))


def _plane(grid: Grid, focus: Focus, view: tuple[str, tuple[int, int], tuple[int, int]], pixel_mm: float) -> Plane:
    """One plane; ``view``: its name, the axes of the grid's world across and down, those of the patient they are."""
    name, world, anatomy = view
    direction = np.array(grid.direction).reshape(grid.dimension, -1)
    axes = _voxel_axes(grid)
    used = [axes[w] for w in world]
    voxel, box = focus.centre[::-1], focus.box[::-1]  # x first
    start, columns, size, spacing = [float(v) for v in voxel], [], [], []
    for w, axis, patient in zip(world, used, anatomy):
        sign = np.sign(direction[w, axis]) * (-1 if patient == 2 else 1)  # superior on top
        step = pixel_mm / grid.spacing[axis]
        side = box[axis]
        pixels = max(1, int((side.stop - side.start) / step + 1e-6))
        start[axis] = (side.start + side.stop - 1) / 2 - sign * step * (pixels - 1) / 2
        columns.append(sign * direction[:, axis])
        size.append(pixels)
        spacing.append(pixel_mm)
    slab = [slice(None)] * grid.dimension
    for axis in set(range(grid.dimension)) - set(used):
        columns.append(direction[:, axis])
        size.append(1)
        spacing.append(grid.spacing[axis])
        slab[grid.dimension - 1 - axis] = slice(voxel[axis], voxel[axis] + 1)
    origin = np.array(grid.origin) + direction @ (np.array(start) * grid.spacing)
    plane = Grid(
        size=tuple(size),
        spacing=tuple(spacing),
        origin=tuple(origin.tolist()),
        direction=tuple(np.stack(columns, axis=1).ravel().tolist()),
    )
    (left, right), (top, bottom) = _SIDES[anatomy[0]], _SIDES[anatomy[1]]
    if anatomy[1] == 2:
        top, bottom = bottom, top
    letters = Letters(left=left, right=right, top=top, bottom=bottom)
    return Plane(name=name, grid=plane, slab=tuple(slab), letters=letters)


def _voxel_axes(grid: Grid) -> tuple[int, ...]:
    """The voxel axis, x first, that is nearest to each axis of the world, each taken once."""
    along = np.abs(np.array(grid.direction)).reshape(grid.dimension, -1)
    return max(permutations(range(grid.dimension)), key=lambda order: sum(along[w, v] for w, v in enumerate(order)))


def _along(mask: Bool[np.ndarray, "*space"], axis: int) -> Int[np.ndarray, "size"]:
    """How many voxels of a mask are in each slice across an axis."""
    return np.asarray(mask.sum(axis=tuple(other for other in range(mask.ndim) if other != axis)))


def _part(grid: Grid, slab: tuple[slice, ...]) -> Grid:
    """The grid of ``array[slab]``."""
    start = np.array([s.start or 0 for s in slab])
    origin = np.array(grid.origin) + grid.voxel_to_world() @ start
    size = [n if s.start is None else s.stop - s.start for s, n in zip(slab, grid.shape)][::-1]
    return replace(grid, size=tuple(size), origin=tuple(origin.tolist()))
