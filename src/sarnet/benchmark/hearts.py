"""Hearts of single patients: end diastole (moving) to end systole (fixed), the middle slice, three labels."""

import csv
import re
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

from sarnet.benchmark.listed import listed_rows
from sarnet.benchmark.pair import Case, Pair, half
from sarnet.config import BenchmarkSettings
from sarnet.curation import manifest_of
from sarnet.errors import DataError
from sarnet.images import Image, read_image, read_labels
from sarnet.registration import Labels

STRUCTURES = (1, 2, 3)
"""Right ventricle, myocardium, left ventricle."""


class _Slice(NamedTuple):
    """One image of a patient in one phase: a slice, or a whole stack."""

    image: Path
    labels: Path
    patient: int
    phase: str
    place: tuple[int, ...]
    """Numbers by which slices are in order."""


def heart_cases(settings: BenchmarkSettings) -> list[Case]:
    """Return a pair for each patient of prepared data's manifest or of a CSV like it, or of ``frames.csv``, in order.

    Patients are ordered as numbers; of a CSV those of ``settings.split`` count. The middle slice is that of the slices
    listed, or of a whole stack; its spacing is not recorded and taken as 1.

    Raises:
        DataError: If the file cannot be read or lists nobody, or a patient lacks a phase.
    """
    patients: dict[int, dict[str, list[_Slice]]] = defaultdict(lambda: defaultdict(list))
    for each in _slices(settings):
        patients[each.patient][each.phase].append(each)
    if not patients:
        raise DataError(f"data {settings.data} lists no patient: name the folder or the CSV that does")
    return [_case(settings.data, number, patients[number]) for number in half(sorted(patients), settings.subjects)]


def _slices(settings: BenchmarkSettings) -> list[_Slice]:
    is_list = settings.data.suffix == ".csv"
    manifest = settings.data if is_list else manifest_of(settings.data)
    if is_list or manifest.is_file():
        return _of_manifest(manifest, settings.split if is_list else "all")
    return _of_frames(settings.data / "frames.csv")


def _of_frames(path: Path) -> list[_Slice]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [
                _Slice(
                    path.parent / row["image"],
                    path.parent / row["labels"],
                    int(row["patient"]),
                    row["phase"],
                    (int(row["slice"] or 0),),
                )
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as a CSV with the columns image, labels, patient, phase and slice: {error}"
        ) from error


def _of_manifest(path: Path, split: Literal["test", "all"]) -> list[_Slice]:
    """The visit is the phase; the slices of a patient come in the order of the numbers in their names."""
    return [
        _Slice(
            path.parent / row.image,
            path.parent / row.labels,
            _number(row.patient, path),
            row.visit,
            tuple(int(each) for each in re.findall(r"\d+", Path(row.image).name)),
        )
        for row in listed_rows(path, split)
    ]


def _number(patient: str, path: Path) -> int:
    found = re.fullmatch(r"(?:patient)?(\d+)", patient)
    if found is None:
        raise DataError(f"{path} has the patient {patient!r}, but this protocol takes patients by their number")
    return int(found[1])


def _case(data: Path, number: int, phases: dict[str, list[_Slice]]) -> Case:
    missing = {"ed", "es"} - phases.keys()
    if missing:
        raise DataError(f"patient {number} of {data} lacks the phase {sorted(missing)}")
    if len(phases["es"]) != len(phases["ed"]):
        raise DataError(
            f"patient {number} of {data} has {len(phases['ed'])} images at end diastole and {len(phases['es'])} at end "
            "systole, so that their middle slices would be different ones: list the same slices of both"
        )
    name = str(number)
    return Case(name=f"{name} es<-ed", subjects=(name, name), load=partial(_load, phases["es"], phases["ed"]))


def _load(fixed: list[_Slice], moving: list[_Slice]) -> Pair:
    (fixed_image, fixed_labels), (moving_image, moving_labels) = _middle(fixed), _middle(moving)
    labels = Labels(fixed=fixed_labels, moving=moving_labels)
    return Pair(fixed=fixed_image, moving=moving_image, labels=labels, structures=STRUCTURES)


def _middle(slices: list[_Slice]) -> tuple[Image, Image]:
    """Image and labels of the middle slice, as arrays that do not say where they lie."""
    middle = sorted(slices, key=lambda each: each.place)[len(slices) // 2]
    image, labels = read_image(middle.image).array, read_labels(middle.labels).array
    if image.ndim == 3:
        image, labels = image[len(image) // 2], labels[len(labels) // 2]
    return Image.from_array(image), Image.from_array(labels)
