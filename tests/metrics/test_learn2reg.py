"""Against Learn2Reg's scorer, computed here by the operations that it is made of."""

import numpy as np
import pytest
from scipy import ndimage

from sarnet.errors import ShapeError
from sarnet.metrics import (
    learn2reg_determinant,
    learn2reg_dice,
    learn2reg_hd95,
    learn2reg_sd_log_jacobian,
    learn2reg_tre,
    learn2reg_warp,
    sd_log_jacobian,
)

SIZE = (14, 12, 10)


@pytest.fixture
def displacement(rng):
    return ndimage.gaussian_filter(rng.normal(size=(*SIZE, 3)), (2, 2, 2, 0)) * 12


def _scorer_determinant(displacement):
    """Correlations with [-0.5, 0, 0.5], zero beyond the edge, two voxels cropped."""
    matrix = np.empty((3, 3, *SIZE))
    for component in range(3):
        for axis in range(3):
            kernel = np.array([-0.5, 0, 0.5]).reshape([3 if a == axis else 1 for a in range(3)])
            matrix[axis, component] = ndimage.correlate(displacement[..., component], kernel, mode="constant")
    matrix += np.eye(3)[:, :, None, None, None]
    return np.linalg.det(np.moveaxis(matrix, (0, 1), (-2, -1)))[2:-2, 2:-2, 2:-2]


def test_determinant_is_the_scorers(displacement):
    np.testing.assert_allclose(learn2reg_determinant(displacement), _scorer_determinant(displacement), rtol=1e-12)


def test_three_is_added_before_the_logarithm(displacement):
    found = learn2reg_sd_log_jacobian(displacement)

    assert found == pytest.approx(np.log((_scorer_determinant(displacement) + 3).clip(1e-9, 1e9)).std(), rel=1e-12)
    assert found < sd_log_jacobian(learn2reg_determinant(displacement)) / 3


def test_mask_is_cropped_with_the_field(displacement, rng):
    mask = rng.random(SIZE) > 0.4

    found = learn2reg_sd_log_jacobian(displacement, mask=mask)

    logarithm = np.log((_scorer_determinant(displacement) + 3).clip(1e-9, 1e9))
    assert found == pytest.approx(np.ma.MaskedArray(logarithm, 1 - mask[2:-2, 2:-2, 2:-2].astype(float)).std())


def test_labels_are_read_at_the_nearest_voxel_and_zero_beyond():
    moving = np.arange(24).reshape(4, 3, 2)
    displacement = np.zeros((4, 3, 2, 3))
    displacement[..., 0] = 0.6

    warped = learn2reg_warp(moving, displacement)

    np.testing.assert_array_equal(warped[:3], moving[1:])
    assert (warped[3] == 0).all()


def test_label_missing_before_registration_is_passed_over():
    fixed, moving, warped = np.zeros((3, 6, 6, 6), np.int16)
    fixed[1:4, 1:4, 1:4], moving[1:4, 1:4, 1:4], warped[1:4, 1:4, 2:5] = 1, 1, 1
    fixed[5, 5, 5] = 2

    overlap = learn2reg_dice(fixed, moving, warped, (1, 2))
    distance = learn2reg_hd95(fixed, moving, warped, (1, 2))

    assert overlap == [pytest.approx(2 / 3), pytest.approx(np.nan, nan_ok=True)]
    assert distance == [1.0, pytest.approx(np.nan, nan_ok=True)]


def test_landmarks_follow_the_field_in_millimetres_of_the_moving_image():
    displacement = np.zeros((*SIZE, 3))
    displacement[..., 1] = 2.0
    fixed = np.array([[3.0, 4.0, 5.0], [6.5, 2.0, 4.0]])
    moving = fixed + np.array([1.0, 2.0, 0.0])

    errors = learn2reg_tre(fixed, moving, displacement, spacing=(1.5, 1.0, 3.0))

    np.testing.assert_allclose(errors, 1.5)


@pytest.mark.usefixtures("unchecked")
def test_unequal_landmarks_are_refused():
    with pytest.raises(ShapeError, match=r"fixed_voxels has shape \(2, 3\), but moving_voxels \(3, 3\)"):
        learn2reg_tre(np.zeros((2, 3)), np.zeros((3, 3)), np.zeros((*SIZE, 3)), spacing=(1.0, 1.0, 1.0))
