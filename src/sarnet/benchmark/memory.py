"""How much memory a registration takes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


class PeakMemory:
    """The most that the process held, libraries and what earlier work left behind included."""

    def __init__(self) -> None:
        self.megabytes: float | None = None
        """Known when the work is done, on Linux."""


@contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    """Watch the process's memory, that of libraries in other languages too, while something is done inside."""
    peak = PeakMemory()
    try:
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
    except OSError:  # another system, or one that does not allow it
        yield peak
        return
    yield peak
    found = re.search(r"^VmHWM:\s*(\d+) kB", _STATUS.read_text(encoding="ascii"), flags=re.MULTILINE)
    peak.megabytes = int(found[1]) / 1024 if found else None
