import pytest

from sarnet.metrics import mean_of_known


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        pytest.param([0.25, None, 0.75], 0.5, id="what is missing does not count"),
        pytest.param([float("nan"), 0.75], 0.75, id="nor what is not a number"),
        pytest.param([0.0, 0.0], 0.0, id="zeros are known"),
        pytest.param([None, float("nan")], None, id="nothing is known"),
        pytest.param([], None, id="nothing is there"),
        pytest.param((each for each in (1, 2)), 1.5, id="a generator"),
    ],
)
def test_mean_is_of_the_values_that_are_numbers(values, wanted):
    assert mean_of_known(values) == wanted
