"""Which pairs of a cohort stand apart from the rest, and by which figure."""

from collections.abc import Mapping, Sequence

import numpy as np

COST = "cost_final"
"""Compared among the pairs whose images were compared by one similarity; the larger, the worse."""

MEASURES = ("folding_percent", "inverse_consistency_mm")
"""Compared over the whole cohort, the same."""

_APART = 3.5
_FEWEST = 5
"""Of fewer values none stands apart."""


def scores(values: Mapping[str, Sequence[float | None]]) -> list[dict[str, float]]:
    r"""Return by how much each pair is worse than is usual in its cohort, measure by measure.

    The modified z-score: with :math:`\tilde x` the median and MAD the median absolute deviation from it,

    .. math:: z_i = 0.6745 \, (x_i - \tilde x) / \mathrm{MAD};

    where more than half of the values agree (a cohort without folds), the mean absolute deviation :math:`1.2533 \,
    \mathrm{MeanAD}` stands in for :math:`\mathrm{MAD} / 0.6745`.

    Args:
        values: For each measure, a figure of each pair; nothing where it was not measured.

    Returns:
        For each pair, the score of every measure that it has; of a measure with fewer than five figures, none.

    References:
        Iglewicz and Hoaglin, How to detect and handle outliers, ASQC 1993.
    """
    count = len(next(iter(values.values()), ()))
    found: list[dict[str, float]] = [{} for _ in range(count)]
    for measure, figures in values.items():
        x = np.array([np.nan if figure is None else figure for figure in figures], float)
        known = np.flatnonzero(np.isfinite(x))
        if len(known) < _FEWEST:
            continue
        off = x[known] - np.median(x[known])
        scale = np.median(np.abs(off)) / 0.6745 or 1.2533 * np.abs(off).mean()
        for index, z in zip(known.tolist(), (off / scale if scale else np.zeros_like(off)).tolist()):
            found[index][measure] = z
    return found


def standing_apart(score: Mapping[str, float]) -> tuple[str, ...]:
    """Return the measures by which a pair is an outlier: a score above 3.5."""
    return tuple(measure for measure, z in score.items() if z > _APART)
