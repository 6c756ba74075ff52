from importlib.util import find_spec

import numpy as np
import pytest

from sarnet.config import AntsSettings, ElastixSettings
from sarnet.methods import AntsMethod, ElastixMethod

FAST = ElastixSettings(control_spacing_mm=(40.0, 20.0), downsampling=(2, 1), iterations=150)


@pytest.fixture(params=["elastix", "ants"])
def method(request):
    """Each engine that is installed."""
    if request.param == "ants":
        pytest.importorskip("ants")
        return AntsMethod.find("syn", AntsSettings(), threads=1)
    if find_spec("itk") is None or find_spec("itk.ElastixPython") is None:
        pytest.skip("elastix is not installed")
    return ElastixMethod.find("elastix", FAST, threads=1)


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("affine_start", [True, False])
def test_known_shift_is_found(dimension, affine_start, shifted, method):
    fixed, moving, shift = shifted(dimension)

    transform = method.register(fixed, moving, affine_start=affine_start).transform

    body = fixed.array > 0.3 * fixed.array.max()
    np.testing.assert_allclose(transform.total_displacement()[body].mean(axis=0), shift, atol=0.4)
    assert np.array_equal(transform.matrix, np.eye(dimension)) != affine_start
