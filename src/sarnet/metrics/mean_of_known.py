"""The mean of figures of which some are not known."""

import math
from collections.abc import Iterable


def mean_of_known(values: Iterable[float | None]) -> float | None:
    """Return the mean of the values that are numbers; nothing if none is.

    Two empty masks have no overlap, a structure that was lost has no distance: that says nothing of the others.
    """
    known = [value for value in values if value is not None and not math.isnan(value)]
    return math.fsum(known) / len(known) if known else None
