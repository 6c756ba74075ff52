"""A BIDS directory: one kind of anatomical image, with masks and segmentations out of derivatives/.

::

    participants.tsv                                     participant_id, and group or diagnosis where there is one
    sub-01/ses-02/anat/sub-01_ses-02_T1w.nii.gz
    derivatives/NAME/sub-01/ses-02/anat/sub-01_ses-02_desc-brain_mask.nii.gz, ..._dseg.nii.gz
"""

import re
from pathlib import Path

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, Source, Survey
from sarnet.curation.sources.layout import image, labels, stem
from sarnet.curation.tables import read_table
from sarnet.errors import DataError

WANTED = (
    "sub-*/[ses-*/]anat/*_T1w.nii.gz (or another suffix), participants.tsv, masks and *_dseg.nii.gz in derivatives/"
)

_GROUPS = ("group", "diagnosis", "Group", "dx")
"""Columns of ``participants.tsv`` that may tell the group: the standard names none."""


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take every image of the suffix; the session is the visit.

    Raises:
        DataError: If there is none.
    """
    suffix = settings.suffix
    files = sorted(
        path for sub in sorted(folder.glob("sub-*")) for path in sub.glob(f"**/*_{suffix}.nii*") if path.is_file()
    )
    if not files:
        raise DataError(f"{folder} holds no sub-*/**/*_{suffix}.nii.gz: wanted are {WANTED}")
    derived = sorted(folder.glob("derivatives/**/*.nii*"))
    groups = _groups(folder / "participants.tsv")
    items = []
    for path in files:
        entities = dict(re.findall(r"(sub|ses)-([A-Za-z0-9]+)", path.name))
        patient = f"sub-{entities['sub']}"
        common = stem(path).removesuffix(f"_{suffix}")
        beside = [file for file in derived if file.name.startswith(f"{common}_")]
        masks = [file for file in beside if stem(file).endswith("_mask")]
        segmentations = [file for file in beside if stem(file).endswith("_dseg")]
        items.append(
            Item(
                name=stem(path),
                image=image(path),
                mask=labels(next(iter(masks), None)),
                labels=labels(next(iter(segmentations), None)),
                patient=patient,
                visit=entities.get("ses", "0"),
                group=groups.get(patient, ""),
            )
        )
    return Survey(tuple(items))


def _groups(table: Path) -> dict[str, str]:
    if not table.is_file():
        return {}
    rows = read_table(table, ("participant_id",), delimiter="\t")
    column = next((name for name in _GROUPS if name in rows[0]), None)
    return {row["participant_id"]: row[column] for row in rows} if column else {}


SOURCE = Source(survey, WANTED)
