"""The whole registration in one picture."""

from pathlib import Path

from sarnet.images import write_whole
from sarnet.report import figures, pictures
from sarnet.report.result import read_result

_LONGEST_PIXELS = 360
_PANELS = (
    ("fixed", pictures.fixed),
    ("moving", pictures.before),
    ("warped", pictures.warped),
    ("before: fixed + moving", pictures.overlay_before),
    ("after: fixed + warped", pictures.overlay_after),
    ("deformation", pictures.deformed_grid),
)


def write_overview(folder: Path, path: Path) -> Path:
    """Write one PNG: fixed, moving, warped, overlay before and after, deformed grid; of a volume, a row a plane.

    Args:
        folder: Where a finished registration is.
        path: File to write; an existing one is replaced.

    Returns:
        ``path``.

    Raises:
        DataError: If a file of the registration or one of its two images is gone or damaged, or ``path`` cannot be
            written.
    """
    found = pictures.cuts(read_result(folder), longest_pixels=_LONGEST_PIXELS)
    rows = [[draw(cut) for _, draw in _PANELS] for cut in found]
    return write_whole(path, figures.contact_sheet(rows, titles=[title for title, _ in _PANELS]))
