"""How far the outlines of labels lie apart."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Num
from scipy import ndimage

from sarnet.errors import InputError, ShapeError
from sarnet.metrics.surface_elements import corner_codes, element_sizes


class SurfaceDistance(NamedTuple):
    """Distance of two outlines, in the unit of the spacing."""

    hd95: float
    """95th percentile of the Hausdorff distance."""
    mad: float
    """Mean absolute distance."""


class _Directed(NamedTuple):
    """What the elements of one outline have to the other."""

    distances: np.ndarray
    """Sorted."""
    sizes: np.ndarray
    """Length or area of each element."""


def surface_distances(
    fixed: Num[np.ndarray, "*space"],
    warped: Num[np.ndarray, "*space"],
    *,
    spacing: tuple[float, ...],
    labels: tuple[int, ...] | None = None,
) -> dict[int, SurfaceDistance]:
    r"""Return how far each label's outlines in two maps lie apart.

    The outline of a label is made of elements at the corners of voxels, of a length (area, of volumes) each; the
    distance of an element is that to the nearest element of the other outline. A share of the outline counts by its
    size, not by its number of voxels:

    .. math:: HD_{95} = \max\left(P_{95}(A \to B),\, P_{95}(B \to A)\right), \quad
        MAD = \tfrac{1}{2}\left(\overline{d}(A \to B) + \overline{d}(B \to A)\right)

    Args:
        fixed: Labels of the fixed image.
        warped: Labels of the moving image, resampled on the fixed grid.
        spacing: Distance of two voxels along each **array** axis; of ones the result is in voxels.
        labels: Which to measure; where left out, every label but 0 that either holds.

    Returns:
        Label to distances. Infinite where one map alone holds the label, not a number where neither does.

    Raises:
        ShapeError: If the maps differ in shape.
        InputError: If ``spacing`` has not one positive number for each of two or three axes.

    Notes:
        DeepMind's definitions (and Learn2Reg's, with a spacing of ones). MONAI takes the percentile over voxels of the
        border, each counting the same: its numbers differ.

    References:
        Nikolov et al., Clinically applicable segmentation of head and neck anatomy, J Med Internet Res 23, 2021.
        https://doi.org/10.2196/26151
    """
    if fixed.shape != warped.shape:
        raise ShapeError(f"fixed has shape {fixed.shape}, but warped {warped.shape}")
    if len(spacing) != fixed.ndim or fixed.ndim not in (2, 3) or not min(spacing) > 0:
        raise InputError(
            f"spacing is {spacing}, but wanted a positive number for each of the {fixed.ndim} axes of fixed (2 or 3)"
        )
    if labels is None:
        labels = tuple(int(label) for label in np.union1d(fixed, warped) if label != 0)
    sizes = element_sizes(spacing)
    return {label: _of_masks(fixed == label, warped == label, spacing, sizes) for label in labels}


def _of_masks(
    fixed: Bool[np.ndarray, "*space"], warped: Bool[np.ndarray, "*space"], spacing: tuple[float, ...], sizes: np.ndarray
) -> SurfaceDistance:
    if not (fixed.any() and warped.any()):
        distance = np.inf if fixed.any() or warped.any() else np.nan
        return SurfaceDistance(distance, distance)
    (box,) = ndimage.find_objects((fixed | warped).astype(np.int8))
    codes = [corner_codes(mask[box]) for mask in (fixed, warped)]
    borders = [(code != 0) & (code != len(sizes) - 1) for code in codes]
    reach = [ndimage.distance_transform_edt(~border, sampling=spacing) for border in borders]
    there = _directed(reach[1][borders[0]], sizes[codes[0][borders[0]]])
    back = _directed(reach[0][borders[1]], sizes[codes[1][borders[1]]])
    return SurfaceDistance(
        hd95=max(_percentile(there, 0.95), _percentile(back, 0.95)),
        mad=float(np.mean([np.average(way.distances, weights=way.sizes) for way in (there, back)])),
    )


def _directed(distances: np.ndarray, sizes: np.ndarray) -> _Directed:
    order = np.lexsort((sizes, distances))
    return _Directed(distances[order], sizes[order])


def _percentile(way: _Directed, share: float) -> float:
    """The distance up to which a share of the outline lies."""
    reached = np.cumsum(way.sizes) / np.sum(way.sizes)
    place = int(np.searchsorted(reached, share))
    return float(way.distances[min(place, len(way.distances) - 1)])
