import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from skimage.metrics import normalized_mutual_information

from sarnet.errors import InputError
from sarnet.losses import nmi

SPACES = [pytest.param((40, 50), id="2d"), pytest.param((12, 14, 16), id="3d")]


def _levels(rng, space, bins=32):
    """An image of as many grey levels as there are bins, 0 and 1 among them."""
    levels = rng.integers(0, bins, space)
    levels.flat[:2] = 0, bins - 1
    return torch.from_numpy(levels / (bins - 1))[None, None]


def _entropy(shares):
    return -sum(share * np.log(share) for share in np.ravel(shares) if share > 0)


def _expected(histogram):
    shares = histogram / histogram.sum()
    return 2 - (_entropy(shares.sum(axis=0)) + _entropy(shares.sum(axis=1))) / _entropy(shares)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("bins", [8, 32])
def test_image_of_as_many_levels_as_bins_has_its_plain_histogram(rng, space, bins):
    fixed = _levels(rng, space, bins)
    warped = torch.where(torch.from_numpy(rng.uniform(size=space)) < 0.7, fixed**2, _levels(rng, space, bins))
    warped = (warped * (bins - 1)).round() / (bins - 1)

    loss = nmi(fixed, warped, bins=bins)

    f, w = fixed[0, 0].numpy(), warped[0, 0].numpy()
    histogram, _, _ = np.histogram2d(f.ravel(), w.ravel(), bins=bins, range=[(0, 1), (0, 1)])
    assert loss.item() == pytest.approx(_expected(histogram), abs=1e-5)
    assert loss.item() == pytest.approx(2 - normalized_mutual_information(f, w, bins=bins), abs=1e-5)


@pytest.mark.parametrize("space", SPACES)
def test_voxel_is_shared_as_the_linear_spline_says(rng, space):
    fixed, warped = (torch.from_numpy(rng.uniform(size=(1, 1, *space))) for _ in range(2))
    weight = torch.from_numpy(rng.uniform(size=(1, 1, *space)))

    loss = nmi(fixed, warped, bins=12, weight=weight)

    hat = BSpline.basis_element([-1, 0, 1], extrapolate=False)
    tables = [
        np.nan_to_num(hat(11 * image.numpy().ravel() - np.arange(12)[:, None])) for image in (fixed, warped)
    ]  # (bin, voxel)
    histogram = (tables[0] * weight.numpy().ravel()) @ tables[1].T
    assert loss.item() == pytest.approx(_expected(histogram), abs=1e-5)


@pytest.mark.parametrize("space", SPACES)
def test_same_image_tells_all(rng, space):
    image = _levels(rng, space)

    assert nmi(image, image).item() == pytest.approx(0, abs=1e-5)


def test_order_of_the_intensities_does_not_matter(rng):
    image = _levels(rng, (40, 50))
    order = torch.from_numpy(rng.permutation(32) / 31)

    assert nmi(image, order[(31 * image).round().long()]).item() == pytest.approx(0, abs=1e-5)


def test_every_pair_of_levels_as_often_as_any_other_tells_nothing():
    fixed, warped = torch.meshgrid(torch.linspace(0, 1, 32), torch.linspace(0, 1, 32), indexing="ij")

    assert nmi(fixed[None, None], warped[None, None]).item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("value", [0.0, 0.37, 1.0])
def test_image_of_one_intensity_tells_nothing(rng, value):
    flat = torch.full((1, 1, 40, 50), value, dtype=torch.float64)

    assert nmi(_levels(rng, (40, 50)), flat).item() == pytest.approx(1, abs=1e-5)
    assert nmi(flat, flat.clone()).item() == pytest.approx(1, abs=1e-5)


def test_fixed_and_warped_may_be_swapped(rng):
    fixed, warped = (torch.from_numpy(rng.uniform(size=(1, 1, 20, 24))) for _ in range(2))

    assert nmi(fixed, warped).item() == pytest.approx(nmi(warped, fixed).item())


def test_what_lies_beyond_counts_as_the_outermost_bin(rng):
    fixed, warped = _levels(rng, (40, 50)), _levels(rng, (40, 50))
    beyond = torch.where(warped == 1, 1.7, torch.where(warped == 0, -0.3, warped))

    assert nmi(fixed, beyond).item() == nmi(fixed, warped).item()


def test_what_has_no_weight_does_not_count(rng):
    fixed, warped = (torch.from_numpy(rng.uniform(size=(1, 1, 20, 24))) for _ in range(2))
    weight = torch.zeros_like(fixed)
    weight[..., :9] = 1

    weighted = nmi(fixed, warped, weight=weight)

    assert weighted.item() == pytest.approx(nmi(fixed[..., :9], warped[..., :9]).item())


def test_falls_as_a_shifted_image_is_shifted_back():
    y, x = torch.meshgrid(torch.arange(60.0), torch.arange(64.0), indexing="ij")
    blob = torch.exp(-((y - 30) ** 2 + (x - 32) ** 2) / 200)[None, None]

    values = [nmi(blob, 1 - blob.roll(shift, dims=-1)).item() for shift in (12, 6, 3, 1, 0)]

    assert values == sorted(values, reverse=True)


def test_gradient_agrees_with_small_steps(rng):
    fixed, warped = (torch.from_numpy(rng.uniform(size=(2, 1, 4, 5))) for _ in range(2))

    assert torch.autograd.gradcheck(lambda image: nmi(fixed, image, bins=4), warped.requires_grad_())


@pytest.mark.parametrize("bins", [-1, 0, 1])
def test_fewer_than_two_bins_are_refused(bins):
    image = torch.zeros(1, 1, 8, 8)

    with pytest.raises(InputError, match=f"bins is {bins}, but must be at least 2"):
        nmi(image, image, bins=bins)
