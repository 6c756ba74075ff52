"""IBSR 18: T1 volumes with tissues and structures.

::

    IBSR_01/IBSR_01_ana_strip.nii.gz           the brain
    IBSR_01/IBSR_01_ana_brainmask.nii.gz
    IBSR_01/IBSR_01_segTRI_fill_ana.nii.gz     1 CSF, 2 grey, 3 white
    IBSR_01/IBSR_01_seg_ana.nii.gz             structures, taken where the tissues are not there
"""

from pathlib import Path

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Source, Survey
from sarnet.curation.sources.layout import image, is_listed, labels
from sarnet.errors import DataError

WANTED = "folders IBSR_NN, anywhere below, with IBSR_NN_ana_strip.nii.gz and IBSR_NN_segTRI_fill_ana.nii.gz"

_IMAGES = ("ana_strip", "ana")
_LABELS = ("segTRI_fill_ana", "segTRI_ana", "seg_ana")
_MASKS = ("ana_brainmask",)


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take every subject: the stripped volume where there is one, else the head.

    Raises:
        DataError: If there is none.
    """
    items, left_out = [], []
    for subject in sorted(path for path in folder.glob("**/IBSR_[0-9][0-9]") if path.is_dir() or path.is_symlink()):
        file = _first(subject, _IMAGES)
        if file is None:
            left_out.append(LeftOut(subject.name, f"its volume is not there, neither {' nor '.join(_IMAGES)}"))
        else:
            items.append(
                Item(
                    name=subject.name,
                    image=image(file),
                    mask=labels(_first(subject, _MASKS)),
                    labels=labels(_first(subject, _LABELS)),
                    patient=subject.name,
                )
            )
    if not items:
        raise DataError(f"{folder} holds no IBSR_NN/IBSR_NN_ana*.nii.gz: wanted are {WANTED}")
    return Survey(tuple(items), tuple(left_out))


def _first(subject: Path, kinds: tuple[str, ...]) -> Path | None:
    """The first kind of file that a subject has."""
    paths = [subject / f"{subject.name}_{kind}.nii{packed}" for kind in kinds for packed in (".gz", "")]
    return next((path for path in paths if is_listed(path)), None)


SOURCE = Source(survey, WANTED)
