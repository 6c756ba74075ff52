"""Whether one method is better than another on the subjects there are: tests and intervals on subject means.

Pairs share subjects, so they are not independent: a test on pairs would find differences that are not there. What is
compared is each subject's mean over the pairs in which its image is the fixed one.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from sarnet.benchmark.row import Row
from sarnet.errors import InputError

Figure = Literal["dice", "hd95", "mad", "tre_mm"]
"""What of a row is compared."""

_RESAMPLINGS = 9999


class Interval(NamedTuple):
    """A mean over subjects with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


class Comparison(NamedTuple):
    """One method beside the reference."""

    method: str
    subjects: int
    difference: Interval
    """The reference's subject means less this method's."""
    p_value: float
    """Of Wilcoxon's signed-rank test, two-sided."""
    p_corrected: float
    """By Holm's step-down correction for all methods compared."""


def subject_means(rows: Iterable[Row], figure: Figure) -> dict[str, float]:
    """Return each subject's mean over the pairs whose fixed image is its own; pairs without the figure are left out."""
    values: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        value = getattr(row, figure)
        if value is not None:
            values[row.subject].append(value)
    return {subject: float(np.mean(each)) for subject, each in values.items()}


def bootstrap_interval(values: Sequence[float], *, seed: int = 0) -> Interval:
    """Return the mean of subjects' values and its 95 % interval: subjects drawn anew, percentiles of the means.

    Raises:
        InputError: If there are fewer than two values.
    """
    if len(values) < 2:
        raise InputError(f"values are of {len(values)} subjects, but an interval needs two at least")
    drawn = stats.bootstrap(
        (np.asarray(values),),
        np.mean,
        n_resamples=_RESAMPLINGS,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    low, high = drawn.confidence_interval
    return Interval(float(np.mean(values)), float(low), float(high))


def compare(rows: Mapping[str, Sequence[Row]], *, reference: str, figure: Figure, seed: int = 0) -> list[Comparison]:
    """Compare a method with every other one on the subjects that both have.

    Args:
        rows: Method to its rows, of one protocol.
        reference: The method that the others are compared with.
        figure: What of a row is compared.
        seed: Of the bootstrap.

    Returns:
        A comparison for each other method that has the figure, in their order.

    Raises:
        InputError: If ``reference`` has no rows with the figure, or shares fewer than two subjects with a method.

    References:
        Wilcoxon, Biometrics Bulletin 1, 1945. Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    own = subject_means(rows.get(reference, ()), figure)
    if not own:
        raise InputError(f"reference is {reference!r}, but has no rows with {figure}; known are {sorted(rows)}")
    differences: dict[str, np.ndarray] = {}
    for method in rows:
        other = subject_means(rows[method], figure)
        shared = [subject for subject in own if subject in other]
        if method == reference or not other:
            continue
        if len(shared) < 2:
            raise InputError(f"{reference} and {method} share {len(shared)} subjects, but a test needs two at least")
        differences[method] = np.array([own[subject] - other[subject] for subject in shared])
    p_values = [_wilcoxon(each) for each in differences.values()]
    corrected = holm(p_values)
    return [
        Comparison(method, len(each), bootstrap_interval(each.tolist(), seed=seed), p_value, p_corrected)
        for (method, each), p_value, p_corrected in zip(differences.items(), p_values, corrected)
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for there being several, by Holm's step-down method.

    The smallest is multiplied by their number, the next by one less, and none is smaller than one before it.
    """
    corrected = np.empty(len(p_values))
    largest = 0.0
    for place, index in enumerate(np.argsort(p_values)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        corrected[index] = largest
    return corrected.tolist()


def _wilcoxon(differences: np.ndarray) -> float:
    if not differences.any():
        return 1.0  # nothing to rank
    return float(stats.wilcoxon(differences).pvalue)
