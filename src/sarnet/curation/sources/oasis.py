"""OASIS-1 as Neurite and Learn2Reg have it: brains, skull-stripped and aligned, and a slice of each.

::

    OASIS_OAS1_0001_MR1/aligned_norm.nii.gz, aligned_seg35.nii.gz      volumes
    OASIS_OAS1_0001_MR1/slice_norm.nii.gz, slice_seg24.nii.gz          slices (published apart)
    OASIS_dataset.json, imagesTr/OASIS_0001_0000.nii.gz                Learn2Reg's
"""

from pathlib import Path

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Source, Survey
from sarnet.curation.sources import learn2reg
from sarnet.curation.sources.layout import image, is_listed, labels
from sarnet.errors import DataError

WANTED = (
    "folders OASIS_OAS1_NNNN_MR1 with aligned_norm.nii.gz and aligned_seg35.nii.gz (dimension 3) or slice_norm.nii.gz "
    "and slice_seg24.nii.gz (dimension 2); or Learn2Reg's OASIS_dataset.json with imagesTr/"
)

_FILES = {3: ("aligned_norm.nii.gz", "aligned_seg35.nii.gz"), 2: ("slice_norm.nii.gz", "slice_seg24.nii.gz")}


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take the volume or the slice of every subject.

    Raises:
        DataError: If there is none.
    """
    if any(folder.glob("*dataset.json")):
        return learn2reg.survey(folder, settings)
    name, manual = _FILES[settings.dimension]
    subjects = sorted(path for path in folder.glob("**/OASIS_OAS1_*_MR*") if path.is_dir())
    items = [_item(subject, name, manual) for subject in subjects if (subject / name).is_file()]
    if not items:
        raise DataError(f"{folder} holds no OASIS_OAS1_*/{name}: wanted are {WANTED}")
    missing = [subject.name for subject in subjects if not (subject / name).is_file()]
    return Survey(tuple(items), tuple(LeftOut(subject, f"its {name} is not there") for subject in missing))


def _item(subject: Path, name: str, manual: str) -> Item:
    return Item(
        name=subject.name,
        image=image(subject / name),
        labels=labels(subject / manual if is_listed(subject / manual) else None),
        patient=subject.name.rpartition("_MR")[0],
        visit=subject.name.rpartition("_MR")[2],
    )


SOURCE = Source(survey, WANTED)
