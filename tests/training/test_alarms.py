import math

import pytest

from sarnet.training.alarms import alarms

FAIR = {"discriminator_accuracy": 0.7, "mean_voxels": 2.0}
WINNING = FAIR | {"discriminator_accuracy": 0.99}
STILL = FAIR | {"mean_voxels": 0.02}


def test_fair_game_raises_none():
    assert alarms([FAIR] * 10) == ()
    assert alarms([]) == ()


def test_discriminator_that_is_right_in_three_rows_running_has_won():
    (alarm,) = alarms([FAIR, WINNING, WINNING, WINNING])

    assert alarm.startswith("The discriminator classifies 99 % of images correctly, in 3 rows in succession")
    assert "Lower discriminator_learning_rate" in alarm


@pytest.mark.parametrize("places", [(0,), (1,), (2,), (0, 1), (1, 2)])
def test_once_or_twice_is_no_victory(places):
    assert alarms([WINNING if place in places else FAIR for place in range(3)]) == ()


def test_what_was_long_ago_does_not_count():
    assert alarms([WINNING, WINNING, WINNING, FAIR]) == ()


def test_fields_of_no_length_are_the_identity():
    (alarm,) = alarms([STILL] * 3)

    assert alarm.startswith("The fields are 0.020 voxels long on average: G has collapsed to the identity.")
    assert "raise the weights of field and field_length" in alarm


def test_both_may_happen_at_once():
    assert len(alarms([{"discriminator_accuracy": 1.0, "mean_voxels": 0.0}] * 3)) == 2


def test_without_a_discriminator_there_is_nothing_to_win():
    assert alarms([FAIR | {"discriminator_accuracy": math.nan}] * 3) == ()


def test_stage_is_not_judged_by_what_its_log_has_not():
    assert alarms([{"total": 1.0}] * 3) == ()
    assert len(alarms([{"mean_voxels": 0.0}] * 3)) == 1
