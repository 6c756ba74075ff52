"""How long the stages of a registration take."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Clock:
    """Seconds of every stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what happens inside."""
        begin = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - begin

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())
