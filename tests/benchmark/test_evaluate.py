from dataclasses import replace

import numpy as np
import pytest

from sarnet.benchmark import evaluate, score_transform
from sarnet.benchmark.score import score_labels
from sarnet.errors import GridError, InputError, ShapeError
from sarnet.images import Image
from sarnet.transforms import PointSet, Transform


def _squares(*corners, spacing=(2.0, 1.0)):
    labels = np.zeros((24, 24), np.int16)
    for value, (row, column) in enumerate(corners, start=1):
        labels[row : row + 4, column : column + 4] = value
    return Image.from_array(labels, spacing=spacing)


def _stretched(image, factor):
    """The first axis of the world times ``factor`` about zero, as a field."""
    x = np.arange(24.0) * image.grid.spacing[0] * (factor - 1)
    field = np.zeros((24, 24, 2))
    field[..., 0] = x
    return Transform.identity(image.grid).with_displacement(field)


def test_every_label_is_scored_and_lost_ones_have_no_distance():
    fixed, warped = _squares((2, 2), (10, 10), (18, 2)), _squares((2, 3), (10, 10))

    found = evaluate(fixed, warped)

    assert {name: score.dice for name, score in found.labels.items()} == {"1": 0.75, "2": 1.0, "3": 0.0}
    assert found.labels["1"].hd95 == 2  # a column is two millimetres
    assert found.labels["3"].hd95 is found.labels["3"].mad is None
    assert found.dice == pytest.approx(1.75 / 3)
    assert found.hd95 == 1.0
    assert found.length_unit == "mm"


def test_maps_without_spacing_are_measured_in_pixels():
    found = evaluate(_squares((2, 2), spacing=None), _squares((2, 3), spacing=None))

    assert found.length_unit == "pixels"
    assert found.hd95 == 1


def test_labels_asked_for_are_scored_alone():
    fixed = _squares((2, 2), (10, 10))

    assert list(evaluate(fixed, fixed, labels=(2,)).labels) == ["2"]


def test_voxels_that_either_map_leaves_open_count_for_neither():
    first = Image.from_array(np.array([[255, 255, 127, 0]], np.uint8))
    second = Image.from_array(np.array([[255, 0, 255, 127]], np.uint8))

    scored = score_labels(first, second, labels=(255,), ignored=127)
    counted = score_labels(first, second, labels=(255,))

    assert scored["255"].dice == pytest.approx(2 / 3)  # 1 of both, 2 and 1
    assert counted["255"].dice == pytest.approx(2 / 4)
    assert scored["255"].hd95 is None  # the outline that ends there is none
    assert counted["255"].hd95 is not None


def test_transform_is_judged_by_its_own_jacobian_way_back_and_landmarks():
    image = _squares((2, 2))
    there, back = _stretched(image, 1.25), _stretched(image, 0.75)
    points = np.array([[8.0, 4.0], [16.0, 8.0]])

    found = score_transform(
        there,
        image.grid,
        reverse=back,
        landmarks=(PointSet(points_world=points), PointSet(points_world=points)),
        inside=image.array == 1,
    )

    assert (found.folding_percent, found.sd_log_jacobian) == (0, pytest.approx(0, abs=1e-6))
    # (1.25 x)(0.75) - x, over the square's columns 2 to 5, two millimetres each
    assert found.inverse_consistency == pytest.approx((1 - 1.25 * 0.75) * 7.0, rel=1e-5)
    assert found.tre_by_landmark == pytest.approx((2.0, 4.0))
    assert found.tre == pytest.approx(3.0)


def test_mirror_folds_everywhere():
    image = _squares((2, 2))

    found = score_transform(_stretched(image, -1.0), image.grid)

    assert (found.folding_percent, found.sd_log_jacobian) == (100.0, None)


def test_maps_of_two_sizes_are_refused():
    smaller = Image.from_array(np.zeros((24, 20), np.int16), spacing=(2.0, 1.0))

    with pytest.raises(ShapeError, match=r"warped_labels has size \(20, 24\), but fixed_labels \(24, 24\): .*apply"):
        evaluate(_squares((2, 2)), smaller)


def test_maps_elsewhere_in_the_world_are_refused():
    fixed = _squares((2, 2))
    elsewhere = replace(fixed, grid=replace(fixed.grid, origin=(5.0, 0.0)))

    with pytest.raises(GridError, match="warped_labels lies elsewhere in the world"):
        evaluate(fixed, elsewhere)


def test_empty_mask_is_refused():
    image = _squares((2, 2))

    with pytest.raises(InputError, match="mask holds no voxel to count"):
        score_transform(Transform.identity(image.grid), image.grid, inside=image.array == 9)
