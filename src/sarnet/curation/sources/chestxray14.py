"""NIH ChestX-ray14: 112,120 frontal X-rays of 30,805 patients, no masks.

::

    Data_Entry_2017_v2020.csv          Image Index, Finding Labels, Follow-up #, Patient ID, ..., View Position, ...
    images_001/images/00000001_000.png  to images_012/images/, or all in images/; 1024 x 1024
"""

from collections import defaultdict
from pathlib import Path

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Source, Survey
from sarnet.curation.sources.layout import (
    by_stem,
    given_masks,
    image,
    image_files,
    labels,
    of_no_image,
    only_file,
    rivals,
    stem,
    unnamed,
)
from sarnet.curation.tables import TableRow, read_table

WANTED = "Data_Entry_2017*.csv, with the images in images_001/images/ to images_012/images/ or in images/"

_INDEX, _FINDINGS, _VISIT, _PATIENT, _VIEW = (
    "Image Index",
    "Finding Labels",
    "Follow-up #",
    "Patient ID",
    "View Position",
)
_COLUMNS = (_INDEX, _FINDINGS, _VISIT, _PATIENT, _VIEW)
_ORIGINAL = ("OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "y]")
"""Size and spacing before the archive reduced every image to 1024 pixels squared."""

_FRONTAL = ("PA", "AP")
_FEWEST, _MOST = 3, 8
_IMAGES = 906


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take the paper's 906 images, or all.

    The rule, which the CSV alone decides: frontal images of patients with 3 to 8 visits; patients in the order of their
    number, each whole or not at all, as long as they fit into 906. The visit is the follow-up's number, so that each
    patient's first is the fixed image and the others are moving ones.

    Raises:
        DataError: If the CSV is not there, cannot be read or lacks a column.
        InputError: If the folder of masks is not there.
    """
    table = only_file(folder, "Data_Entry_2017*.csv", what=WANTED)
    rows = [{**row, **{column: row[column].strip() for column in _COLUMNS}} for row in read_table(table, _COLUMNS)]
    faults = [(row, _fault(row)) for row in rows]
    left_out = [LeftOut(row[_INDEX], reason) for row, reason in faults if reason]
    once = {row[_INDEX]: row for row, reason in reversed(faults) if not reason}
    left_out += [
        LeftOut(row[_INDEX], "an earlier row names it already")
        for row, reason in faults
        if not reason and once[row[_INDEX]] is not row
    ]
    chosen = list(reversed(once.values()))
    notes: tuple[str, ...] = ()
    if settings.selection == "paper":
        whole = len(chosen)
        chosen = _paper(chosen)
        notes = (f"The paper's rule takes {len(chosen)} of the CSV's {whole} images; --set selection=all takes all.",)

    files = [*image_files(folder, "images_*/**/*"), *image_files(folder, "images/**/*")]
    by_name = {path.name: path for path in files}
    drawn = given_masks(settings.masks)
    masks = by_stem(drawn, without="_mask")
    items = []
    for row in chosen:
        file = by_name.get(row[_INDEX])
        if file is None:
            left_out.append(LeftOut(row[_INDEX], "its file is not there"))
        else:
            items.append(_item(row, file, masks.get(stem(file))))
    known = {by_name[row[_INDEX]] for row in rows if row[_INDEX] in by_name}
    left_out += unnamed(files, known, table)
    # of a part of the archive, or of a selection, no mask is named: its image is known
    left_out += of_no_image(drawn, {stem(Path(name)) for name in (*by_name, *(row[_INDEX] for row in rows))})
    left_out += rivals(drawn, {item.name: masks[item.name] for item in items if item.name in masks})
    return Survey(tuple(items), tuple(left_out), notes)


def _item(row: TableRow, file: Path, mask: Path | None) -> Item:
    return Item(
        name=stem(file),
        image=image(file),
        mask=labels(mask),
        patient=row[_PATIENT],
        visit=row[_VISIT],
        group=row[_FINDINGS],
        sides_mm=_sides_mm(row),
    )


def _fault(row: TableRow) -> str | None:
    if not row[_PATIENT]:
        return "its row names no patient"
    if not row[_VISIT].isdigit():
        return f"its follow-up is {row[_VISIT]!r}, but a number from 0 is wanted"
    return None


def _paper(rows: list[TableRow]) -> list[TableRow]:
    """The rule of :func:`survey`; a patient's images in the order of the visits, one a visit."""
    patients: dict[int, dict[int, TableRow]] = defaultdict(dict)
    for row in rows:
        if row[_VIEW] in _FRONTAL and row[_PATIENT].isdigit():
            patients[int(row[_PATIENT])].setdefault(int(row[_VISIT]), row)
    chosen: list[TableRow] = []
    for _, visits in sorted(patients.items()):
        if _FEWEST <= len(visits) <= _MOST and len(chosen) + len(visits) <= _IMAGES:
            chosen += [visits[visit] for visit in sorted(visits)]
    return chosen


def _sides_mm(row: TableRow) -> tuple[float, ...] | None:
    """Millimetres that the image measures along x and y, which reducing it did not change, where the CSV has them."""
    try:
        width, height, x, y = (float(row[column]) for column in _ORIGINAL)
    except (KeyError, ValueError):
        return None
    sides_mm = (x * width, y * height)
    return sides_mm if min(sides_mm) > 0 else None


SOURCE = Source(survey, WANTED, {"size": 512})
