"""Hearts of single patients: end diastole (moving) to end systole (fixed), the middle slice, three labels."""

import csv
from collections import defaultdict
from functools import partial
from pathlib import Path

from sarnet.benchmark.pair import Case, Pair, half
from sarnet.config import BenchmarkSettings
from sarnet.curation import manifest_of, read_manifest
from sarnet.errors import DataError
from sarnet.images import Image, read_image, read_labels
from sarnet.registration import Labels

STRUCTURES = (1, 2, 3)
"""Right ventricle, myocardium, left ventricle."""

_Rows = list[dict[str, str]]


def heart_cases(settings: BenchmarkSettings) -> list[Case]:
    """Return a pair for each patient of prepared data's manifest or of a CSV like it, or of ``frames.csv``, in order.

    Patients are ordered as numbers; of a CSV those of ``settings.split`` count.

    The middle slice is that of the slices listed, or of a whole stack; its spacing is not recorded and taken as 1.

    Raises:
        DataError: If the file cannot be read, or a patient lacks a phase.
    """
    patients: dict[int, dict[str, _Rows]] = defaultdict(lambda: defaultdict(list))
    is_list = settings.data.suffix == ".csv"
    manifest = settings.data if is_list else manifest_of(settings.data)
    is_prepared = is_list or manifest.is_file()
    path = manifest if is_prepared else settings.data / "frames.csv"
    split = settings.split if is_list else "all"
    try:
        for row in _manifest_rows(path, split) if is_prepared else _frame_rows(path):
            patients[int(row["patient"].removeprefix("patient"))][row["phase"]].append(row)
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as a CSV with the columns image, labels, patient, phase and slice: {error}"
        ) from error
    return [_case(path.parent, number, patients[number]) for number in half(sorted(patients), settings.subjects)]


def _frame_rows(frames: Path) -> _Rows:
    with frames.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _manifest_rows(manifest: Path, split: str) -> _Rows:
    """The visit is the phase; the slices of a patient come in the order of their names."""
    rows = sorted(row for row in read_manifest(manifest) if split in ("all", row.split))
    return [
        {"image": row.image, "labels": row.labels, "patient": row.patient, "phase": row.visit, "slice": ""}
        for row in rows
    ]


def _case(folder: Path, number: int, phases: dict[str, _Rows]) -> Case:
    missing = {"ed", "es"} - phases.keys()
    if missing:
        raise DataError(f"patient {number} of {folder} lacks the phase {sorted(missing)}")
    return Case(name=f"{number} es<-ed", load=partial(_load, folder, phases["es"], phases["ed"]))


def _load(folder: Path, fixed: _Rows, moving: _Rows) -> Pair:
    (fixed_image, fixed_labels), (moving_image, moving_labels) = (_middle(folder, rows) for rows in (fixed, moving))
    labels = Labels(fixed=fixed_labels, moving=moving_labels)
    return Pair(fixed=fixed_image, moving=moving_image, labels=labels, structures=STRUCTURES)


def _middle(folder: Path, rows: _Rows) -> tuple[Image, Image]:
    """Image and labels of the middle slice, as arrays that do not say where they lie."""
    rows = sorted(rows, key=lambda row: int(row["slice"] or 0))
    row = rows[len(rows) // 2]
    image, labels = read_image(folder / row["image"]).array, read_labels(folder / row["labels"]).array
    if image.ndim == 3:
        image, labels = image[len(image) // 2], labels[len(labels) // 2]
    return Image.from_array(image), Image.from_array(labels)
