"""A Learn2Reg task: which pairs are scored, by what, and where their files lie."""

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sarnet.errors import DataError

_NAME = re.compile(r"_(\d{4})_(\d{4})\.nii\.gz$")


class Score(BaseModel):
    """One of the scores of a task."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    name: str
    metric: Literal["sdlogj", "dice", "hd95", "tre"]
    labels: tuple[int, ...] = ()
    """Of ``dice`` and ``hd95``."""
    dest: str = ""
    """Of ``tre``: what the landmarks' folder is called where the images' is called images."""


class TaskPair(BaseModel):
    """Files of a pair, relative to the manifest's folder."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    fixed: str
    moving: str

    @property
    def name(self) -> str:
        """Patients and modalities, as the scorer names a case."""
        (fixed, fixed_modality), (moving, moving_modality) = _numbers(self.fixed), _numbers(self.moving)
        return f"{fixed}_{fixed_modality}<--{moving}_{moving_modality}"

    @property
    def is_plain(self) -> bool:
        """Whether the names of its files leave out the modalities: both of one, or the first and the second."""
        fixed, moving = _numbers(self.fixed)[1], _numbers(self.moving)[1]
        return fixed == moving or (fixed, moving) == ("0000", "0001")

    def displacement(self, folder: Path) -> Path:
        """Return the file of its displacement field, under any of the names that the scorer knows.

        Raises:
            DataError: If there is none.
        """
        (fixed, fixed_modality), (moving, moving_modality) = _numbers(self.fixed), _numbers(self.moving)
        whole = f"{fixed}_{fixed_modality}_{moving}_{moving_modality}"
        stem = f"disp_{fixed}_{moving}" if self.is_plain else f"disp_{whole}"
        for ending in (".npz", ".nii.gz"):
            if (folder / f"{stem}{ending}").is_file():
                return folder / f"{stem}{ending}"
        raise DataError(f"fields {folder} has no {stem}.npz or .nii.gz: give every pair's field (--fields DIR)")

    def landmarks(self, folder: Path, dest: str) -> tuple[Path, Path]:
        """Return the files of both images' landmarks."""
        if dest == "keypoints" and not self.is_plain:
            dest += "".join(sorted(str(int(_numbers(name)[1])) for name in (self.fixed, self.moving)))
        fixed, moving = (folder / _beside(name, dest, ending=".csv") for name in (self.fixed, self.moving))
        return fixed, moving

    def files(self, folder: Path, kind: str) -> tuple[Path, Path]:
        """Return both images' files of another kind: images, labels or masks."""
        return folder / _beside(self.fixed, kind), folder / _beside(self.moving, kind)


class Task(BaseModel):
    """What is scored."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    name: str
    folder: Path
    """Of the images, labels, masks and landmarks."""
    pairs: tuple[TaskPair, ...]
    scores: tuple[Score, ...]
    is_masked: bool = False


class _File(BaseModel):
    """dataset.json, or the scorer's own evaluation_config.json."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str = ""
    task_name: str = ""
    labels: dict[str, Any] = {}
    registration_val: tuple[TaskPair, ...] = ()
    registration_test: tuple[TaskPair, ...] = ()
    eval_pairs: tuple[TaskPair, ...] = ()
    evaluation_methods: tuple[Score, ...] = ()
    masked_evaluation: bool = Field(default=False)


def read_task(path: Path, *, part: Literal["val", "test"] = "val") -> Task:
    """Read a data set's ``dataset.json``, or the ``evaluation_config.json`` that the scorer goes by.

    A data set does not say what is scored: then it is SDlogJ; Dice and HD95 of its labels, where the first pair has
    label maps; and the error of ``keypoints`` and ``landmarks``, where it has those.

    Args:
        path: The file; others lie relative to its folder.
        part: Which of a data set's pairs: ``registration_val`` or ``registration_test``.

    Raises:
        DataError: If it cannot be read, is something else, or names no pair.
    """
    try:
        file = _File.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"manifest {path} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise DataError(f"manifest {path} is no dataset.json of Learn2Reg: {place or 'it'}: {first['msg']}") from error
    pairs = file.eval_pairs or (file.registration_val if part == "val" else file.registration_test)
    if not pairs:
        raise DataError(f"manifest {path} names no pair: wanted eval_pairs or registration_{part}")
    for pair in pairs:
        for name in (pair.fixed, pair.moving):
            if not _NAME.search(name):
                raise DataError(f"manifest {path} names {name}, but wanted TASK_0001_0000.nii.gz: patient, modality")
    return Task(
        name=file.task_name or file.name or path.stem,
        folder=path.parent,
        pairs=pairs,
        scores=file.evaluation_methods or _scores(file.labels, pairs[0], path.parent),
        is_masked=file.masked_evaluation,
    )


def _scores(named: dict[str, Any], pair: TaskPair, folder: Path) -> tuple[Score, ...]:
    found = [Score(name="LogJacDetStd", metric="sdlogj")]
    names = {key: value for group in named.values() if isinstance(group, dict) for key, value in group.items()} or named
    labels = tuple(sorted(int(key) for key in names if key.isdigit() and int(key)))
    if labels and all(path.is_file() for path in pair.files(folder, "labels")):
        found += [Score(name="DSC", metric="dice", labels=labels), Score(name="HD95", metric="hd95", labels=labels)]
    for name, dest in (("TRE_kp", "keypoints"), ("TRE_lm", "landmarks")):
        if all(path.is_file() for path in pair.landmarks(folder, dest)):
            found.append(Score(name=name, metric="tre", dest=dest))
    return tuple(found)


def _numbers(name: str) -> tuple[str, str]:
    """Patient and modality."""
    found = _NAME.search(name)
    assert found is not None  # read_task() refuses others
    return found[1], found[2]


def _beside(name: str, kind: str, *, ending: str = ".nii.gz") -> str:
    return name.replace("images", kind).removesuffix(".nii.gz") + ending
