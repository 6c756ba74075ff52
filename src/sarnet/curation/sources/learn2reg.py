"""A task of Learn2Reg, or anybody's data with its ``dataset.json``.

::

    dataset.json or NAME_dataset.json     training, test: [{image, label, mask}]; registration_val: [{fixed, moving}]
    imagesTr/OASIS_0001_0000.nii.gz       TASK_PPPP_MMMM: patient, then modality or visit
    labelsTr/OASIS_0001_0000.nii.gz
"""

import json
from pathlib import Path
from typing import Any

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Source, Survey
from sarnet.curation.sources.layout import image, is_listed, labels, only_file, stem
from sarnet.errors import DataError

WANTED = (
    "dataset.json or NAME_dataset.json, with images in imagesTr/ and imagesTs/, labels and masks in labelsTr/, masksTr/"
)

_BESIDE = {"label": "labels", "mask": "masks"}
"""What an entry calls a file, and the folder it lies in where the entry does not name it."""


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take the images that the file lists for training, for tests and in its validation pairs.

    That is also their split; where one of the three would be empty, nothing is split.

    Raises:
        DataError: If the file cannot be read, or lists no image that is there.
    """
    table = only_file(folder, "*dataset.json", what=WANTED) if folder.is_dir() else folder
    entries = _entries(table)
    items, left_out = [], []
    for name, entry in entries.items():
        file = table.parent / name
        gone = [each for each in _BESIDE if each in entry and not (table.parent / entry[each]).is_file()]
        if file.is_file() and gone:
            left_out.append(LeftOut(file.name, f"its {gone[0]} is listed, but not there"))
        elif file.is_file():
            items.append(_item(entry, file, table.parent, split=len({each["part"] for each in entries.values()}) == 3))
        else:
            left_out.append(LeftOut(file.name, "its file is not there"))
    if not items:
        raise DataError(f"{table} lists no image that is there: wanted are {WANTED}")
    return Survey(tuple(items), tuple(left_out))


def _read(table: Path) -> dict[str, Any]:
    try:
        told = json.loads(table.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{table} cannot be read as JSON: {error}") from error
    if not isinstance(told, dict) or "training" not in told:
        raise DataError(f"{table} has no key 'training', but a dataset.json of Learn2Reg lists its images there")
    return told


def _entries(table: Path) -> dict[str, dict[str, str]]:
    """Every image's entry by its path; ``part`` is what it is for, and the validation pairs have the last word."""
    told = _read(table)
    found: dict[str, dict[str, str]] = {}
    for key, part in (("training", "train"), ("test", "test")):
        for entry in _listed(told, key, table):
            given = entry if isinstance(entry, dict) else {"image": entry}
            if "image" not in given or not all(isinstance(given.get(each, ""), str) for each in ("image", *_BESIDE)):
                raise DataError(f"{table} has in {key!r} the entry {entry!r}, but wanted is {{'image': 'PATH', ...}}")
            found[str(Path(given["image"]))] = given | {"part": part}
    for pair in _listed(told, "registration_val", table):
        if not isinstance(pair, dict) or not all(isinstance(name, str) for name in pair.values()):
            raise DataError(
                f"{table} has in 'registration_val' {pair!r}, but wanted is {{'fixed': 'PATH', 'moving': 'PATH'}}"
            )
        for name in pair.values():
            found[str(Path(name))] = found.get(str(Path(name)), {}) | {"part": "validation"}
    return found


def _listed(told: dict[str, Any], key: str, table: Path) -> list[Any]:
    listed = told.get(key, [])
    if not isinstance(listed, list):
        raise DataError(f"{table} has as {key!r} {listed!r}, but wanted is a list")
    return listed


def _item(entry: dict[str, str], file: Path, folder: Path, *, split: bool) -> Item:
    parts: dict[str, Path | None] = {}
    for key, beside in _BESIDE.items():
        listed = folder / entry[key] if key in entry else None
        path = listed or _beside(file, beside)
        parts[key] = path if path is not None and is_listed(path) else None
    words = stem(file).split("_")
    patient, visit = words[-2:] if len(words) >= 3 else (stem(file), "0")
    return Item(
        name=stem(file),
        image=image(file),
        mask=labels(parts["mask"]),
        labels=labels(parts["label"]),
        patient=patient,
        visit=visit,
        split=entry["part"] if split else "",
    )


def _beside(file: Path, folder: str) -> Path | None:
    """The file of that name in labelsTr or masksTr, beside imagesTr."""
    if "images" not in file.parent.name:
        return None
    return file.parents[1] / file.parent.name.replace("images", folder) / file.name


SOURCE = Source(survey, WANTED)
