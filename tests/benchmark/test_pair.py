from itertools import permutations

import pytest

from sarnet.benchmark.pair import half, paired
from sarnet.errors import InputError

SUBJECTS = ["a", "b", "c", "d", "e"]


def test_halves_share_nothing_and_make_the_whole():
    first, second = half(SUBJECTS, "first"), half(SUBJECTS, "second")

    assert (first, second) == (["a", "b"], ["c", "d", "e"])
    assert half(SUBJECTS, "all") == first + second


def test_every_shift_pairs_every_subject_and_begins_again_after_the_last():
    assert paired(["a", "b", "c"], (1, 2)) == [
        *(("a", "b"), ("b", "c"), ("c", "a")),
        *(("a", "c"), ("b", "a"), ("c", "b")),
    ]


def test_all_are_the_ordered_pairs_of_two():
    assert paired(SUBJECTS, "all") == list(permutations(SUBJECTS, 2))


@pytest.mark.parametrize("shift", [3, -2, 8])
def test_shifts_count_around(shift):
    assert paired(SUBJECTS, (shift,))[0] == ("a", "d")


@pytest.mark.parametrize("shift", [0, 5, -10])
def test_shift_that_leads_to_the_subject_itself_is_refused(shift):
    with pytest.raises(InputError, match=f"shifts has {shift}, which pairs each of 5 subjects with itself"):
        paired(SUBJECTS, (1, shift))
