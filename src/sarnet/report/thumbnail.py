"""A registration at the size of a stamp: its overlay before and after, side by side."""

from pathlib import Path

import numpy as np

from sarnet.images import write_whole
from sarnet.report import figures, pictures
from sarnet.report.result import read_result

THUMBNAIL_NAME = "thumbnail.png"

_LONGEST_PIXELS = 128
_GAP_PIXELS = 4


def write_thumbnail(folder: Path) -> Path:
    """Write ``thumbnail.png`` into the folder of a finished registration: before and after; of a volume, one plane.

    Returns:
        The file.

    Raises:
        DataError: If a file of the registration or one of its two images is gone or damaged, or it cannot be written.
    """
    first, *_ = pictures.cuts(read_result(folder), longest_pixels=_LONGEST_PIXELS)
    before, after = pictures.overlay_before(first), pictures.overlay_after(first)
    gap = np.full((len(before), _GAP_PIXELS, 3), 255, np.uint8)
    return write_whole(folder / THUMBNAIL_NAME, figures.png(np.hstack([before, gap, after])))
