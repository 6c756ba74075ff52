"""What must be right about an image, its mask and its labels before they are worth preparing."""

import numpy as np
from jaxtyping import Num

from sarnet.errors import DataError
from sarnet.images import Grid, Image

_EIGHT_BITS = 255
_MOST_CLIPPED = 0.6
_JUMP = 200
_MOST_JUMPS = 0.02


def check_image(image: Image) -> None:
    """Refuse an image that shows nothing, or whose depth was lost.

    Raises:
        DataError: If it is blank, not finite, or 8 bits of what had more.
    """
    array = image.array
    wrong = int((~np.isfinite(array)).sum())
    if wrong:
        raise DataError(f"has {wrong} values that are not finite")
    low, high = float(array.min()), float(array.max())
    if low == high:
        raise DataError(f"is blank: {low:g} everywhere")
    if low >= 0 and high == _EIGHT_BITS:
        _check_depth(array)


def check_mask(mask: Image, image: Image) -> None:
    """Refuse a mask, or labels, of another size than their image, at another place, or that show nothing.

    Raises:
        DataError: If one of these is so.
    """
    if mask.grid.size != image.grid.size:
        raise DataError(f"has size {_by(mask.grid)}, but the image has {_by(image.grid)}")
    if image.grid.dimension == 3 and not mask.grid.same_as(image.grid):
        raise DataError("lies at another place in the world than the image, by its header")
    if not mask.array.any():
        raise DataError("shows nothing: it is 0 everywhere")


def _check_depth(array: Num[np.ndarray, "*space"]) -> None:
    """Tell 12 bits that were read as 8: clipped, or with the higher bits cut off, which leaves jumps all over."""
    clipped = float((array == _EIGHT_BITS).mean())
    if clipped > _MOST_CLIPPED:
        raise DataError(f"is clipped: {clipped:.0%} of it is {_EIGHT_BITS}, as where more bits were read as 8")
    jumps = float((np.abs(np.diff(array, axis=-1)) > _JUMP).mean())
    if jumps > _MOST_JUMPS:
        raise DataError(
            f"jumps from dark to bright in {jumps:.0%} of its neighbours, as where more bits were read as 8"
        )


def _by(grid: Grid) -> str:
    return " x ".join(str(size) for size in grid.size)
