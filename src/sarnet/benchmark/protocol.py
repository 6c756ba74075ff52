"""A protocol by its name."""

from collections.abc import Collection, Iterator
from functools import partial

from sarnet.benchmark.masks import plan_masks
from sarnet.benchmark.pairs import plan_pairs
from sarnet.benchmark.plan import Plan
from sarnet.benchmark.row import Row, RowKey
from sarnet.benchmark.simulated import plan_simulated
from sarnet.config import BenchmarkSettings


def plan(settings: BenchmarkSettings) -> Plan:
    """Plan what the settings ask for; see :func:`plan_pairs`, :func:`plan_simulated` and :func:`plan_masks`.

    With ``folds`` it is done fold by fold, and each row says in which.
    """
    if settings.folds is not None:
        folds = [plan(settings.in_fold(1 + fold)) for fold in range(settings.folds)]
        return Plan(keys=tuple(key for fold in folds for key in fold.keys), measure=partial(_measure, folds))
    planners = {"simulated-xray": plan_simulated, "lung-masks": plan_masks}
    return planners.get(settings.protocol, plan_pairs)(settings)


def _measure(folds: list[Plan], done: Collection[RowKey]) -> Iterator[Row]:
    for number, fold in enumerate(folds, start=1):
        for row in fold.measure(done):
            yield row.model_copy(update={"fold": number})
