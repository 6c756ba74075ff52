"""What a run will compute, known before it begins."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from sarnet.benchmark.row import Row, RowKey


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The rows of one run."""

    keys: tuple[RowKey, ...]
    """Of every row, in the order they are computed."""

    measure: Callable[[Collection[RowKey]], Iterator[Row]]
    """Computes all rows but those whose keys are given, which are there already."""
