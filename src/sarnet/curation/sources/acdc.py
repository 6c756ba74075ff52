"""ACDC: hearts at end diastole and end systole, short axes.

::

    training/patient001/Info.cfg                         ED: 1, ES: 12, Group: DCM, Height: 184.0, ...
    training/patient001/patient001_frame01.nii.gz
    training/patient001/patient001_frame01_gt.nii.gz     1 right ventricle, 2 myocardium, 3 left ventricle
"""

import re
from pathlib import Path

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Source, Survey
from sarnet.curation.sources.layout import image, is_listed, labels
from sarnet.errors import DataError

WANTED = "folders patientNNN, anywhere below, with Info.cfg, patientNNN_frameNN.nii.gz and patientNNN_frameNN_gt.nii.gz"

_PHASES = {"ED": "ed", "ES": "es"}


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take both phases of every patient; the visit is ``ed`` or ``es``, the group the diagnosis.

    A patient whose ``Info.cfg`` lacks a phase, or is not there, is left out.

    Raises:
        DataError: If there is no patient.
    """
    cards = sorted(folder.glob("**/patient*/Info.cfg"))
    if not cards:
        raise DataError(f"{folder} holds no patient*/Info.cfg: wanted are {WANTED}")
    items = []
    folders = sorted(path for path in folder.glob("**/patient*") if re.fullmatch(r"patient\d+", path.name))
    left_out = [
        LeftOut(path.name, "its Info.cfg is not there") for path in folders if not (path / "Info.cfg").is_file()
    ]
    for card in cards:
        patient, told = card.parent.name, _read_card(card)
        missing = [key for key in _PHASES if not told.get(key, "").isdigit()]
        if missing:
            reason = f"its {card.name} has no number for {missing}, but wanted are lines 'ED: 1' and 'ES: 12'"
            left_out.append(LeftOut(patient, reason))
            continue
        for key, phase in _PHASES.items():
            base = card.parent / f"{patient}_frame{int(told[key]):02}"
            file, manual = base.with_name(f"{base.name}.nii.gz"), base.with_name(f"{base.name}_gt.nii.gz")
            if not file.is_file():
                left_out.append(LeftOut(file.name, "its file is not there"))
                continue
            items.append(
                Item(
                    name=f"{patient}_{phase}",
                    image=image(file),
                    labels=labels(manual if is_listed(manual) else None),
                    patient=patient,
                    visit=phase,
                    group=told.get("Group", ""),
                )
            )
    return Survey(tuple(items), tuple(left_out))


def _read_card(card: Path) -> dict[str, str]:
    text = card.read_text(encoding="utf-8", errors="replace")
    return dict(re.findall(r"^\s*(\w+)\s*:\s*(\S+)", text, re.MULTILINE))


SOURCE = Source(survey, WANTED)
