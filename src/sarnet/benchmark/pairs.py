"""Pairs of real images, registered by several methods that take turns."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet import __version__
from sarnet.benchmark.brains import brain_cases
from sarnet.benchmark.code import code_hash
from sarnet.benchmark.hardware import hardware
from sarnet.benchmark.hearts import heart_cases
from sarnet.benchmark.livers import liver_cases
from sarnet.benchmark.lungs import lung_cases
from sarnet.benchmark.memory import peak_memory
from sarnet.benchmark.pair import Case, Pair
from sarnet.benchmark.plan import Plan
from sarnet.benchmark.row import Row, RowKey, settings_hash
from sarnet.benchmark.score import LabelScore, Means, means, score_labels
from sarnet.config import BenchmarkSettings
from sarnet.images import foreground
from sarnet.methods import Method, MethodResult, SarnetMethod, build_methods
from sarnet.metrics import folding_percent, inverse_consistency_voxels, target_registration_error_mm
from sarnet.transforms import Transform, apply, compose

DATA_SETS: dict[str, Callable[[BenchmarkSettings], list[Case]]] = {
    "brain2d": brain_cases,
    "brain3d": brain_cases,
    "cardiac": heart_cases,
    "liver": liver_cases,
    "xray": lung_cases,
}
"""Protocol to the pairs it has."""


@dataclass(frozen=True, kw_only=True)
class _Score:
    """How well the images meet under one transform, as far as there is something to tell it by."""

    by_label: dict[str, LabelScore] = field(default_factory=dict)
    tre_mm: float | None = None

    @property
    def means(self) -> Means:
        """Over the labels."""
        return means(self.by_label)


def plan_pairs(settings: BenchmarkSettings) -> Plan:
    """Plan a row for every pair and method: the methods take turns pair by pair, so that times are side by side.

    Each method is warmed up by registering its first pair once more beforehand. Labels and landmarks are read beside
    the images and never handed to a method.

    Raises:
        ConfigError: If a method is unknown.
        DataError: If the data are not there.
        MissingExtraError: If a method's engine is not.
    """
    cases = DATA_SETS[settings.protocol](settings)[: settings.most_pairs]
    methods = build_methods(settings)
    keys = tuple(_key(case, method, settings) for case in cases for method in methods)
    return Plan(keys=keys, measure=partial(_measure, cases, methods, settings))


def _measure(
    cases: list[Case], methods: list[Method], settings: BenchmarkSettings, done: Collection[RowKey]
) -> Iterator[Row]:
    warm: set[str] = set()
    for case in cases:
        left = [method for method in methods if _key(case, method, settings) not in done]
        if not left:
            continue
        pair = case.load()
        before = _score(pair, Transform.identity(pair.fixed.grid))
        for method in left:
            if method.name not in warm:
                method.register(pair.fixed, pair.moving, affine_start=settings.affine_start)
                warm.add(method.name)
            yield _row(case, pair, before, method, settings)


def _row(case: Case, pair: Pair, before: _Score, method: Method, settings: BenchmarkSettings) -> Row:
    with peak_memory() as memory:
        found = method.register(pair.fixed, pair.moving, affine_start=settings.affine_start)
    after = _score(pair, found.transform)
    own = method if isinstance(method, SarnetMethod) else None
    return Row(
        **_key(case, method, settings)._asdict(),
        subjects=case.subjects,
        model=own.loaded.name if own and own.loaded else None,
        adapt=own.registration.adapt if own else None,
        settings=_settings(method, settings),
        version=__version__,
        code=code_hash(),
        seed=method.settings.get("seed"),
        hardware=hardware(),
        seconds=found.seconds,
        seconds_by_stage=found.seconds_by_stage,
        iterations=found.iterations,
        folding_percent=folding_percent(_voxels(found.transform), inside=_body(pair)),
        inverse_consistency_voxels=_inverse_consistency(pair, method, found, settings),
        dice_before=before.means.dice,
        dice=after.means.dice,
        dice_by_label={name: score.dice for name, score in after.by_label.items()},
        hd95_before=before.means.hd95,
        hd95=after.means.hd95,
        hd95_by_label={name: score.hd95 for name, score in after.by_label.items()},
        mad_before=before.means.mad,
        mad=after.means.mad,
        mad_by_label={name: score.mad for name, score in after.by_label.items()},
        length_unit=pair.fixed.length_unit,
        tre_mm_before=before.tre_mm,
        tre_mm=after.tre_mm,
        peak_memory_mb=memory.megabytes,
    )


def _key(case: Case, method: Method, settings: BenchmarkSettings) -> RowKey:
    return RowKey(settings.protocol, case.name, method.name, settings_hash(_settings(method, settings)))


def _settings(method: Method, settings: BenchmarkSettings) -> dict[str, Any]:
    measurement = settings.model_dump(mode="json", include={"dataset", "affine_start", "inverse_consistency"})
    return {**measurement, "method": method.settings}


def _score(pair: Pair, transform: Transform) -> _Score:
    score = _Score()
    if pair.labels is not None:
        warped = apply(transform, pair.labels.moving, pair.fixed.grid, interpolation="nearest", outside=0)
        by_label = score_labels(pair.labels.fixed, warped, labels=pair.structures, ignored=pair.ignored)
        score = replace(score, by_label=by_label)
    if pair.landmarks is not None:
        errors = target_registration_error_mm(transform.points(pair.landmarks.fixed), pair.landmarks.moving)
        score = replace(score, tre_mm=float(errors.mean()))
    return score


def _inverse_consistency(pair: Pair, method: Method, there: MethodResult, settings: BenchmarkSettings) -> float | None:
    if not settings.inverse_consistency:
        return None
    back = method.register(pair.moving, pair.fixed, affine_start=settings.affine_start)
    round_trip = compose(there.transform, back.transform, grid=pair.fixed.grid)
    return inverse_consistency_voxels(_voxels(round_trip), inside=_body(pair))


def _body(pair: Pair) -> Tensor:
    return torch.from_numpy(foreground(pair.fixed.array))[None]


def _voxels(transform: Transform) -> Float[Tensor, "1 axis *space"]:
    return torch.from_numpy(transform.grid.in_voxels(transform.total_displacement()))[None]
