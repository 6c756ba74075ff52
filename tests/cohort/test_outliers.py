import numpy as np
import pytest

from sarnet.cohort.outliers import scores, standing_apart


def test_score_is_the_modified_z_score() -> None:
    found = scores({"cost_final": [1.0, 2.0, 3.0, 4.0, 103.0]})

    # median 3, absolute deviations 2 1 0 1 100, their median 1
    assert [score["cost_final"] for score in found] == pytest.approx([-1.349, -0.6745, 0, 0.6745, 67.45])
    assert [standing_apart(score) for score in found] == [(), (), (), (), ("cost_final",)]


def test_one_fold_among_pairs_without_any_stands_apart() -> None:
    found = scores({"folding_percent": [0.0] * 19 + [0.4]})

    assert found[-1]["folding_percent"] == pytest.approx(0.4 / (1.2533 * 0.4 / 20))
    assert standing_apart(found[-1]) == ("folding_percent",)
    assert standing_apart(found[0]) == ()


def test_equal_pairs_do_not_stand_apart() -> None:
    assert scores({"cost_final": [2.0] * 6}) == [{"cost_final": 0.0}] * 6


def test_missing_figures_and_few_of_them_give_no_score() -> None:
    assert scores({"cost_final": [1.0, 2.0, None, np.nan, 5.0, 6.0]}) == [{}] * 6


def test_small_values_are_no_outliers() -> None:
    assert standing_apart({"cost_final": -80.0}) == ()
