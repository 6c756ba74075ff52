"""A BIDS directory: one kind of anatomical image, with masks and segmentations out of derivatives/.

::

    participants.tsv                                     participant_id, and group or diagnosis where there is one
    sub-01/ses-02/anat/sub-01_ses-02_T1w.nii.gz
    derivatives/NAME/sub-01/ses-02/anat/sub-01_ses-02_desc-brain_mask.nii.gz, ..._dseg.nii.gz

What belongs to an image lies in a folder of the same name (anat) and has the image's entities: the same subject,
session, acquisition and run, and no space. A mask may have ``desc-brain``, which goes before one without ``desc``; of
segmentations the first by name is taken, one without ``desc`` before the others.
"""

import re
from pathlib import Path

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Source, Survey
from sarnet.curation.sources.layout import image, labels, stem
from sarnet.curation.tables import read_table
from sarnet.errors import DataError

WANTED = (
    "sub-*/[ses-*/]anat/*_T1w.nii.gz (or another suffix), participants.tsv, masks and *_dseg.nii.gz in derivatives/"
)

_GROUPS = ("group", "diagnosis", "Group", "dx")
"""Columns of ``participants.tsv`` that may tell the group: the standard names none."""

_BRAIN = "brain"

_UNKNOWN = "n/a"
"""What the standard writes where nothing is known."""

_Belonging = tuple[str, frozenset[tuple[str, str]]]
"""The name of a file's folder, and its entities."""


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take every image of the suffix; the session is the visit. One whose name tells no subject is left out.

    Raises:
        DataError: If there is none.
    """
    suffix = settings.suffix
    files = sorted(
        path for sub in sorted(folder.glob("sub-*")) for path in sub.glob(f"**/*_{suffix}.nii*") if not path.is_dir()
    )
    if not files:
        raise DataError(f"{folder} holds no sub-*/**/*_{suffix}.nii.gz: wanted are {WANTED}")
    derived = sorted(folder.glob("derivatives/**/*.nii*"))
    masks, segmentations = _masks(derived), _segmentations(derived)
    groups = _groups(folder / "participants.tsv")
    items, left_out = [], []
    for path in files:
        entities = _entities(path)
        if "sub" not in entities:
            left_out.append(LeftOut(path.name, "its name has no sub-..., and does not tell whose it is"))
            continue
        patient, belonging = f"sub-{entities['sub']}", _belonging(path, entities)
        items.append(
            Item(
                name=stem(path),
                image=image(path),
                mask=labels(masks.get(belonging)),
                labels=labels(segmentations.get(belonging)),
                patient=patient,
                visit=entities.get("ses", "0"),
                group=groups.get(patient, ""),
            )
        )
    return Survey(tuple(items), tuple(left_out))


def _entities(path: Path) -> dict[str, str]:
    return dict(re.findall(r"(?:^|_)([A-Za-z0-9]+)-([A-Za-z0-9+]+)(?=_)", path.name))


def _belonging(path: Path, entities: dict[str, str]) -> _Belonging:
    return path.parent.name, frozenset((name, value) for name, value in entities.items() if name != "desc")


def _masks(derived: list[Path]) -> dict[_Belonging, Path]:
    """Masks of brains, by what they belong to: others, such as of lesions, are not whole heads' masks."""
    found: dict[_Belonging, Path] = {}
    for path in derived:
        entities = _entities(path)
        desc = entities.get("desc")
        if stem(path).endswith("_mask") and desc in (_BRAIN, None):
            belonging = _belonging(path, entities)
            if desc == _BRAIN or belonging not in found:
                found[belonging] = path
    return found


def _segmentations(derived: list[Path]) -> dict[_Belonging, Path]:
    found: dict[_Belonging, Path] = {}
    for path in sorted(derived, key=lambda path: "desc" in _entities(path)):
        if stem(path).endswith("_dseg"):
            found.setdefault(_belonging(path, _entities(path)), path)
    return found


def _groups(table: Path) -> dict[str, str]:
    if not table.is_file():
        return {}
    rows = read_table(table, ("participant_id",), delimiter="\t")
    column = next((name for name in _GROUPS if name in rows[0]), None)
    return {row["participant_id"]: "" if row[column] == _UNKNOWN else row[column] for row in rows} if column else {}


SOURCE = Source(survey, WANTED)
