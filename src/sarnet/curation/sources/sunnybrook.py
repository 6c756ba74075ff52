"""Sunnybrook: hearts with drawn outlines of the left ventricle.

::

    .../SC-HF-I-1/.../IM-0001-0048.dcm                                          one slice at one phase
    .../SC-HF-I-1/contours-manual/IRCCI-expert/IM-0001-0048-icontour-manual.txt     x y of each corner, in pixels
    .../SC-HF-I-1/contours-manual/IRCCI-expert/IM-0001-0048-ocontour-manual.txt     at end diastole alone
"""

import re
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Part, Source, Survey
from sarnet.curation.sources.layout import image, is_listed
from sarnet.errors import DataError
from sarnet.images import Image, read_image

WANTED = (
    "folders SC-*-N with IM-*.dcm anywhere below them, and the contours' folders of the same names with "
    "*-icontour-manual.txt"
)

_PATIENT = re.compile(r"^SC-(HF-I|HF-NI|HYP|N)-0*(\d+)$")
_CONTOUR = re.compile(r"IM-(\d+)-(\d+)-icontour-manual\.txt$")
_MYOCARDIUM, _CAVITY = 2, 3
"""As ACDC numbers them."""

_GROUPS = {"HF-I": "infarction", "HF-NI": "failure", "HYP": "hypertrophy", "N": "normal"}


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take every slice whose cavity was outlined; the visit is ``ed`` where the wall was, too, else ``es``.

    An outline's slice has its name, or its number where one series of the patient alone has that.

    Raises:
        DataError: If there is no contour.
    """
    contours = sorted(path for path in folder.glob("**/*-icontour-manual.txt") if _CONTOUR.search(path.name))
    if not contours:
        raise DataError(f"{folder} holds no *-icontour-manual.txt: wanted are {WANTED}")
    files = sorted(folder.glob("**/IM-*.dcm"))
    slices = {(_patient(path, folder), path.stem): path for path in files}
    numbered = _only_series(files, folder)
    items, left_out = [], []
    for contour in contours:
        patient, name = _patient(contour, folder), contour.name.removesuffix("-icontour-manual.txt")
        file = slices.get((patient, name)) or numbered.get((patient, _number(name)))
        if patient is None or file is None:
            left_out.append(LeftOut(contour.name, "its image is not there"))
            continue
        wall = contour.with_name(f"{name}-ocontour-manual.txt")
        outlines = (contour, wall) if is_listed(wall) else (contour,)
        items.append(
            Item(
                name=f"{patient}_{name}",
                image=image(file),
                labels=Part(paths=(file, *outlines), read=read_outlined),
                patient=patient,
                visit="ed" if len(outlines) == 2 else "es",
                group=_GROUPS.get(patient.split("-", 1)[1].rpartition("-")[0], ""),
            )
        )
    return Survey(tuple(items), tuple(left_out))


def _patient(path: Path, folder: Path) -> str | None:
    """The folder that names a patient, its number without the zeros that some copies have."""
    for part in path.relative_to(folder).parts:
        found = _PATIENT.match(part)
        if found:
            return f"SC-{found[1]}-{found[2]}"
    return None


def _number(name: str) -> str:
    return name.rpartition("-")[2]


def _only_series(files: list[Path], folder: Path) -> dict[tuple[str | None, str], Path]:
    """Slices by patient and number, where one series alone has that number.

    Outlines are always of ``IM-0001``, but copies of the archive number the series: ``IM-0004-0048.dcm``.
    """
    found: dict[tuple[str | None, str], dict[str, Path]] = {}
    for path in files:
        found.setdefault((_patient(path, folder), _number(path.stem)), {})[path.stem] = path
    return {key: next(iter(series.values())) for key, series in found.items() if len(series) == 1}


def read_outlined(slice_: Path, cavity: Path, wall: Path | None = None) -> Image:
    """Fill the outlines on the grid of their slice: 2 myocardium, 3 cavity.

    Raises:
        DataError: If a file cannot be read.
    """
    grid = read_image(slice_).grid
    filled = np.zeros(grid.shape, np.uint8)
    if wall is not None:
        filled[_inside(wall, grid.shape)] = _MYOCARDIUM
    filled[_inside(cavity, grid.shape)] = _CAVITY
    return Image(array=filled, grid=grid)


def _inside(outline: Path, shape: tuple[int, ...]) -> Bool[np.ndarray, "y x"]:
    """Pixels whose centres an outline encloses."""
    try:
        corners = np.loadtxt(outline, ndmin=2)
    except (OSError, ValueError) as error:
        raise DataError(f"{outline} cannot be read as lines of x and y: {error}") from error
    if corners.shape[0] < 3 or corners.shape[1] != 2:
        raise DataError(
            f"{outline} has {corners.shape[0]} corners of {corners.shape[1]} numbers, but an outline needs three of x y"
        )
    from matplotlib.path import Path as Outline  # noqa: PLC0415  slow to import, and no other source needs it

    y, x = np.mgrid[: shape[0], : shape[1]]
    centres = np.stack([x.ravel(), y.ravel()], axis=1)
    return np.asarray(Outline(corners).contains_points(centres)).reshape(shape)


SOURCE = Source(survey, WANTED)
