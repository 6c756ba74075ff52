"""What holds for every term of the objective."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from scipy import ndimage

from sarnet import losses
from sarnet.errors import ShapeError
from sarnet.losses.vgg import VggFeatures

SPACES = [pytest.param((24, 20), id="2d"), pytest.param((14, 12, 13), id="3d")]
IMAGES = {"cycle": losses.cycle, "lncc": losses.lncc, "nmi": losses.nmi, "ssim": losses.ssim, "tie": losses.tie}
MASKS = {"mask_overlap": losses.mask_overlap, "mask_supervision": losses.mask_supervision}
FIELDS = {
    "field_error": losses.field_error,
    "field_error_euclidean": partial(losses.field_error, norm="euclidean"),
    "normalised_field_error": partial(losses.normalised_field_error, largest_voxels=3.0),
}
ALONE = {"folding": losses.folding, "smoothness": losses.smoothness}
LOGITS = {
    "discriminator_adversarial": losses.discriminator_adversarial,
    "generator_adversarial": lambda _, warped: losses.generator_adversarial(warped),
}
TERMS = {**IMAGES, **MASKS, **FIELDS, **{name: lambda _, u, t=term: t(u) for name, term in ALONE.items()}, **LOGITS}
WEIGHTED = ["cycle", "field_error", "field_error_euclidean", "lncc", "nmi", "normalised_field_error", "ssim"]


def _textures(rng, batch, channels, space):
    """Smooth noise in [0.02, 0.98]: at 0 and 1 themselves some terms have a slope to one side alone."""
    noise = rng.normal(size=(batch, channels, *space))
    smooth = np.stack([[ndimage.gaussian_filter(channel, 1.0) for channel in image] for image in noise])
    return 0.02 + 0.96 * torch.from_numpy((smooth - smooth.min()) / np.ptp(smooth))


def _given(name, rng, space, batch=1):
    """What the term compares, the second of it the result of a network."""
    if name in LOGITS:
        return tuple(torch.from_numpy(rng.normal(size=(batch, 1, 3))) for _ in range(2))
    if name in FIELDS or name in ALONE:  # of a few voxels: some of it folds
        return tuple(6 * _textures(rng, batch, len(space), space) for _ in range(2))
    return tuple(_textures(rng, batch, 1, space) for _ in range(2))


def _weight(rng, space, batch):
    """Another amount for each image of the batch."""
    amount = torch.arange(1.0, batch + 1, dtype=torch.float64).reshape(batch, *[1] * (len(space) + 1)) ** 3
    return amount * torch.from_numpy(rng.uniform(size=(batch, 1, *space)))


def _in_halves(term, *batches):
    halves = [term(*(batch[half] for batch in batches)) for half in (slice(0, 2), slice(2, 4))]
    return (halves[0] + halves[1]) / 2


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", TERMS)
def test_result_is_a_number_of_the_inputs_dtype(rng, name, space, dtype):
    first, second = (given.to(dtype) for given in _given(name, rng, space))

    value = TERMS[name](first, second)

    assert value.shape == ()
    assert value.dtype == dtype


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", TERMS)
def test_batch_is_worth_the_mean_of_its_halves(rng, name, space):
    first, second = _given(name, rng, space, batch=4)

    halves = _in_halves(TERMS[name], first, second)

    assert TERMS[name](first, second).item() == pytest.approx(halves.item(), rel=1e-12)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", WEIGHTED)
def test_weighted_batch_is_worth_the_mean_of_its_halves(rng, name, space):
    first, second = _given(name, rng, space, batch=4)
    weight = _weight(rng, space, 4)

    halves = _in_halves(lambda a, b, w: TERMS[name](a, b, weight=w), first, second, weight)

    assert TERMS[name](first, second, weight=weight).item() == pytest.approx(halves.item(), rel=1e-12)


def test_features_of_a_batch_are_worth_the_mean_of_their_halves(rng, features):
    fixed, warped = (_textures(rng, 4, 1, (32, 32)).float() for _ in range(2))

    halves = _in_halves(partial(losses.vgg_distance, features), fixed, warped)

    assert losses.vgg_distance(features, fixed, warped).item() == pytest.approx(halves.item(), rel=1e-5)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", WEIGHTED)
def test_equal_weights_are_no_weights(rng, name, space):
    first, second = _given(name, rng, space, batch=2)

    weighted = TERMS[name](first, second, weight=torch.full((2, 1, *space), 0.3, dtype=torch.float64))

    assert weighted.item() == pytest.approx(TERMS[name](first, second).item())


@pytest.mark.parametrize("name", WEIGHTED)
def test_image_without_weight_has_no_say_in_the_gradient(rng, name):
    first, second = _given(name, rng, (24, 20), batch=2)
    second.requires_grad_()
    weight = torch.ones(2, 1, 24, 20, dtype=torch.float64)
    weight[1] = 0

    TERMS[name](first, second, weight=weight).backward()

    assert torch.count_nonzero(second.grad[0]) > 0
    assert torch.count_nonzero(second.grad[1]) == 0


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("name", TERMS)
def test_gradient_is_the_slope_of_the_term(rng, name, space):
    first, second = _given(name, rng, space)
    direction = torch.from_numpy(rng.normal(size=second.shape))
    second.requires_grad_()
    step = 1e-6

    TERMS[name](first, second).backward()

    with torch.no_grad():
        rise = TERMS[name](first, second + step * direction) - TERMS[name](first, second - step * direction)
    slope = (second.grad * direction).sum().item()
    assert abs(slope) > 1e-4
    assert slope == pytest.approx(rise.item() / (2 * step), rel=1e-2)


def test_gradient_is_the_slope_of_the_feature_distance_at_a_constant_scale(rng, features):
    fixed, warped = (_textures(rng, 1, 1, (32, 32)) for _ in range(2))
    direction = torch.from_numpy(rng.normal(size=warped.shape))
    precise = VggFeatures(features.record).double().requires_grad_(False)
    precise.load_state_dict(features.state_dict())
    scales = [max(f.max(), w.max()) for f, w in zip(precise(fixed), precise(warped))]
    step = 1e-6

    def distance(image):
        layers = zip(precise(fixed), precise(image), scales)
        return sum(((f - w) / scale).square().mean() * f.shape[1] for f, w, scale in layers) / 4224

    warped.requires_grad_()
    losses.vgg_distance(precise, fixed, warped).backward()

    with torch.no_grad():
        rise = distance(warped + step * direction) - distance(warped - step * direction)
    slope = (warped.grad * direction).sum().item()
    assert abs(slope) > 1e-4
    assert slope == pytest.approx(rise.item() / (2 * step), rel=1e-2)


@pytest.mark.parametrize("name", TERMS)
def test_half_precision_costs_its_own_rounding_and_no_more(rng, name):
    first, second = (given.bfloat16() for given in _given(name, rng, (24, 20)))

    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = TERMS[name](first, second)

    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(TERMS[name](first.double(), second.double()).item(), rel=1e-4)


def test_features_are_computed_in_single_precision_under_autocast(rng, features):
    fixed, warped = (_textures(rng, 1, 1, (32, 32)).float() for _ in range(2))

    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = losses.vgg_distance(features, fixed, warped)

    assert value.dtype == torch.float32
    assert value.item() == losses.vgg_distance(features, fixed, warped).item()


EXTREMES = {
    "the same": lambda first: first.clone(),
    "zero": torch.zeros_like,
    "one": torch.ones_like,
}


@pytest.mark.parametrize("second", EXTREMES)
@pytest.mark.parametrize("first", ["texture", "zero", "one"])
@pytest.mark.parametrize("name", [*IMAGES, *MASKS, *FIELDS, *ALONE])
def test_value_and_gradient_are_finite_at_the_extremes(rng, name, first, second):
    texture, _ = (given.float() for given in _given(name, rng, (24, 20)))
    left = texture if first == "texture" else EXTREMES[first](texture)
    right = EXTREMES[second](left).requires_grad_()

    value = TERMS[name](left, right)
    value.backward()

    assert math.isfinite(value.detach())
    assert torch.isfinite(right.grad).all()
    assert right.grad.abs().max() < 10


@pytest.mark.parametrize("second", EXTREMES)
def test_feature_distance_and_its_gradient_are_finite_at_the_extremes(rng, features, second):
    fixed = _textures(rng, 1, 1, (32, 32)).float()
    warped = EXTREMES[second](fixed).requires_grad_()

    value = losses.vgg_distance(features, fixed, warped)
    value.backward()

    assert math.isfinite(value.detach())
    assert torch.isfinite(warped.grad).all()


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", [*IMAGES, *MASKS])
def test_inputs_of_two_shapes_are_refused(name):
    with pytest.raises(ShapeError, match=r"have shapes \[\(1, 1, 16, 16\), \(1, 1, 16, 17\)\], but must be of one"):
        TERMS[name](torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 17))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", ["cycle", "lncc", "nmi", "ssim"])
def test_weight_of_another_shape_is_refused(name):
    image = torch.zeros(2, 1, 16, 16)

    with pytest.raises(ShapeError, match=r"and weight have shapes .*\(1, 1, 16, 16\)\], but must be of one shape"):
        TERMS[name](image, image, weight=torch.ones(1, 1, 16, 16))
