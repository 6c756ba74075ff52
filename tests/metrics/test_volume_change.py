import numpy as np
import pytest

from sarnet.errors import InputError, ShapeError
from sarnet.metrics import sd_log_jacobian


@pytest.mark.parametrize("space", [(6, 8), (4, 6, 8)], ids=["2d", "3d"])
def test_growth_that_is_everywhere_alike_varies_nowhere(space):
    assert sd_log_jacobian(np.full(space, 2.5)) == pytest.approx(0, abs=1e-12)


def test_half_doubled_and_half_halved_vary_by_the_logarithm_of_two():
    determinant = np.array([[2.0, 0.5], [0.5, 2.0]])

    assert sd_log_jacobian(determinant) == pytest.approx(np.log(2))


def test_growth_and_shrinkage_count_the_same(rng):
    determinant = np.exp(rng.normal(size=(9, 10)))

    assert sd_log_jacobian(determinant) == pytest.approx(sd_log_jacobian(1 / determinant))


def test_folds_and_what_is_outside_do_not_count():
    determinant = np.array([[2.0, 0.5, -1.0], [0.0, 9.0, 9.0]])
    inside = np.array([[True, True, True], [True, False, False]])

    assert sd_log_jacobian(determinant, inside=inside) == pytest.approx(np.log(2))


def test_nothing_but_folds_is_refused():
    with pytest.raises(InputError, match="holds no voxel to count where the determinant is positive"):
        sd_log_jacobian(np.full((3, 3), -1.0))


@pytest.mark.usefixtures("unchecked")
def test_mask_of_another_shape_is_refused():
    with pytest.raises(ShapeError, match=r"inside has shape \(3, 4\), but determinant \(3, 3\)"):
        sd_log_jacobian(np.ones((3, 3)), inside=np.ones((3, 4), bool))
