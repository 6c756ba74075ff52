"""Displacement fields of a Learn2Reg task: its scorer's numbers, and beside them those of this package."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float
from pydantic import BaseModel, ConfigDict

from sarnet import __version__
from sarnet.benchmark.evaluate import evaluate, score_transform
from sarnet.benchmark.learn2reg_task import Score, Task, TaskPair
from sarnet.errors import DataError
from sarnet.images import Grid, Image, read_image, read_labels
from sarnet.metrics import (
    learn2reg_dice,
    learn2reg_hd95,
    learn2reg_sd_log_jacobian,
    learn2reg_tre,
    learn2reg_warp,
    target_registration_error_mm,
)
from sarnet.transforms import apply, read_learn2reg_voxels, read_transform

_WORST = 0.3
"""Quantile that the scorer calls "30"."""


class CaseScores(BaseModel):
    """One pair."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    name: str
    learn2reg: dict[str, dict[str, Any]]
    """Score to ``mean`` and ``detailed``, as the scorer writes them."""
    corrected: dict[str, float | None]
    """Figure to value: distances in millimetres, the true logarithm, the true foldings."""


class TaskScores(BaseModel):
    """All pairs of a task."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    version: str = __version__
    command: str | None = None
    manifest: str
    fields: str
    learn2reg: dict[str, Any]
    """What the scorer's own file would hold."""
    corrected: dict[str, Any]
    """The same form, without its flaws."""


class _Files(NamedTuple):
    """What a pair's scores are made of."""

    fixed: Grid
    moving: Grid
    voxels: Float[np.ndarray, "x y z 3"]
    labels: tuple[Image, Image] | None
    mask: Bool[np.ndarray, "z y x"] | None


def score_cases(task: Task, fields: Path) -> Iterator[CaseScores]:
    """Score every pair of a task, one after the other.

    Args:
        task: Which pairs, by what.
        fields: Folder of the displacement fields, by the names that the scorer wants.

    Raises:
        DataError: If a file is missing or damaged; before anything is scored where it is a field.
    """
    found = [pair.displacement(fields) for pair in task.pairs]  # all of them, before the first is read
    for pair, path in zip(task.pairs, found):
        files = _read(task, pair, path)
        yield CaseScores(
            name=pair.name,
            learn2reg=_as_scored(task, pair, files),
            corrected=_corrected(task, pair, files, path),
        )


def joined_scores(task: Task, cases: list[CaseScores], *, manifest: Path, fields: Path) -> TaskScores:
    """Put the cases of a task into one result, with mean, deviation and lower quantile of each score."""
    means = {case.name: {name: score["mean"] for name, score in case.learn2reg.items()} for case in cases}
    theirs = {
        "name": task.name,
        "aggregates": _aggregates(means),
        "cases": {case.name: case.learn2reg for case in cases},
        "eval_version": "2.0",
    }
    ours = {case.name: case.corrected for case in cases}
    return TaskScores(
        manifest=str(manifest),
        fields=str(fields),
        learn2reg=theirs,
        corrected={"name": task.name, "aggregates": _aggregates_of_known(ours), "cases": ours},
    )


def _read(task: Task, pair: TaskPair, displacement: Path) -> _Files:
    fixed, moving = (read_image(path).grid for path in pair.files(task.folder, "images"))
    labels = None
    if any(score.metric in ("dice", "hd95") for score in task.scores):
        of_fixed, of_moving = (read_labels(path) for path in pair.files(task.folder, "labels"))
        labels = of_fixed, of_moving
    mask = pair.files(task.folder, "masks")[0]
    return _Files(
        fixed=fixed,
        moving=moving,
        voxels=read_learn2reg_voxels(displacement, fixed).transpose(2, 1, 0, 3).astype(np.float64),
        labels=labels,
        # without a mask the scorer goes on and counts everything
        mask=read_labels(mask).array == 1 if task.is_masked and mask.is_file() else None,
    )


