"""Intensities: one range for every image, and what of an image is not background."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Float, Num

from sarnet.images.image import Image

_PERCENTILES = (0.5, 99.5)


def normalise(array: Num[np.ndarray, "*space"]) -> Float[np.ndarray, "*space"]:
    """Bring intensities to the range from 0 to 1.

    The 0.5th percentile becomes 0 and the 99.5th 1, and what lies beyond is clipped, so that a few hot voxels
    cost no contrast. Where a constant background surrounds the image (skull-stripped brains, padding), the
    percentiles are those of the rest, and the background stays at whichever end it is: a large background
    takes nothing of the range.

    Args:
        array: Intensities of any unit and type; NaN counts as the lowest finite value, infinities are clipped.

    Returns:
        float32 in [0, 1]; zeros for an image of one value.

    Notes:
        Contrast turned over stays so: ``normalise(-x) == 1 - normalise(x)`` up to rounding, but for an image
        of one value.
    """
    values = array.astype(np.result_type(array, np.float32))
    finite = np.isfinite(values)
    if not finite.any():
        return np.zeros(array.shape, np.float32)
    background = _background(values)
    considered = finite if background is None else finite & (values != background)
    low, high = np.percentile(values[considered if considered.any() else finite], _PERCENTILES)
    if not low < high:  # nearly all are one value: what differs from it is all there is to see
        low, high = values[finite].min(), values[finite].max()
    if not low < high:
        return np.zeros(array.shape, np.float32)
    values = np.where(np.isnan(values), low, values)
    scaled = (np.clip(values, low, high) - low) / (high - low)
    return np.asarray(np.clip(scaled, 0, 1), dtype=np.float32)


def foreground(array: Num[np.ndarray, "*space"]) -> Bool[np.ndarray, "*space"]:
    """Tell what differs from the constant background around an image.

    Args:
        array: Intensities of any unit and type.

    Returns:
        False wherever the value is that which fills more than half of the outermost border, or is NaN; True everywhere
        else. Inside the image too: a voxel of that value is background wherever it lies.
    """
    shown = np.asarray(~np.isnan(array))
    background = _background(array)
    return shown if background is None else shown & (array != background)


def with_finite_values(image: Image) -> Image:
    """Return an image for what takes numbers alone: NaN counts as the lowest value, infinity as the value at its end.

    Args:
        image: With one finite value at least.
    """
    good = np.isfinite(image.array)
    if good.all():
        return image
    low, high = image.array[good].min(), image.array[good].max()
    return replace(image, array=np.nan_to_num(image.array, nan=low, posinf=high, neginf=low))


def border_value(array: Num[np.ndarray, "*space"]) -> float:
    """Return what an image may be taken to be beyond its edge: its constant background, or its lowest value."""
    background = _background(array)
    if background is not None:
        return background
    finite = array[np.isfinite(array)]
    return float(finite.min()) if finite.size else 0.0


def _background(array: Num[np.ndarray, "*space"]) -> float | None:
    """The one value that fills more than half of the outermost voxels, if there is one."""
    inner = np.zeros(array.shape, bool)
    inner[(slice(1, -1),) * array.ndim] = True
    values, counts = np.unique(array[~inner], return_counts=True)
    most = int(counts.argmax())
    if 2 * counts[most] <= counts.sum() or not np.isfinite(values[most]):
        return None
    return float(values[most])
