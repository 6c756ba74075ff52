import numpy as np
import pytest
import torch
from skimage.filters import threshold_otsu

from sarnet.errors import ShapeError
from sarnet.networks import MapFusion, hard_mask, soft_mask

SPACE = (16, 24)


@pytest.fixture
def fusion():
    """Weights of three layers of four maps that differ."""
    fusion = MapFusion(3, 4)
    torch.nn.init.normal_(fusion.logits, generator=torch.Generator().manual_seed(1))
    return fusion


@pytest.fixture
def layers(rng):
    """Two layers at full resolution, one at half of it, of two images."""
    sizes = (SPACE, SPACE, (8, 12))
    return tuple(torch.from_numpy(3 * rng.normal(size=(2, 4, *size)) - 1).float() for size in sizes)


def _by_a_plain_loop(fusion, layers):
    """The sum of scaled maps, one at a time; the coarse ones between the middles of their voxels, by hand."""
    logits = fusion.logits.detach().double().numpy()
    weights = np.exp(logits) / np.exp(logits).sum()
    images = []
    for image in range(len(layers[0])):
        fused = np.zeros(SPACE)
        for layer, of_layer in zip(layers, weights):
            for values, weight in zip(layer[image].double().numpy(), of_layer):
                scaled = (values - values.min()) / (values.max() - values.min())
                for axis, size in enumerate(SPACE):
                    factor = size // scaled.shape[axis]
                    places = (np.arange(size) + 0.5) / factor - 0.5
                    known = np.arange(scaled.shape[axis])
                    scaled = np.apply_along_axis(lambda line: np.interp(places, known, line), axis, scaled)  # noqa: B023
                fused += weight * scaled
        images.append(fused)
    return np.stack(images)[:, None]


def _blob(rng):
    """A map of two kinds of voxels."""
    y, x = np.mgrid[:32, :40]
    inside = np.hypot(y - 16, x - 20) < 10
    return torch.from_numpy(0.2 + 0.5 * inside + 0.05 * rng.normal(size=inside.shape)).float()[None, None], inside


def test_fused_map_is_the_weighted_sum_of_maps_scaled_to_one(fusion, layers):
    fused = fusion(layers, SPACE)

    assert fused.shape == (2, 1, *SPACE)
    np.testing.assert_allclose(fused.detach().numpy(), _by_a_plain_loop(fusion, layers), atol=1e-5)


def test_fused_map_lies_between_zero_and_one(fusion, layers):
    fused = fusion(layers, SPACE)

    assert fused.min() >= 0
    assert fused.max() <= 1


def test_map_that_has_all_the_weight_reaches_both_ends(layers):
    fusion = MapFusion(3, 4)
    with torch.no_grad():
        fusion.logits[0, 2] = 100

    fused = fusion(layers, SPACE)

    assert fused.amin(dim=(1, 2, 3)).tolist() == pytest.approx([0, 0], abs=1e-5)
    assert fused.amax(dim=(1, 2, 3)).tolist() == pytest.approx([1, 1], abs=1e-5)


def test_scale_and_offset_of_a_map_do_not_matter(fusion, layers):
    first, *others = layers

    assert torch.allclose(fusion((40 * first + 7, *others), SPACE), fusion(layers, SPACE), atol=1e-4)


def test_weights_begin_equal_and_sum_to_one(layers):
    fusion = MapFusion(3, 4)
    ramp = torch.linspace(0, 1, 24).expand(1, 4, *SPACE)

    fused = fusion((ramp, ramp, ramp), SPACE)

    assert torch.allclose(fused, ramp[:, :1], atol=1e-6)  # a mean of equal maps is the map: the weights' sum is one


def test_map_of_one_value_counts_as_zero(fusion, layers):
    first, *others = layers
    flat = (torch.full_like(first, 5.0), *others)
    without = MapFusion(2, 4)
    with torch.no_grad():
        without.logits.copy_(fusion.logits[1:])
    share = fusion.logits.flatten().softmax(0).view_as(fusion.logits)[1:].sum()

    fused = fusion(flat, SPACE)

    assert torch.allclose(fused, share * without(tuple(others), SPACE), atol=1e-5)


def test_images_of_a_batch_do_not_see_each_other(fusion, layers):
    alone = fusion(tuple(layer[:1] for layer in layers), SPACE)

    assert torch.allclose(fusion(layers, SPACE)[:1], alone, atol=1e-6)


def test_gradient_reaches_every_weight_and_every_layer(fusion, layers):
    layers = tuple(layer.requires_grad_() for layer in layers)

    soft_mask(fusion(layers, SPACE), temperature=0.1)[..., :8].sum().backward()

    assert (fusion.logits.grad != 0).all()
    assert all((layer.grad != 0).any(dim=(2, 3)).all() for layer in layers)


def test_gradient_of_the_weights_is_the_slope(fusion, layers):
    def value(logits):
        fused = torch.func.functional_call(fusion, {"logits": logits}, (layers, SPACE))
        return (fused.double() ** 2).sum()

    logits = fusion.logits.detach().clone().requires_grad_()
    value(logits).backward()

    step = torch.zeros_like(logits)
    step[1, 2] = 1e-2
    with torch.no_grad():
        rise = (value(logits + step) - value(logits - step)) / 2e-2
    assert logits.grad[1, 2].item() == pytest.approx(rise.item(), rel=1e-2)


def test_other_number_of_layers_is_refused(fusion, layers):
    with pytest.raises(ShapeError, match="layers has 2 entries, but there are weights for 3"):
        fusion(layers[:2], SPACE)


def test_hard_mask_is_one_above_otsus_level(rng):
    fused, inside = _blob(rng)

    mask = hard_mask(fused)

    level = threshold_otsu(fused.numpy())
    assert mask.dtype == torch.float32
    assert np.array_equal(mask.numpy() == 1, fused.numpy() > level)
    assert (mask[0, 0].numpy() == inside).mean() > 0.99


def test_soft_mask_is_a_half_at_the_level_and_the_sigmoid_around_it(rng):
    fused, _ = _blob(rng)

    soft = soft_mask(fused, temperature=0.05)

    level = threshold_otsu(fused.numpy())
    np.testing.assert_allclose(soft.numpy(), 1 / (1 + np.exp(-(fused.numpy() - level) / 0.05)), atol=1e-4)


def test_soft_mask_becomes_the_hard_one_as_it_cools(rng):
    fused, _ = _blob(rng)

    apart = [(soft_mask(fused, temperature=t) - hard_mask(fused)).abs().mean() for t in (0.1, 0.02, 1e-4)]

    assert apart[0] > apart[1] > apart[2]
    assert apart[2] < 1e-3
    assert torch.equal(soft_mask(fused, temperature=0.05) > 0.5, hard_mask(fused) == 1)
