from itertools import product

import numpy as np
import pytest
from scipy import stats

from sarnet.benchmark import PairValue, Row, bootstrap_interval, compare, holm
from sarnet.errors import InputError


def _rows(method, values, **further):
    """Fixed and moving subject to Dice."""
    return [
        Row(
            protocol="brain2d",
            pair="<-".join(subjects),
            subjects=subjects,
            method=method,
            version="0",
            seconds=1,
            dice=value,
            **further,
        )
        for subjects, value in values.items()
    ]


def _subjects(method, values):
    return _rows(method, {(str(subject), str(subject)): value for subject, value in enumerate(values)})


def test_a_subjects_pairs_count_once_in_the_test_and_each_in_the_mean():
    values = {("1", "2"): 0.4, ("1", "3"): 0.6, ("2", "1"): 0.9, ("12", "12"): 0.7, ("3", "1"): None}
    rows = {"sarnet": _rows("sarnet", values), "zero": _rows("zero", dict.fromkeys(values, 0.0))}

    (found,) = compare(rows, reference="sarnet", figure="dice")

    assert found.subjects == 3
    assert found.p_value == stats.wilcoxon([0.5, 0.9, 0.7]).pvalue
    assert found.difference.mean == pytest.approx((0.4 + 0.6 + 0.9 + 0.7) / 4)


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


def test_corrected_p_values_are_those_of_holms_steps():
    # by hand: 5 x 0.001, 4 x 0.02, 3 x 0.03, then 2 x 0.04, which is no smaller than the one before it, 1 x 0.7
    assert holm([0.04, 0.001, 0.03, 0.02, 0.7]) == pytest.approx([0.09, 0.005, 0.09, 0.08, 0.7])


def test_several_methods_are_corrected_for_together():
    ranks = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    one_against = np.where(ranks == 2, -ranks, ranks)
    rows = {
        "sarnet": _subjects("sarnet", [0.5] * 6),
        "all below": _subjects("all below", 0.5 - 0.01 * ranks),
        "one above": _subjects("one above", 0.5 - 0.01 * one_against),
    }

    found = compare(rows, reference="sarnet", figure="dice")

    # of 64 ways of signs two are as far as six alike, six as far as a sum of two
    assert [each.p_value for each in found] == pytest.approx([2 / 64, 6 / 64])
    assert [each.p_corrected for each in found] == pytest.approx([4 / 64, 6 / 64])


def test_method_that_is_the_same_differs_in_nothing():
    rows = {name: _subjects(name, [0.4, 0.5, 0.6]) for name in ("sarnet", "same")}

    (found,) = compare(rows, reference="sarnet", figure="dice")

    assert (found.difference, found.p_value, found.p_corrected) == ((0, 0, 0), 1, 1)


def test_interval_is_that_of_the_normal_distribution_for_many_subjects(rng):
    values = rng.normal(0.6, 0.1, size=400)
    pairs = [PairValue((str(subject), str(subject)), value) for subject, value in enumerate(values)]

    found = bootstrap_interval(pairs)

    half = 1.96 * values.std() / np.sqrt(400)
    assert found == pytest.approx((values.mean(), values.mean() - half, values.mean() + half), abs=0.002)
    assert bootstrap_interval(pairs) == found


def test_interval_knows_that_a_subject_also_is_the_moving_one(rng):
    # d_ij = a_i + a_j: the mean over all ordered pairs has the standard error 2 sd(a) / sqrt(n)
    own = rng.normal(0, 0.1, size=40)
    pairs = [
        PairValue((str(fixed), str(moving)), own[fixed] + own[moving])
        for fixed, moving in product(range(40), repeat=2)
        if fixed != moving
    ]

    found = bootstrap_interval(pairs)

    half = 1.96 * 2 * own.std() / np.sqrt(40)
    assert found.mean == pytest.approx(2 * own.mean())
    assert (found.high - found.low) / 2 == pytest.approx(half, rel=0.05)


def test_distances_are_compared_over_labels_that_neither_method_lost():
    kept = _rows("kept", {(str(each), "0"): 0.5 for each in range(3)}, hd95=6.0, hd95_by_label={"4": 3.0, "10": 9.0})
    lost = _rows("lost", {(str(each), "0"): 0.5 for each in range(3)}, hd95=4.0, hd95_by_label={"4": 4.0, "10": None})

    (found,) = compare({"kept": kept, "lost": lost}, reference="kept", figure="hd95")

    assert found.difference.mean == -1.0


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
        bootstrap_interval([PairValue(("1", "1"), 0.5)])
