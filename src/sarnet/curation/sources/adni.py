"""ADNI-1: T1 volumes of controls, mild impairment and Alzheimer's disease, as the archive unpacks them.

::

    ADNI/002_S_0295/MP-RAGE/2006-04-18_08_20_30.0/I13722/*.dcm        or one .nii
    ADNI1_....csv                                                    Image Data ID, Subject, Group, Visit, ...
"""

import re
from collections import defaultdict
from pathlib import Path

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Source, Survey
from sarnet.curation.sources.layout import by_stem, given_masks, image, image_files, labels, of_no_image, rivals
from sarnet.curation.tables import TableRow, read_table
from sarnet.errors import DataError

WANTED = (
    "ADNI/<subject>/<description>/<date>/<id>/ with one .nii or the .dcm of one series, and beside ADNI/ the "
    "collection's CSV with the columns Image Data ID, Subject, Group, Visit"
)

_ID, _SUBJECT, _GROUP, _VISIT = "Image Data ID", "Subject", "Group", "Visit"
_COLUMNS = (_ID, _SUBJECT, _GROUP, _VISIT)
_BEFORE_ALL = {"sc": "0-sc", "bl": "1-bl"}
"""Screening and baseline, which as text would come after the months."""

_WANTED_OF = {"CN": 200, "MCI": 400, "AD": 200}
_SAME = {"NL": "CN", "Normal": "CN", "LMCI": "MCI"}
"""What later exports call the groups of ADNI-1."""


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take the paper's 800 volumes, or all.

    The rule: subjects in the order of their names, the first 200 of CN, 400 of MCI and 200 of AD that have a volume
    here, of each the earliest day and of several that day the lowest image id. The ``.csv`` may name more than was
    downloaded; what it names by an id that is not here and whose subject is, is left out. So are second rows of an id,
    rows of another subject than their folder's, and of what is taken folders with several NIfTI files. Visits are
    named so that they sort as text.

    Raises:
        DataError: If there is no CSV with the columns, or no volume.
        InputError: If the folder of masks is not there.
    """
    root = folder / "ADNI" if (folder / "ADNI").is_dir() else folder
    table = [{**row, _ID: row[_ID].strip(), _SUBJECT: row[_SUBJECT].strip()} for row in _table(folder, root)]
    rows: dict[str, TableRow] = {}
    twice = [row[_ID] for row in table if rows.setdefault(row[_ID], row) is not row]
    scans = {path.name: path for path in sorted(root.glob("[0-9]*_S_*/*/*/*")) if path.is_dir()}
    if not scans:
        raise DataError(f"{folder} holds no ADNI/<subject>/<description>/<date>/<id>/: wanted are {WANTED}")
    here = {scan.relative_to(root).parts[0] for scan in scans.values()}
    left_out = [
        LeftOut(id_, "its folder is not there")
        for id_, row in rows.items()
        if id_ not in scans and row[_SUBJECT] in here
    ]
    left_out += [LeftOut(id_, "no row of the CSV names it") for id_ in scans if id_ not in rows]
    left_out += [LeftOut(id_, "an earlier row of the CSV names it already") for id_ in twice]
    known = []
    for id_, row in rows.items():
        subject = scans[id_].relative_to(root).parts[0] if id_ in scans else row[_SUBJECT]
        if subject != row[_SUBJECT]:
            left_out.append(LeftOut(id_, f"its row says the subject {row[_SUBJECT]!r}, its folder {subject!r}"))
        elif id_ in scans:
            known.append((scans[id_], row))
    notes: tuple[str, ...] = ()
    if settings.selection == "paper":
        chosen, counts = _paper(known)
        told = ", ".join(f"{counts[group]} of {most} {group}" for group, most in _WANTED_OF.items())
        notes = (f"The paper's rule takes {told}: {len(chosen)} of {len(known)} volumes.",)
        known = chosen
    drawn = given_masks(settings.masks)
    masks = by_stem(drawn, without="_mask")
    items = []
    for scan, row in known:
        files = _files(scan)
        if len(files) == 1:
            items.append(_item(scan, row, files[0], masks.get(scan.name)))
        elif files:
            left_out.append(LeftOut(scan.name, f"its folder holds {len(files)} NIfTI files, but one is wanted"))
        else:
            left_out.append(LeftOut(scan.name, "its folder holds neither a NIfTI file nor a DICOM series"))
    left_out += of_no_image(drawn, {*scans, *rows})
    taken = {scan.name for scan, _ in known}
    left_out += rivals(drawn, {id_: path for id_, path in masks.items() if id_ in taken})
    return Survey(tuple(items), tuple(left_out), notes)


def _table(folder: Path, root: Path) -> list[TableRow]:
    """The rows of the first CSV that has the columns: the archive's other tables may lie beside it."""
    tables = sorted({*folder.glob("*.csv"), *root.glob("*.csv")})
    for table in tables:
        try:
            return read_table(table, _COLUMNS)
        except DataError:
            if len(tables) == 1:
                raise
    raise DataError(f"{folder} holds no CSV with the columns {list(_COLUMNS)}: wanted are {WANTED}")


def _paper(known: list[tuple[Path, TableRow]]) -> tuple[list[tuple[Path, TableRow]], dict[str, int]]:
    first: dict[str, tuple[Path, TableRow]] = {}
    for scan, row in sorted(known, key=lambda each: (each[1][_SUBJECT], each[0].parent.name, _number(each[0].name))):
        first.setdefault(row[_SUBJECT], (scan, row))
    chosen, counts = [], defaultdict[str, int](int)
    for _, (scan, row) in sorted(first.items()):
        group = _group(row)
        if counts[group] < _WANTED_OF.get(group, 0):
            counts[group] += 1
            chosen.append((scan, row))
    return chosen, counts


def _number(name: str) -> int:
    return int(re.sub(r"\D", "", name) or 0)


def _group(row: TableRow) -> str:
    return _SAME.get(row[_GROUP].strip(), row[_GROUP].strip())


def _visit(named: str) -> str:
    """A visit so that text sorts it: ``0-sc``, ``1-bl``, ``m006``, ``m012``, ..., ``m108``."""
    month = re.fullmatch(r"m(\d+)", named)
    return f"m{int(month[1]):03}" if month else _BEFORE_ALL.get(named, named)


def _files(scan: Path) -> list[Path]:
    """The NIfTI files of a scan, one if all is well; where there are none, its folder if that holds DICOM."""
    return image_files(scan, "*.nii*") or ([scan] if any(scan.glob("*.dcm")) else [])


def _item(scan: Path, row: TableRow, file: Path, mask: Path | None) -> Item:
    return Item(
        name=f"{row[_SUBJECT]}_{scan.name}",
        image=image(file),
        mask=labels(mask),
        patient=row[_SUBJECT],
        visit=_visit(row[_VISIT].strip()),
        group=_group(row),
    )


SOURCE = Source(
    survey,
    WANTED,
    {"spacing_mm": 1.0, "size": 256, "normalise": True, "template": "mni", "brain": "deepbet", "atlas": True},
)
