import numpy as np
import pytest
import torch
from skimage.filters import threshold_otsu

from sarnet.errors import InputError
from sarnet.networks import otsu_level


def _two_humps(rng, *shape, share=0.3):
    bright = rng.uniform(size=shape) < share
    return np.where(bright, rng.normal(0.7, 0.05, shape), rng.normal(0.2, 0.08, shape)).astype(np.float32)


@pytest.mark.parametrize("space", [(40, 50), (12, 14, 10)], ids=["2d", "3d"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_agrees_with_scikit_image(rng, space, share):
    image = _two_humps(rng, *space, share=share)

    level = otsu_level(torch.from_numpy(image)[None])

    assert level.shape == (1,)
    assert level.item() == pytest.approx(threshold_otsu(image), rel=1e-6)


@pytest.mark.parametrize("bins", [2, 16, 64])
def test_other_numbers_of_bins_agree_with_scikit_image(rng, bins):
    image = _two_humps(rng, 40, 50)

    assert otsu_level(torch.from_numpy(image)[None], bins=bins).item() == pytest.approx(
        threshold_otsu(image, nbins=bins), rel=1e-6
    )


def test_each_image_of_a_batch_has_a_level_of_its_own(rng):
    images = torch.from_numpy(_two_humps(rng, 3, 20, 20)) * torch.tensor([1.0, 2.0, 5.0]).view(3, 1, 1)

    levels = otsu_level(images)

    assert torch.equal(levels, torch.cat([otsu_level(image[None]) for image in images]))


def test_two_values_are_told_apart():
    image = torch.tensor([[0.0, 0.0, 0.0, 1.0]])

    level = otsu_level(image)

    assert torch.equal(image > level[:, None], torch.tensor([[False, False, False, True]]))


def test_level_of_one_value_is_this_value():
    assert otsu_level(torch.full((2, 4, 4), 0.3)).tolist() == pytest.approx([0.3, 0.3])


def test_nan_has_no_level():
    image = torch.rand(1, 4, 4)
    image[0, 1, 1] = torch.nan

    assert otsu_level(image).isnan().all()


def test_unit_and_offset_of_the_image_go_over_to_the_level(rng):
    image = torch.from_numpy(_two_humps(rng, 1, 40, 50))

    assert otsu_level(50 * image - 20).item() == pytest.approx(50 * otsu_level(image).item() - 20, rel=1e-4)


def test_no_gradient_passes(rng):
    assert not otsu_level(torch.from_numpy(_two_humps(rng, 1, 8, 8)).requires_grad_()).requires_grad


def test_fewer_than_two_bins_are_refused():
    with pytest.raises(InputError, match="bins is 1, but two classes need two at least"):
        otsu_level(torch.zeros(1, 4, 4), bins=1)
