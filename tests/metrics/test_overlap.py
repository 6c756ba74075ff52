import math

import numpy as np
import pytest
import torch

from sarnet.errors import ShapeError
from sarnet.metrics import dice, mask_dice

SPACES = [pytest.param((8, 10), id="2d"), pytest.param((4, 8, 10), id="3d")]


def _bar(space, first, last, label=1):
    labels = np.zeros(space, np.int16)
    labels[..., first:last] = label
    return labels


@pytest.mark.parametrize("space", SPACES)
def test_same_labels_overlap_wholly(space):
    labels = _bar(space, 2, 6) + _bar(space, 7, 9, label=5)

    assert dice(labels, labels.copy()) == {1: 1.0, 5: 1.0}


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    ("first", "last", "wanted"), [(6, 10, 0.0), (4, 8, 0.5), (2, 4, 2 / 3), (0, 10, 4 / 7)], ids=str
)
def test_overlap_is_twice_the_common_part_of_both(space, first, last, wanted):
    overlap = dice(_bar(space, 2, 6), _bar(space, first, last))

    assert overlap == {1: pytest.approx(wanted)}


def test_each_label_is_scored_by_itself():
    fixed = np.array([[1, 1, 2, 2, 7]])
    warped = np.array([[1, 2, 2, 2, 0]])

    assert dice(fixed, warped) == pytest.approx({1: 2 / 3, 2: 4 / 5, 7: 0.0})


def test_background_is_scored_only_when_asked_for():
    labels = _bar((8, 10), 2, 6)

    assert 0 not in dice(labels, labels)
    assert dice(labels, labels, labels=(0,)) == {0: 1.0}


def test_labels_asked_for_come_in_their_order():
    fixed = np.array([[1, 2, 3]])

    assert list(dice(fixed, fixed, labels=(3, 1))) == [3, 1]


def test_label_that_neither_holds_is_not_a_number():
    overlap = dice(_bar((8, 10), 2, 6), _bar((8, 10), 2, 6), labels=(1, 4))

    assert overlap[1] == 1
    assert math.isnan(overlap[4])


def test_fixed_and_warped_may_be_swapped(rng):
    fixed, warped = rng.integers(0, 5, (2, 9, 10))

    assert dice(fixed, warped) == dice(warped, fixed)


def test_maps_of_two_integer_types_are_compared_by_value():
    labels = _bar((8, 10), 2, 6, label=200)

    assert dice(labels.astype(np.uint8), labels) == {200: 1.0}


@pytest.mark.usefixtures("unchecked")
def test_maps_of_two_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"fixed has shape \(8, 10\), but warped \(8, 11\)"):
        dice(_bar((8, 10), 2, 6), _bar((8, 11), 2, 6))


def test_masks_overlap_as_labels_of_one_do(rng):
    fixed, warped = rng.random((2, 9, 11)) > 0.4

    assert (
        mask_dice(torch.from_numpy(fixed), torch.from_numpy(warped)) == dice(fixed.astype(int), warped.astype(int))[1]
    )


def test_two_empty_masks_have_no_overlap():
    empty = torch.zeros(3, 4, dtype=torch.bool)

    assert np.isnan(mask_dice(empty, empty))


def test_masks_of_other_shapes_are_refused(unchecked):
    with pytest.raises(ShapeError, match=r"fixed has shape \(3, 4\), but warped \(4, 3\)"):
        mask_dice(torch.zeros(3, 4, dtype=torch.bool), torch.zeros(4, 3, dtype=torch.bool))
