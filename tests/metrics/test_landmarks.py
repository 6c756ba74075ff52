import numpy as np
import pytest
from scipy.spatial.distance import cdist

from sarnet.errors import ShapeError
from sarnet.metrics import target_registration_error_mm


def test_error_is_the_distance_of_partners():
    found = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    wanted = np.array([[3.0, 4.0, 0.0], [1.0, 1.0, 1.0]])

    np.testing.assert_array_equal(target_registration_error_mm(found, wanted), [5.0, 0.0])


@pytest.mark.parametrize("axes", [2, 3])
def test_errors_are_scipys_distances(axes, rng):
    found, wanted = rng.normal(size=(2, 7, axes))

    errors = target_registration_error_mm(found, wanted)

    np.testing.assert_allclose(errors, np.diag(cdist(found, wanted)))
    np.testing.assert_array_equal(errors, target_registration_error_mm(wanted, found))


def test_points_without_partners_are_refused():
    with pytest.raises(ShapeError, match=r"found_world has shape \(2, 3\), but wanted_world \(3, 3\)"):
        target_registration_error_mm(np.zeros((2, 3)), np.zeros((3, 3)))
