import numpy as np
import pytest

from sarnet.config import PaperSettings, RegistrationSettings
from sarnet.errors import DataError
from sarnet.methods import SarnetMethod
from sarnet.registration import register
from sarnet.transforms import compose

FAST = RegistrationSettings(threads=1, longest_voxels=64, magnified_voxels=0, adapt="none")


@pytest.fixture(scope="module")
def method():
    return SarnetMethod.load("forward", FAST)


def test_transform_is_that_of_register(pair, method):
    found = method.register(pair.fixed, pair.moving)

    wanted = register(pair.fixed, pair.moving, FAST)
    np.testing.assert_array_equal(found.transform.displacement, wanted.transform.displacement)
    np.testing.assert_array_equal(found.transform.matrix, wanted.transform.matrix)
    assert found.seconds_by_stage.keys() == wanted.record.seconds_by_stage.keys()
    assert found.iterations == 0


def test_without_affine_start_there_is_no_affine_map(pair, method):
    found = method.register(pair.fixed, pair.moving, affine_start=False)

    np.testing.assert_array_equal(found.transform.matrix, np.eye(2))
    assert "affine" not in found.seconds_by_stage
    assert np.abs(found.transform.displacement).max() > 1


def test_without_affine_start_the_last_layer_is_compared_in_the_middle_all_the_same(pair, method):
    settings = FAST.model_copy(update={"adapt": "last-layer"})
    both = [
        SarnetMethod(name="last-layer", registration=settings, loaded=method.loaded).register(
            *images, affine_start=False
        )
        for images in ((pair.fixed, pair.moving), (pair.moving, pair.fixed))
    ]

    around = compose(*(found.transform for found in both), grid=pair.fixed.grid)

    body = pair.fixed.array > 0
    assert np.linalg.norm(around.total_displacement()[body], axis=-1).mean() < 0.1 * max(pair.fixed.grid.spacing)


def test_settings_tell_the_weights(method):
    assert method.settings["weights_sha256"] == method.loaded.sha256
    assert method.settings["adapt"] == "none"


def test_where_a_file_lies_on_one_machine_is_no_setting(tmp_path):
    here = FAST.model_copy(update={"paper": PaperSettings(vgg=tmp_path / "vgg16.safetensors")})

    assert SarnetMethod.load("forward", here).settings == SarnetMethod.load("forward", FAST).settings


def test_vgg_that_the_papers_objective_lacks_is_told_before_the_first_pair(tmp_path):
    paper = FAST.model_copy(update={"adapt": "paper", "paper": PaperSettings(vgg=tmp_path / "vgg16.safetensors")})

    with pytest.raises(DataError, match=r"vgg16\.safetensors do not exist"):
        SarnetMethod.load("paper", paper)


def test_affine_map_needs_no_network():
    method = SarnetMethod.load("affine", RegistrationSettings(transform="affine"))

    assert method.loaded is None
    assert method.settings["weights_sha256"] is None
