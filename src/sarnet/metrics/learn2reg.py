"""Learn2Reg's own scores, number for number as its scorer computes them, its flaws included.

Not to judge by: to compare with what has been published. Everything is counted in voxels and in NIfTI's order of axes,
x first, fields as (x, y, z, 3). What is wrong with them:

* to each Jacobian determinant 3 is added before its logarithm is taken, so SDlogJ is too small by a factor of about 4;
* foldings are counted after that, and after what is not positive has been raised above zero: there are never any;
* HD95 is in voxels, whatever the spacing;
* a label that either image lacks before registration is passed over.
"""

import numpy as np
from jaxtyping import Bool, Float, Num
from scipy import ndimage

from sarnet.errors import ShapeError
from sarnet.metrics.overlap import dice
from sarnet.metrics.surface_distance import surface_distances

_ADDED = 3
_LOWEST, _HIGHEST = 1e-9, 1e9
_CROP = (slice(2, -2),) * 3
"""The scorer leaves two voxels out at each end, where its differences would reach beyond the field."""


def learn2reg_warp(
    moving: Num[np.ndarray, "x y z"], displacement: Float[np.ndarray, "u v w 3"]
) -> Num[np.ndarray, "u v w"]:
    """Return labels warped as the scorer does: the nearest voxel's, zero beyond the moving image."""
    places = np.indices(displacement.shape[:3]) + np.moveaxis(displacement, -1, 0)
    warped: np.ndarray = ndimage.map_coordinates(moving, places, order=0)
    return warped


def learn2reg_determinant(displacement: Float[np.ndarray, "x y z 3"]) -> Float[np.ndarray, "u v w"]:
    """Return the determinant that the scorer computes before it adds 3: central differences, two voxels cropped."""
    slopes = np.stack(np.gradient(displacement, axis=(0, 1, 2)), axis=-1)[_CROP]
    determinant: np.ndarray = np.linalg.det(slopes + np.eye(3, dtype=displacement.dtype))
    return determinant


def learn2reg_sd_log_jacobian(
    displacement: Float[np.ndarray, "x y z 3"], *, mask: Bool[np.ndarray, "x y z"] | None = None
) -> float:
    """Return the scorer's SDlogJ.

    Args:
        displacement: In voxels.
        mask: Voxels to count, all where it is left out.
    """
    logarithm = np.log((learn2reg_determinant(displacement) + _ADDED).clip(_LOWEST, _HIGHEST))
    return float(logarithm.std() if mask is None else logarithm[mask[_CROP]].std())


def learn2reg_dice(
    fixed: Num[np.ndarray, "*space"],
    moving: Num[np.ndarray, "*other"],
    warped: Num[np.ndarray, "*space"],
    labels: tuple[int, ...],
) -> list[float]:
    """Return the scorer's overlap of each label; not a number where fixed or moving lacks it."""
    overlap = dice(fixed, warped, labels=labels)
    return [overlap[label] if _is_in_both(label, fixed, moving) else float("nan") for label in labels]


def learn2reg_hd95(
    fixed: Num[np.ndarray, "*space"],
    moving: Num[np.ndarray, "*other"],
    warped: Num[np.ndarray, "*space"],
    labels: tuple[int, ...],
) -> list[float]:
    """Return the scorer's HD95 of each label in voxels; not a number where fixed or moving lacks it."""
    known = tuple(label for label in labels if _is_in_both(label, fixed, moving))
    found = surface_distances(fixed, warped, spacing=(1.0,) * fixed.ndim, labels=known)
    return [found[label].hd95 if label in found else float("nan") for label in labels]


def learn2reg_tre(
    fixed_voxels: Float[np.ndarray, "point 3"],
    moving_voxels: Float[np.ndarray, "other 3"],
    displacement: Float[np.ndarray, "x y z 3"],
    *,
    spacing: tuple[float, ...],
) -> Float[np.ndarray, " point"]:
    """Return the scorer's error of each landmark in millimetres: the field read by cubic splines.

    Args:
        fixed_voxels: Landmarks of the fixed image, in voxels, x first.
        moving_voxels: Their partners in the moving one.
        displacement: In voxels.
        spacing: Of the moving image, x first.

    Raises:
        ShapeError: If there are not as many of both.
    """
    if fixed_voxels.shape != moving_voxels.shape:
        raise ShapeError(f"fixed_voxels has shape {fixed_voxels.shape}, but moving_voxels {moving_voxels.shape}")
    moved = [ndimage.map_coordinates(displacement[..., axis], fixed_voxels.T) for axis in range(3)]
    missed = (fixed_voxels + np.stack(moved, axis=1) - moving_voxels) * np.array(spacing)
    return np.asarray(np.linalg.norm(missed, axis=1))


def _is_in_both(label: int, fixed: np.ndarray, moving: np.ndarray) -> bool:
    return bool((fixed == label).any() and (moving == label).any())
