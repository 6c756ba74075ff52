"""What a run will compute, known before it begins."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from sarnet.benchmark.row import Row, RowKey
from sarnet.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The rows of one run."""

    keys: tuple[RowKey, ...]
    """Of every row, in the order they are computed."""

    measure: Callable[[Collection[RowKey]], Iterator[Row]]
    """Computes all rows but those whose keys are given, which are there already."""

    def __post_init__(self) -> None:
        """Refuse two rows that could not be told apart.

        Raises:
            DataError: If two images or pairs have one name.
        """
        seen: set[RowKey] = set()
        for key in self.keys:
            if key in seen:
                raise DataError(f"data have two images or pairs named {key.pair!r}: give their files different names")
            seen.add(key)
