"""ANTs' symmetric normalisation through antspyx, by mutual information (SyN) or cross-correlation (SyNCC)."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sarnet.config import AntsSettings, AntsSynCcSettings
from sarnet.images import Grid, Image
from sarnet.methods.engine import engine_version
from sarnet.methods.method import MethodResult
from sarnet.registration import Clock
from sarnet.transforms import Transform, read_transform

_THREADS = "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"

_SYNCC = AntsSettings(metric="CC", radius_voxels=4, iterations=(2100, 1200, 1200, 20), step_voxels=0.15)
"""Metric and steps of antspyx's SyNCC, which has no name for them without an affine map; each level is of half the
resolution, where SyNCC's own are of a quarter, a third and a half."""


@dataclass(frozen=True, kw_only=True)
class AntsMethod:
    """ANTs with one of its settings."""

    name: str
    ants: AntsSettings | AntsSynCcSettings
    threads: int
    """Heeded by the first registration of a process alone: later ones have as many."""
    seed: int
    version: str
    """Of antspyx."""

    @classmethod
    def find(cls, name: str, ants: AntsSettings | AntsSynCcSettings, *, threads: int, seed: int = 1) -> "AntsMethod":
        """Return the method, if its engine is there.

        Raises:
            MissingExtraError: If antspyx is not installed.
        """
        return cls(name=name, ants=ants, threads=threads, seed=seed, version=engine_version("antspyx"))

    @property
    def settings(self) -> dict[str, Any]:
        """ANTs' settings, threads, seed and version."""
        own = {"threads": self.threads, "seed": self.seed, "version": f"antspyx {self.version}"}
        return {**self.ants.model_dump(mode="json"), **own}

    def register(self, fixed: Image, moving: Image, *, affine_start: bool = True) -> MethodResult:
        """As :class:`sarnet.methods.Method` has it; all stages are one run of ANTs, which hands them over in files."""
        import ants  # noqa: PLC0415  only who compares with ANTs has it, and it takes seconds to import

        clock = Clock()
        words = _words(self.ants, affine_start=affine_start)
        with TemporaryDirectory(prefix="sarnet-ants-") as folder, _environment(ants, self.threads, self.seed):
            with clock.stage("ants"):
                found = ants.registration(
                    _to_ants(fixed, ants), _to_ants(moving, ants), outprefix=f"{folder}/", **words
                )
            with clock.stage("to world"):
                transform = _to_world([Path(name) for name in found["fwdtransforms"]], fixed.grid)
        return MethodResult(transform=transform, seconds_by_stage=clock.seconds)


def _words(settings: AntsSettings | AntsSynCcSettings, *, affine_start: bool) -> dict[str, Any]:
    """Settings as antspyx names them."""
    if isinstance(settings, AntsSynCcSettings):
        if affine_start:
            return {"type_of_transform": "SyNCC"}
        settings = _SYNCC
    return {
        "type_of_transform": "SyN" if affine_start else "SyNOnly",
        "syn_metric": settings.metric,
        "syn_sampling": settings.radius_voxels if settings.metric == "CC" else settings.bins,
        "reg_iterations": settings.iterations,
        "grad_step": settings.step_voxels,
        "flow_sigma": settings.flow_variance,
        "total_sigma": settings.total_variance,
    }


def _to_ants(image: Image, ants: Any) -> Any:
    n = image.grid.dimension
    return ants.from_numpy(
        image.array.astype(np.float32).T,  # x first
        origin=image.grid.origin,
        spacing=image.grid.spacing,
        direction=np.array(image.grid.direction).reshape(n, n),
    )


@contextmanager
def _environment(ants: Any, threads: int, seed: int) -> Iterator[None]:
    """Threads and seed, which ANTs takes from the process alone."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = str(threads)
    ants.config.set_ants_deterministic(on=False, seed_value=seed)
    try:
        yield
    finally:
        ants.config.set_ants_deterministic(on=False, seed_value=None)
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before


def _to_world(files: list[Path], grid: Grid) -> Transform:
    """ANTs' field and affine map, which act in the same order as ours."""
    transform = Transform.identity(grid)
    for path in files:
        part = read_transform(path)
        if part.displacement is None:
            transform = replace(transform, matrix=part.matrix, translation=part.translation)
        else:  # on the fixed grid, whose place the file rounds to single precision
            transform = transform.with_displacement(part.displacement)
    return transform
