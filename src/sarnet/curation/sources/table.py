"""A CSV that names anybody's images: prepared data's own manifest among them."""

import math
from collections import Counter
from pathlib import Path

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Source, Survey
from sarnet.curation.sources.layout import image, image_files, labels, only_file, stem, unnamed
from sarnet.curation.tables import TableRow, read_table
from sarnet.errors import ConfigError

WANTED = (
    "a CSV with the columns image (a file, or the folder of a DICOM series) and patient, and mask, labels, visit, "
    "group, dataset, spacing_mm (one number, or one an axis with blanks between), split, mask_by where there are such; "
    "paths relative to it"
)

_NEEDED = ("image", "patient")
_COLUMNS = (*_NEEDED, "mask", "labels", "visit", "group", "dataset", "spacing_mm", "split", "mask_by")


def survey(path: Path, settings: CurationSettings) -> Survey:
    """Take the images that a CSV names, or the only CSV of a folder.

    Left out are rows without a file, files without a row, rows of an image that was named before, and images with a
    blank visit of a patient who has several, or with a spacing that is none.

    Raises:
        DataError: If the CSV cannot be read, or lacks a column.
        ConfigError: If ``settings.columns`` is about a column that is not known.
    """
    unknown = settings.columns.keys() - set(_COLUMNS)
    if unknown:
        raise ConfigError(f"columns names {sorted(unknown)}, but known are {list(_COLUMNS)}")
    table = only_file(path, "*.csv", what=WANTED) if path.is_dir() else path
    theirs = {column: settings.columns.get(column, column) for column in _COLUMNS}
    rows = [
        {column: (row.get(theirs[column]) or "").strip() for column in _COLUMNS}
        for row in read_table(table, [theirs[column] for column in (*_NEEDED, *settings.columns)])
    ]
    names, unordered = _names(rows), _unordered(rows)

    items: dict[str, Item] = {}
    left_out: list[LeftOut] = []
    for row, name in zip(rows, names, strict=True):
        reason = _fault(row, table.parent, unordered)
        if row["image"] in items:
            reason = "an earlier row names it already"
        if reason:
            left_out.append(LeftOut(row["image"] or "a row without a name", reason))
        else:
            items[row["image"]] = _item(row, name, table)
    return Survey(tuple(items.values()), (*left_out, *_strays(rows, table)), _notes(rows))


def _item(row: TableRow, name: str, table: Path) -> Item:
    mask, own_labels = (labels(table.parent / row[kind] if row[kind] else None) for kind in ("mask", "labels"))
    return Item(
        name=name,
        image=image(table.parent / row["image"]),
        patient=row["patient"],
        visit=row["visit"] or "0",
        group=row["group"],
        mask=mask,
        labels=own_labels,
        spacing=_spacing(row["spacing_mm"]),
        split=row["split"],
        dataset=row["dataset"],
        mask_by=row["mask_by"],
    )


def _names(rows: list[TableRow]) -> list[str]:
    """The files' names; of images whose names are the same in several folders, those before them, too."""
    paths = [Path(row["image"]) for row in rows]
    files = Counter(stem(path) for path in dict.fromkeys(paths))
    return [stem(path) if files[stem(path)] == 1 else "_".join((*path.parts[:-1], stem(path))) for path in paths]


def _fault(row: TableRow, folder: Path, unordered: set[tuple[str, str]]) -> str | None:
    for kind in ("image", "mask", "labels"):
        path = folder / row[kind]
        series = kind == "image" and row[kind] and path.is_dir()
        if (row[kind] or kind == "image") and not (path.is_file() or series):
            return f"its {kind} is not there"
    if not row["patient"]:
        return "its row names no patient"
    if not row["visit"] and (row["dataset"], row["patient"]) in unordered:
        return "its visit is blank, and its patient has several images, which nothing puts in order"
    if not all(math.isfinite(number) and number > 0 for number in _spacing(row["spacing_mm"]) or ()):
        return f"its spacing_mm is {row['spacing_mm']!r}, but wanted are millimetres: 0.8, or 0.8 0.8"
    return None


def _unordered(rows: list[TableRow]) -> set[tuple[str, str]]:
    """Patients with several images, of which a visit tells some."""
    several = Counter((row["dataset"], row["patient"]) for row in rows)
    return {
        (row["dataset"], row["patient"]) for row in rows if row["visit"] and several[row["dataset"], row["patient"]] > 1
    }


def _strays(rows: list[TableRow], table: Path) -> list[LeftOut]:
    """Images beside those that are named, which no row names."""
    named = {table.parent / row[kind] for row in rows for kind in ("image", "mask", "labels") if row[kind]}
    folders = sorted({(table.parent / row["image"]).parent for row in rows})
    return unnamed([path for folder in folders for path in image_files(folder, "*")], named, table)


def _notes(rows: list[TableRow]) -> tuple[str, ...]:
    images = {row["image"]: (row["dataset"], row["patient"]) for row in rows if row["patient"]}
    several = Counter(images.values())
    dated = {(row["dataset"], row["patient"]) for row in rows if row["visit"]}
    without = sum(count > 1 and person not in dated for person, count in several.items())
    return (
        (f"{without} patients have several images and no visit: all are visit 0, in no order; fill in the column.",)
        if without
        else ()
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _spacing(text: str) -> tuple[float, ...] | None:
    return tuple(_number(word) for word in text.split()) or None


SOURCE = Source(survey, WANTED)