def _as_scored(task: Task, pair: TaskPair, files: _Files) -> dict[str, dict[str, Any]]:
    scores: dict[str, dict[str, Any]] = {}
    fixed, moving, warped = _xyz(files)
    for score in task.scores:
        if score.metric == "sdlogj":
            value = learn2reg_sd_log_jacobian(files.voxels, mask=None if files.mask is None else files.mask.T)
            scores[score.name] = {"mean": value, "detailed": value}
            scores["num_foldings"] = {"mean": 0.0, "detailed": 0.0}  # whatever the field: see sarnet.metrics.learn2reg
        elif score.metric == "tre":
            landmarks = _landmarks(task, pair, score)
            errors = learn2reg_tre(*landmarks, files.voxels, spacing=files.moving.spacing)
            scores[score.name] = {"mean": float(errors.mean()), "detailed": errors.tolist()}
        else:
            by_label = learn2reg_dice if score.metric == "dice" else learn2reg_hd95
            values = by_label(fixed, moving, warped, score.labels)
            scores[score.name] = {"mean": _mean(values), "detailed": values}
    return scores


def _corrected(task: Task, pair: TaskPair, files: _Files, displacement: Path) -> dict[str, float | None]:
    """Through the world, by the functions that judge every other registration."""
    transform = read_transform(displacement, grid=files.fixed, form="learn2reg", moving=files.moving)
    space = score_transform(transform, files.fixed, inside=files.mask)
    figures: dict[str, float | None] = {
        "sd_log_jacobian": space.sd_log_jacobian,
        "folding_percent": space.folding_percent,
    }
    if files.labels is not None:
        fixed, moving = files.labels
        warped = apply(transform, moving, files.fixed, interpolation="nearest", outside=0)
        asked = tuple(sorted({label for score in task.scores for label in score.labels}))
        found = evaluate(Image(array=fixed.array, grid=files.fixed), warped, labels=asked)
        figures |= {"dice": found.dice, "hd95_mm": found.hd95, "mad_mm": found.mad}
    for score in task.scores:
        if score.metric == "tre":
            fixed_world, moving_world = (
                _to_world(points, grid)
                for points, grid in zip(_landmarks(task, pair, score), (files.fixed, files.moving))
            )
            errors = target_registration_error_mm(transform.points(fixed_world), moving_world)
            figures[f"{score.name}_mm"] = float(errors.mean())
    return figures


def _xyz(files: _Files) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fixed, moving and warped labels, x first, as the scorer has them."""
    if files.labels is None:
        nothing = np.zeros((1, 1, 1), np.int16)
        return nothing, nothing, nothing
    fixed, moving = (image.array.T for image in files.labels)
    return fixed, moving, learn2reg_warp(moving, files.voxels)


def _landmarks(task: Task, pair: TaskPair, score: Score) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks of both images in voxels, x first."""
    paths = pair.landmarks(task.folder, score.dest)
    try:
        fixed, moving = (np.loadtxt(path, delimiter=",", ndmin=2) for path in paths)
    except (OSError, ValueError) as error:
        raise DataError(f"{paths[0]} or {paths[1]} cannot be read as a CSV of voxel coordinates: {error}") from error
    return fixed, moving


def _to_world(points: np.ndarray, grid: Grid) -> np.ndarray:
    world: np.ndarray = np.c_[points, np.ones(len(points))] @ grid.index_to_world()[:-1].T
    return world


def _aggregates(cases: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation and lower quantile over the cases, score by score; NaN where one case has none."""
    names = dict.fromkeys(name for scores in cases.values() for name in scores)
    return {name: _moments([scores[name] for scores in cases.values()]) for name in names}


def _aggregates_of_known(cases: dict[str, dict[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """The same over the cases that have the score, and how many they are."""
    names = dict.fromkeys(name for scores in cases.values() for name in scores)
    known = {name: [each for scores in cases.values() if (each := scores.get(name)) is not None] for name in names}
    nothing = dict.fromkeys(("mean", "std", "30"))
    return {name: {**(_moments(each) if each else nothing), "cases": len(each)} for name, each in known.items()}


def _moments(values: list[float]) -> dict[str, float]:
    return {"mean": float(np.mean(values)), "std": float(np.std(values)), "30": float(np.quantile(values, _WORST))}


def _mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")
