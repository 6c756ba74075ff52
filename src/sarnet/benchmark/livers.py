"""Livers in breath: exhale (fixed) to inhale (moving), judged by landmarks."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sarnet.benchmark.pair import Case, Landmarks, Pair, half
from sarnet.config import BenchmarkSettings
from sarnet.errors import DataError
from sarnet.images import Image, read_image
from sarnet.transforms import read_points

_ENDING = ".force_direction.mha"
_EXHALE = "exhMaster_unmasked"
_POINTS = ("LMliver.vtk", "LMoutside.vtk")


def liver_cases(settings: BenchmarkSettings) -> list[Case]:
    """Return a pair for each inhale phase of every subject, a folder each, in the order of their names.

    Raises:
        DataError: If there is no subject with an exhale and an inhale phase.
    """
    subjects = sorted(path.parent for path in settings.data.glob(f"*/{_EXHALE}{_ENDING}"))
    cases = [
        Case(
            name=f"{subject.name} exhale<-{phase}",
            subjects=(subject.name, subject.name),
            load=partial(_load, subject, phase),
        )
        for subject in half(subjects, settings.subjects)
        for phase in sorted(path.name.removesuffix(_ENDING) for path in subject.glob(f"cyc_*{_ENDING}"))
    ]
    if not cases:
        raise DataError(f"data {settings.data} holds no folder with {_EXHALE}{_ENDING} and cyc_*{_ENDING}")
    return cases


def _load(subject: Path, phase: str) -> Pair:
    fixed, moving = (read_image(subject / f"{name}{_ENDING}") for name in (_EXHALE, phase))
    if fixed.grid.size == moving.grid.size:
        # phases of one scan: where their headers differ (one says 5 mm for 4), the exhale's is right
        moving = Image(array=moving.array, grid=replace(moving.grid, spacing=fixed.grid.spacing), notes=moving.notes)
    exhaled, inhaled = _landmarks(subject, "exhMaster"), _landmarks(subject, phase)
    if len(exhaled) != len(inhaled):
        raise DataError(f"{subject}: {phase} has {len(inhaled)} landmarks, exhale {len(exhaled)}")
    return Pair(fixed=fixed, moving=moving, landmarks=Landmarks(fixed=exhaled, moving=inhaled))


def _landmarks(subject: Path, phase: str) -> Float[np.ndarray, "point axis"]:
    """Landmarks in the liver, then those around it: index x spacing, which here is the world."""
    return np.concatenate([read_points(subject / f"{phase}{name}", axes=3).points_world for name in _POINTS])
