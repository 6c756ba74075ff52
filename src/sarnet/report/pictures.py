"""Every picture of a registration, as colours of pixels, plane by plane."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from sarnet.report import figures, panels
from sarnet.report.planes import Plane, planes
from sarnet.report.result import Result

_LEAST_DIFFERENCE = 0.1
_LEAST_LOG_VOLUME = 0.1
_MOST_LOG_VOLUME = 1.5  # a near-fold would take the colours from all the rest
_LEAST_UNCERTAINTY_MM = 0.1
_SMALLEST_VOLUME = 1e-3
_SMALL_FOLD = 60.0  # pixels; what is larger is seen without a ring
_DIMMED = 0.75


@dataclass(frozen=True, kw_only=True, eq=False)
class Cut:
    """What lies in one plane."""

    plane: Plane
    fixed: Float[np.ndarray, "y x"]
    before: Float[np.ndarray, "y x"]
    warped: Float[np.ndarray, "y x"]

    displacement: Float[np.ndarray, "y x 2"]
    """In pixels, down and to the right."""

    volume: Float[np.ndarray, "y x"]
    """Determinant of the Jacobian."""

    uncertainty: Float[np.ndarray, "y x"] | None
    """In millimetres, where it was asked for."""

    inside: Bool[np.ndarray, "y x"]
    """What of the fixed image is not background."""

    folds: Float[np.ndarray, "fold 2"]
    """Where folds are too small to be seen: the middle of each, in pixels."""


def cuts(result: Result, *, longest_pixels: int) -> tuple[Cut, ...]:
    """Cut a registration along the planes it is shown in."""
    found = planes(result.grid, result.focus, longest_pixels=longest_pixels, view=result.view)
    return tuple(_cut(result, plane) for plane in found)


def fixed(cut: Cut) -> UInt8[np.ndarray, "y x 3"]:
    """Return the fixed image."""
    return panels.grey(cut.fixed)


def before(cut: Cut) -> UInt8[np.ndarray, "y x 3"]:
    """Return the moving image before registration."""
    return panels.grey(cut.before)


def warped(cut: Cut) -> UInt8[np.ndarray, "y x 3"]:
    """Return the moving image after registration."""
    return panels.grey(cut.warped)


def checkerboard_before(cut: Cut) -> UInt8[np.ndarray, "y x 3"]:
    """Return squares of the fixed and the moving image in turn."""
    return panels.grey(panels.checkerboard(cut.fixed, cut.before))


def checkerboard_after(cut: Cut) -> UInt8[np.ndarray, "y x 3"]:
    """Return squares of the fixed and the warped image in turn."""
    return panels.grey(panels.checkerboard(cut.fixed, cut.warped))


def overlay_before(cut: Cut) -> UInt8[np.ndarray, "y x 3"]:
    """Return the fixed image in blue and the moving one in orange."""
    return panels.overlay(cut.fixed, cut.before)


def overlay_after(cut: Cut) -> UInt8[np.ndarray, "y x 3"]:
    """Return the fixed image in blue and the warped one in orange."""
    return panels.overlay(cut.fixed, cut.warped)


def difference_before(cut: Cut, limit: float) -> UInt8[np.ndarray, "y x 3"]:
    """Return the fixed image less the moving one, in colours."""
    return panels.diverging(cut.fixed - cut.before, limit=limit, colours=panels.DIFFERENCE_COLOURS)


def difference_after(cut: Cut, limit: float) -> UInt8[np.ndarray, "y x 3"]:
    """Return the fixed image less the warped one, in colours."""
    return panels.diverging(cut.fixed - cut.warped, limit=limit, colours=panels.DIFFERENCE_COLOURS)


def difference_limit(found: tuple[Cut, ...]) -> float:
    """Return the end of the scale that all differences share."""
    maps = [cut.fixed - other for cut in found for other in (cut.before, cut.warped)]
    return panels.symmetric_limit(*maps, least=_LEAST_DIFFERENCE)


def deformed_grid(cut: Cut) -> UInt8[np.ndarray, "y x 3"]:
    """Return a regular grid, moved by the field, over the fixed image."""
    return figures.deformed_grid(panels.grey(_DIMMED * cut.fixed), cut.displacement)


def log_volume(cut: Cut, limit: float) -> UInt8[np.ndarray, "y x 3"]:
    """Return the logarithm of the Jacobian's determinant in colours, with folds and the fixed image's outline."""
    picture = panels.diverging(_log(cut.volume), limit=limit, colours=panels.VOLUME_COLOURS)
    return figures.outlined(panels.marked(picture, cut.volume <= 0), cut.inside, cut.folds)


def log_volume_limit(found: tuple[Cut, ...]) -> float:
    """Return the end of the scale of the log-Jacobian maps."""
    maps = [_log(cut.volume[cut.volume > 0]) for cut in found]
    return min(_MOST_LOG_VOLUME, panels.symmetric_limit(*maps, least=_LEAST_LOG_VOLUME))


def uncertainty(cut: Cut, limit_mm: float) -> UInt8[np.ndarray, "y x 3"]:
    """Return the uncertainty in colours, with the fixed image's outline."""
    assert cut.uncertainty is not None
    picture = panels.sequential(cut.uncertainty, limit=limit_mm, colours=panels.UNCERTAINTY_COLOURS)
    return figures.outlined(picture, cut.inside, np.empty((0, 2)))


def uncertainty_limit_mm(found: tuple[Cut, ...]) -> float:
    """Return the end of the scale of the maps of uncertainty: of the foreground, for beyond it nothing is known."""
    maps = [cut.uncertainty[cut.inside] for cut in found if cut.uncertainty is not None]
    return panels.symmetric_limit(*maps, least=_LEAST_UNCERTAINTY_MM)


def _cut(result: Result, plane: Plane) -> Cut:
    parts, count = ndimage.label(result.jacobian.array[plane.slab] <= 0)
    pixels = np.bincount(parts.ravel(), minlength=count + 1)[1:] * plane.pixels_in_a_voxel(result.grid)
    small = (np.flatnonzero(pixels < _SMALL_FOLD) + 1).tolist()
    # counted from the slab's first voxel, which differs across the plane alone
    folds = np.array(ndimage.center_of_mass(parts > 0, parts, small)).reshape(-1, result.grid.dimension)
    return Cut(
        plane=plane,
        fixed=plane.sample(result.fixed),
        before=plane.sample(result.before),
        warped=plane.sample(result.warped),
        displacement=plane.sample_field(result.displacement, result.grid),
        volume=plane.sample(result.jacobian, interpolation="nearest"),
        uncertainty=None if result.uncertainty is None else plane.sample(result.uncertainty),
        inside=plane.sample(result.foreground, interpolation="nearest") > 0,
        folds=plane.pixels_of(folds, result.grid),
    )


def _log(volume: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    return np.asarray(np.log(np.maximum(volume, _SMALLEST_VOLUME)))
