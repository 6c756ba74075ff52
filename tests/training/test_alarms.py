import math

import pytest

from sarnet.training.alarms import Standing, alarms

FAIR = Standing(discriminator_accuracy=0.7, mean_voxels=2.0)


def test_fair_game_raises_none():
    assert alarms([FAIR] * 10) == ()
    assert alarms([]) == ()


def test_discriminator_that_is_right_three_times_in_a_row_has_won():
    winning = FAIR._replace(discriminator_accuracy=0.99)

    (alarm,) = alarms([FAIR, winning, winning, winning])

    assert alarm.startswith("The discriminator tells 99 % of the images rightly, 3 checks in a row")
    assert "Lower discriminator_learning_rate" in alarm


@pytest.mark.parametrize("places", [(0,), (1,), (2,), (0, 1), (1, 2)])
def test_once_or_twice_is_no_victory(places):
    winning = FAIR._replace(discriminator_accuracy=0.99)

    assert alarms([winning if place in places else FAIR for place in range(3)]) == ()


def test_what_was_long_ago_does_not_count():
    winning = FAIR._replace(discriminator_accuracy=0.99)

    assert alarms([winning, winning, winning, FAIR]) == ()


def test_fields_of_no_length_are_the_identity():
    still = FAIR._replace(mean_voxels=0.02)

    (alarm,) = alarms([still] * 3)

    assert alarm.startswith("The fields are 0.020 voxels long on average: G has collapsed to the identity.")
    assert "Raise the weight of field" in alarm


def test_both_may_happen_at_once():
    assert len(alarms([Standing(discriminator_accuracy=1.0, mean_voxels=0.0)] * 3)) == 2


def test_without_a_discriminator_there_is_nothing_to_win():
    assert alarms([FAIR._replace(discriminator_accuracy=math.nan)] * 3) == ()
