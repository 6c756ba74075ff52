from itertools import product

import numpy as np
import pytest
from scipy import stats

from sarnet.benchmark import Row, bootstrap_interval, compare, holm, subject_means
from sarnet.errors import InputError


def _rows(method, values):
    """Pair to Dice."""
    return [
        Row(protocol="brain2d", pair=pair, method=method, version="0", seconds=1, dice=value)
        for pair, value in values.items()
    ]


def _subjects(method, values):
    return _rows(method, {f"{subject}<-0": value for subject, value in enumerate(values)})


def test_subject_is_whose_image_is_fixed_and_its_pairs_count_once():
    rows = _rows("sarnet", {"1<-2": 0.4, "1<-3": 0.6, "2<-1": 0.9, "12 es<-ed": 0.7, "3<-1": None})

    assert subject_means(rows, "dice") == {"1": pytest.approx(0.5), "2": 0.9, "12": 0.7}


def test_p_value_is_the_share_of_signs_at_least_as_far():
    differences = np.array([0.01, 0.02, 0.03, 0.04, -0.005, 0.06])
    rows = {"sarnet": _subjects("sarnet", 0.5 + differences), "syn": _subjects("syn", [0.5] * 6)}

    (found,) = compare(rows, reference="sarnet", figure="dice")

    ranks = stats.rankdata(abs(differences))
    sums = np.array([np.dot(ranks, signs) for signs in product((0, 1), repeat=6)])
    own = ranks[differences > 0].sum()
    assert found.p_value == pytest.approx(2 * np.mean(sums >= own))
    assert found.subjects == 6
    assert found.difference.mean == pytest.approx(differences.mean())


def test_corrected_p_values_are_those_of_statsmodels():
    package = pytest.importorskip("statsmodels.stats.multitest")
    p_values = [0.04, 0.001, 0.03, 0.02, 0.7]

    assert holm(p_values) == pytest.approx(package.multipletests(p_values, method="holm")[1])


def test_method_that_is_the_same_differs_in_nothing():
    rows = {name: _subjects(name, [0.4, 0.5, 0.6]) for name in ("sarnet", "same")}

    (found,) = compare(rows, reference="sarnet", figure="dice")

    assert (found.difference, found.p_value, found.p_corrected) == ((0, 0, 0), 1, 1)


def test_interval_is_that_of_the_normal_distribution_for_many_subjects(rng):
    values = rng.normal(0.6, 0.1, size=400)

    found = bootstrap_interval(values.tolist())

    half = 1.96 * values.std() / np.sqrt(400)
    assert found == pytest.approx((values.mean(), values.mean() - half, values.mean() + half), abs=0.001)
    assert bootstrap_interval(values.tolist()) == found


def test_only_shared_subjects_are_compared_and_methods_without_the_figure_left_out():
    rows = {
        "sarnet": _subjects("sarnet", [0.5, 0.6, 0.7]),
        "syn": _subjects("syn", [0.4, 0.5]),
        "points": _subjects("points", [None, None]),
    }

    (found,) = compare(rows, reference="sarnet", figure="dice")

    assert (found.method, found.subjects, found.difference.mean) == ("syn", 2, pytest.approx(0.1))


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("elastix", r"reference is 'elastix', but has no rows with dice; known are \['one', 'sarnet'\]"),
        ("sarnet", "share 1"),
    ],
)
def test_what_cannot_be_compared_is_refused(reference, message):
    rows = {"sarnet": _subjects("sarnet", [0.5, 0.6]), "one": _subjects("one", [0.5])}

    with pytest.raises(InputError, match=message):
        compare(rows, reference=reference, figure="dice")


def test_one_subject_has_no_interval():
    with pytest.raises(InputError, match="values are of 1 subjects, but an interval needs two at least"):
        bootstrap_interval([0.5])
