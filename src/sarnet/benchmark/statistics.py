"""Whether one method is better than another on the subjects there are: tests and intervals.

Pairs share subjects, so they are not independent: a test on pairs would find differences that are not there. Tests
compare each subject's mean over the pairs in which its image is the fixed one. Subjects also are the moving images of
each other's pairs, which such means leave out; intervals draw subjects anew in both roles and account for it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from sarnet.benchmark.row import Row
from sarnet.errors import InputError
from sarnet.metrics import mean_of_known

Figure = Literal["dice", "hd95", "mad", "tre_mm"]
"""What of a row is compared."""

_RESAMPLINGS = 9999

_AT_ONCE = 256
"""Resamplings whose weights of all pairs are in memory together."""


class Interval(NamedTuple):
    """A mean over pairs with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


class Comparison(NamedTuple):
    """One method beside the reference, on the pairs that both have."""

    method: str
    subjects: int
    """Whose images are fixed ones."""
    difference: Interval
    """The reference's figure less this method's."""
    p_value: float
    """Of Wilcoxon's signed-rank test on subjects' means, two-sided."""
    p_corrected: float
    """By Holm's step-down correction for all methods compared."""


class PairValue(NamedTuple):
    """A figure of one pair."""

    subjects: tuple[str, str]
    """Whose the fixed and the moving image are."""
    value: float


def bootstrap_interval(values: Sequence[PairValue]) -> Interval:
    """Return the mean over pairs and its 95 % interval: subjects drawn anew, percentiles of the means.

    A pair counts as often as its two subjects were drawn, the product of both; once for each time, where both images
    are of one subject. The drawing is always the same.

    Raises:
        InputError: If there are fewer than two subjects.

    References:
        Snijders and Borgatti, Connections 22, 1999, for pairs of what is drawn.
    """
    names = sorted({subject for each in values for subject in each.subjects})
    if len(names) < 2:
        raise InputError(f"values are of {len(names)} subjects, but an interval needs two at least")
    place = {name: index for index, name in enumerate(names)}
    fixed, moving = np.array([[place[subject] for subject in each.subjects] for each in values]).T
    figures = np.array([each.value for each in values])
    chances = np.full(len(names), 1 / len(names))
    times = np.random.default_rng(0).multinomial(len(names), chances, size=_RESAMPLINGS).astype(np.float64)
    sums, totals = [], []
    for some in np.array_split(times, -(-len(times) // _AT_ONCE)):
        weights = np.where(fixed == moving, some[:, fixed], some[:, fixed] * some[:, moving])
        sums.append(weights @ figures)
        totals.append(weights.sum(axis=1))
    total = np.concatenate(totals)
    drawn = total > 0  # of few subjects all pairs may be missed
    low, high = np.percentile(np.concatenate(sums)[drawn] / total[drawn], (2.5, 97.5))
    return Interval(float(figures.mean()), float(low), float(high))


def compare(rows: Mapping[str, Sequence[Row]], *, reference: str, figure: Figure) -> list[Comparison]:
    """Compare a method with every other one on the pairs that both have.

    Surface distances are compared over the labels that have one by both methods: who loses a difficult structure does
    not gain by it.

    Args:
        rows: Method to its rows, of one protocol.
        reference: The method that the others are compared with.
        figure: What of a row is compared.

    Returns:
        A comparison for each other method that has the figure, in their order.

    Raises:
        InputError: If ``reference`` has no rows with the figure, or shares fewer than two subjects with a method.

    References:
        Wilcoxon, Biometrics Bulletin 1, 1945. Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    own = _having(rows.get(reference, ()), figure)
    if not own:
        raise InputError(f"reference is {reference!r}, but has no rows with {figure}; known are {sorted(rows)}")
    differences: dict[str, list[PairValue]] = {}
    for method in rows:
        other = _having(rows[method], figure)
        if method == reference or not other:
            continue
        shared = [pair for pair in own if pair in other]
        each = [PairValue(own[pair].subjects, _difference(own[pair], other[pair], figure)) for pair in shared]
        differences[method] = [pair for pair in each if np.isfinite(pair.value)]
        subjects = len(_subject_means(differences[method]))
        if subjects < 2:
            raise InputError(f"{reference} and {method} share {subjects} subjects, but a test needs two at least")
    means = {method: _subject_means(each) for method, each in differences.items()}
    p_values = [_wilcoxon(each) for each in means.values()]
    corrected = holm(p_values)
    return [
        Comparison(method, len(means[method]), bootstrap_interval(each), p_value, p_corrected)
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


def _having(rows: Sequence[Row], figure: Figure) -> dict[str, Row]:
    return {row.pair: row for row in rows if getattr(row, figure) is not None}


def _difference(own: Row, other: Row, figure: Figure) -> float:
    """The own figure less the other's; NaN where no label has a distance by both methods."""
    if figure in ("dice", "tre_mm"):
        return float(getattr(own, figure) - getattr(other, figure))
    first, second = (getattr(row, f"{figure}_by_label") for row in (own, other))
    both = [first[label] - second[label] for label in first if None not in (first[label], second.get(label))]
    mean = mean_of_known(both)
    return np.nan if mean is None else mean


def _subject_means(values: Sequence[PairValue]) -> np.ndarray:
    """Each subject's mean over the pairs in which its image is the fixed one."""
    of_subject: dict[str, list[float]] = defaultdict(list)
    for each in values:
        of_subject[each.subjects[0]].append(each.value)
    return np.array([np.mean(each) for each in of_subject.values()])


def _wilcoxon(differences: np.ndarray) -> float:
    if not differences.any():
        return 1.0  # nothing to rank
    return float(stats.wilcoxon(differences).pvalue)
