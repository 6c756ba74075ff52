import numpy as np
import pytest
import torch
from scipy import ndimage

from sarnet.errors import InputError, ShapeError
from sarnet.losses import lncc

SPACES = [pytest.param((20, 24), id="2d"), pytest.param((10, 11, 12), id="3d")]


def _image(rng, space):
    """Noise of variance about one: next to it the variance floor is nothing."""
    return torch.from_numpy(rng.normal(size=(1, 1, *space)))


def _expected(fixed, warped, window):
    """The correlation of every window by itself, cut off where the image ends."""
    half, values = window // 2, []
    for place in np.ndindex(fixed.shape):
        inside = tuple(slice(max(0, index - half), index + half + 1) for index in place)
        f, w = fixed[inside], warped[inside]
        values.append(np.cov(f.ravel(), w.ravel(), bias=True))
    values = np.array(values)
    variances = (values[:, 0, 0] + 1e-4) * (values[:, 1, 1] + 1e-4)
    return 1 - (values[:, 0, 1] ** 2 / variances).reshape(fixed.shape)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_result_is_a_number_of_the_images_dtype(rng, space, dtype):
    loss = lncc(_image(rng, space).to(dtype), _image(rng, space).to(dtype))

    assert loss.shape == ()
    assert loss.dtype == dtype
    assert 0 < loss < 1


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("window", [3, 5])
def test_is_the_mean_over_windows_that_end_at_the_edge(rng, space, window):
    fixed = _image(rng, space)
    warped = fixed + 0.7 * _image(rng, space)

    loss = lncc(fixed, warped, window=window)

    assert loss.item() == pytest.approx(_expected(fixed[0, 0].numpy(), warped[0, 0].numpy(), window).mean())


def test_agrees_with_scipys_box_filter_away_from_the_edge(rng):
    fixed, noise = _image(rng, (24, 28)), _image(rng, (24, 28))
    warped = fixed + noise
    middle = torch.zeros_like(fixed)
    middle[..., 4:-4, 4:-4] = 1

    loss = lncc(fixed, warped, weight=middle)

    f, w = fixed[0, 0].numpy(), warped[0, 0].numpy()
    mean_f, mean_w, square_f, square_w, product = (
        ndimage.uniform_filter(values, 9) for values in (f, w, f * f, w * w, f * w)
    )
    floor = 1e-4
    variances = (square_f - mean_f**2 + floor) * (square_w - mean_w**2 + floor)
    wanted = 1 - (product - mean_f * mean_w) ** 2 / variances
    assert loss.item() == pytest.approx(wanted[4:-4, 4:-4].mean())


@pytest.mark.parametrize("space", SPACES)
def test_same_textured_images_differ_by_the_variance_floor_alone(rng, space):
    image = _image(rng, space)

    assert 0 <= lncc(image, image) < 1e-3


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(("slope", "offset"), [(3.0, -2.0), (-1.0, 1.0)], ids=["rising", "falling"])
def test_linear_map_of_intensities_changes_nothing(rng, space, slope, offset):
    fixed = _image(rng, space)
    warped = fixed + _image(rng, space)

    mapped = lncc(fixed, slope * warped + offset)

    assert mapped.item() == pytest.approx(lncc(fixed, warped).item(), abs=1e-3)


def test_contrast_may_change_from_place_to_place(rng):
    fixed = _image(rng, (32, 32))
    contrast = torch.linspace(-2, -1, 32, dtype=torch.float64)

    assert lncc(fixed, contrast * fixed) < 0.05


def test_fixed_and_warped_may_be_swapped(rng):
    fixed, warped = _image(rng, (12, 14)), _image(rng, (12, 14))

    assert lncc(fixed, warped).item() == pytest.approx(lncc(warped, fixed).item())


@pytest.mark.parametrize("space", SPACES)
def test_constant_image_correlates_with_nothing(rng, space):
    assert lncc(_image(rng, space), torch.full((1, 1, *space), 0.4, dtype=torch.float64)).item() == pytest.approx(1)


@pytest.mark.parametrize("space", SPACES)
def test_what_has_no_weight_does_not_count(rng, space):
    fixed, warped = _image(rng, space), _image(rng, space)
    weight = torch.zeros_like(fixed)
    weight[..., :5] = 1
    elsewhere = warped.clone()
    elsewhere[..., 6:] = 7  # a window of 3 reaches one voxel beyond the fifth

    weighted, unweighted = (lncc(fixed, image, window=3, weight=weight) for image in (warped, elsewhere))

    assert weighted.item() == pytest.approx(unweighted.item())
    assert weighted.item() == pytest.approx(_expected(fixed[0, 0].numpy(), warped[0, 0].numpy(), 3)[..., :5].mean())


def test_scale_of_the_weight_does_not_matter(rng):
    fixed, warped = _image(rng, (12, 14)), _image(rng, (12, 14))

    loss = lncc(fixed, warped, weight=torch.full_like(fixed, 5.0))

    assert loss.item() == pytest.approx(lncc(fixed, warped).item())


@pytest.mark.parametrize("space", SPACES)
def test_gradient_is_the_slope_of_the_loss(rng, space):
    fixed, warped, direction = (_image(rng, space) for _ in range(3))
    warped.requires_grad_()
    step = 1e-5

    lncc(fixed, warped).backward()

    with torch.no_grad():
        rise = (lncc(fixed, warped + step * direction) - lncc(fixed, warped - step * direction)) / (2 * step)
    slope = (warped.grad * direction).sum()
    assert abs(slope) > 1e-4
    assert slope.item() == pytest.approx(rise.item(), rel=1e-5)


def test_gradient_of_a_constant_image_is_finite(rng):
    flat = torch.zeros(1, 1, 12, 14, dtype=torch.float64, requires_grad=True)

    lncc(_image(rng, (12, 14)), flat).backward()

    assert torch.isfinite(flat.grad).all()


@pytest.mark.usefixtures("unchecked")
def test_images_of_two_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"fixed and warped have shapes \[\(1, 1, 8, 8\), \(1, 1, 8, 9\)\]"):
        lncc(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 9))


@pytest.mark.usefixtures("unchecked")
def test_weight_of_another_shape_is_refused():
    image = torch.zeros(2, 1, 8, 8)

    with pytest.raises(ShapeError, match=r"\(1, 1, 8, 8\)\], but must be of one shape"):
        lncc(image, image, weight=torch.ones(1, 1, 8, 8))


@pytest.mark.parametrize("window", [-1, 0, 4])
def test_window_without_a_middle_is_refused(window):
    image = torch.zeros(1, 1, 8, 8)

    with pytest.raises(InputError, match=f"window is {window}, but must be odd and positive"):
        lncc(image, image, window=window)
