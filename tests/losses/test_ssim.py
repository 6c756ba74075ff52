import pytest
import torch
from monai.losses import SSIMLoss
from scipy import ndimage
from skimage.metrics import structural_similarity

from sarnet.errors import ShapeError
from sarnet.losses import ssim

SPACES = [pytest.param((30, 36), id="2d"), pytest.param((14, 16, 18), id="3d")]


def _images(rng, space):
    """Two that have something in common."""
    fixed, noise = (ndimage.gaussian_filter(rng.normal(size=space), 1.0) for _ in range(2))
    pair = [0.5 + 0.3 * image for image in (fixed, 0.8 * fixed + 0.4 * noise)]
    return tuple(torch.from_numpy(image.clip(0, 1))[None, None] for image in pair)


def _of_scikit_image(fixed, warped):
    """The mean inside of the image, and the map of every window."""
    return structural_similarity(
        fixed[0, 0].numpy(),
        warped[0, 0].numpy(),
        data_range=1,
        gaussian_weights=True,
        use_sample_covariance=False,
        full=True,
    )


@pytest.mark.parametrize("space", SPACES)
def test_agrees_with_scikit_image(rng, space):
    fixed, warped = _images(rng, space)

    mean, _ = _of_scikit_image(fixed, warped)

    assert ssim(fixed, warped).item() == pytest.approx(1 - mean)


@pytest.mark.parametrize("space", SPACES)
def test_agrees_with_monai(rng, space):
    fixed, warped = _images(rng, space)

    wanted = SSIMLoss(spatial_dims=len(space))(fixed.float(), warped.float())

    assert ssim(fixed, warped).item() == pytest.approx(wanted.item(), abs=1e-5)


@pytest.mark.parametrize("space", SPACES)
def test_windows_count_by_the_weight_of_their_centre(rng, space):
    fixed, warped = _images(rng, space)
    weight = torch.from_numpy(rng.uniform(size=fixed.shape))

    loss = ssim(fixed, warped, weight=weight)

    _, similarity = _of_scikit_image(fixed, warped)
    inside = (slice(5, -5),) * len(space)
    weights = weight[0, 0].numpy()[inside]
    assert loss.item() == pytest.approx(1 - (weights * similarity[inside]).sum() / weights.sum())


@pytest.mark.parametrize("space", SPACES)
def test_same_images_have_no_loss(rng, space):
    image, _ = _images(rng, space)

    assert ssim(image, image).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("space", SPACES)
def test_two_constants_differ_by_their_luminance_alone(space):
    fixed, warped = (torch.full((1, 1, *space), value, dtype=torch.float64) for value in (0.2, 0.8))

    wanted = 1 - (2 * 0.2 * 0.8 + 1e-4) / (0.2**2 + 0.8**2 + 1e-4)

    assert ssim(fixed, warped).item() == pytest.approx(wanted)


def test_image_that_falls_as_the_other_rises_is_worse_than_nothing_in_common(rng):
    fixed = torch.from_numpy(rng.uniform(size=(1, 1, 30, 36)))

    assert 1.5 < ssim(fixed, 1 - fixed) <= 2


def test_smallest_image_has_a_single_window(rng):
    fixed, warped = (torch.from_numpy(rng.uniform(size=(1, 1, 11, 11))) for _ in range(2))

    _, similarity = _of_scikit_image(fixed, warped)

    assert ssim(fixed, warped).item() == pytest.approx(1 - similarity[5, 5])


def test_fixed_and_warped_may_be_swapped(rng):
    fixed, warped = _images(rng, (30, 36))

    assert ssim(fixed, warped).item() == pytest.approx(ssim(warped, fixed).item())


def test_gradient_agrees_with_small_steps(rng):
    fixed, warped = (torch.from_numpy(rng.uniform(size=(1, 1, 12, 13))) for _ in range(2))

    assert torch.autograd.gradcheck(lambda image: ssim(fixed, image), warped.requires_grad_())


def test_image_smaller_than_the_window_is_refused():
    image = torch.zeros(1, 1, 10, 40)

    with pytest.raises(ShapeError, match=r"fixed has shape \(1, 1, 10, 40\), but the window needs 11 voxels"):
        ssim(image, image)
