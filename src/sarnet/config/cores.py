"""The cores that a process may use: what settings of threads and workers are by default."""

import os


def cores() -> int:
    """Return how many cores this process may use: fewer than there are, where a scheduler of jobs gave it some."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
