import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sarnet.errors import ShapeError
from sarnet.losses import VggFeatures, vgg_distance
from sarnet.losses.vgg_weights import OXFORD, TORCHVISION

MAPS = [64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512]
SIDES = [32, 32, 16, 16, 8, 8, 8, 4, 4, 4, 2, 2, 2]


def _pair(rng):
    return tuple(torch.from_numpy(rng.uniform(size=(2, 1, 32, 32))).float() for _ in range(2))


def test_maps_of_all_thirteen_layers_come_on_ever_coarser_grids(rng, features):
    image, _ = _pair(rng)

    stages = features(image)

    assert [tuple(stage.shape) for stage in stages] == [(2, maps, side, side) for maps, side in zip(MAPS, SIDES)]
    assert sum(MAPS) == 4224
    assert min(stage.min() for stage in stages) == 0  # behind the ReLU


def test_layers_have_torchvisions_numbers(features):
    numbers = [int(name.split(".")[1]) for name in features.state_dict() if name.endswith("weight")]

    assert numbers == [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28]


@pytest.mark.parametrize(
    ("record", "published"),
    [
        (OXFORD, lambda rgb: 255 * rgb - torch.tensor([123.68, 116.779, 103.939]).view(1, 3, 1, 1)),
        (
            TORCHVISION,
            lambda rgb: (
                (rgb - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1))
                / torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
            ),
        ),
    ],
    ids=["oxford", "torchvision"],
)
def test_first_layer_sees_grey_as_three_colours_prepared_as_published(rng, features, record, published):
    image, _ = _pair(rng)
    other = VggFeatures(record).requires_grad_(False)
    other.load_state_dict(features.state_dict())
    first = other.features[0]

    found = other(image)[0]

    wanted = F.conv2d(published(image.expand(-1, 3, -1, -1)), first.weight, first.bias, padding=1).relu()
    assert torch.allclose(found, wanted, atol=1e-4 * wanted.max())


@pytest.mark.parametrize(("layer", "number", "pooled"), [(1, 2, False), (2, 5, True), (8, 19, False), (10, 24, True)])
def test_later_layer_reads_the_one_before_it_pooled_between_groups(rng, features, layer, number, pooled):
    image, _ = _pair(rng)

    stages = features(image)

    before = F.max_pool2d(stages[layer - 1], 2) if pooled else stages[layer - 1]
    convolution = features.features[number]
    wanted = F.conv2d(before, convolution.weight, convolution.bias, padding=1).relu()
    assert torch.allclose(stages[layer], wanted, atol=1e-5)


def test_distance_is_the_mean_over_all_maps_scaled_by_the_larger_image(rng, features):
    fixed, warped = _pair(rng)
    warped[1] *= 0.3

    loss = vgg_distance(features, fixed, warped)

    of_each_map = []
    for pair in range(2):
        stages = (features(fixed[pair : pair + 1]), features(warped[pair : pair + 1]))
        for a, b in zip(*((stage[0].double() for stage in image) for image in stages)):
            scale = max(a.max(), b.max())
            of_each_map += [(((k - m) / scale) ** 2).mean().item() for k, m in zip(a, b)]
    assert len(of_each_map) == 2 * 4224
    assert loss.item() == pytest.approx(sum(of_each_map) / len(of_each_map), rel=1e-4)


def test_equal_images_have_no_distance(rng, features):
    image, _ = _pair(rng)

    assert vgg_distance(features, image, image.clone()) == 0


def test_distance_lies_between_zero_and_one_and_grows_with_a_small_difference(rng, features):
    fixed, noise = _pair(rng)

    values = [vgg_distance(features, fixed, fixed + share * (noise - fixed)).item() for share in (0.01, 0.1, 0.3)]

    assert 0 < values[0] < values[1] < values[2] < 1


def test_fixed_and_warped_may_be_swapped(rng, features):
    fixed, warped = _pair(rng)

    assert vgg_distance(features, fixed, warped).item() == pytest.approx(vgg_distance(features, warped, fixed).item())


def test_scale_of_the_weights_of_a_layer_does_not_matter(rng, features):
    fixed, warped = _pair(rng)
    other = VggFeatures(features.record).requires_grad_(False)
    other.load_state_dict(features.state_dict())
    last = [layer for layer in other.features if isinstance(layer, nn.Conv2d)][-1]
    last.weight *= 1000
    last.bias *= 1000

    wanted = vgg_distance(features, fixed, warped).item()

    assert vgg_distance(other, fixed, warped).item() == pytest.approx(wanted, rel=1e-4)


def test_step_against_the_gradient_lowers_the_distance(rng, features):
    fixed, warped = _pair(rng)
    warped.requires_grad_()

    before = vgg_distance(features, fixed, warped)
    before.backward()
    after = vgg_distance(features, fixed, (warped - 0.1 * warped.grad / warped.grad.abs().max()).detach())

    assert after < before


@pytest.mark.usefixtures("unchecked")
def test_images_of_two_shapes_are_refused(features):
    with pytest.raises(ShapeError, match=r"fixed and warped have shapes \[\(1, 1, 32, 32\), \(1, 1, 32, 40\)\]"):
        vgg_distance(features, torch.zeros(1, 1, 32, 32), torch.zeros(1, 1, 32, 40))


def test_image_of_which_pooling_leaves_nothing_is_refused(features):
    image = torch.zeros(1, 1, 15, 40)

    with pytest.raises(ShapeError, match=r"fixed has shape \(1, 1, 15, 40\), but VGG16 needs 16 pixels"):
        vgg_distance(features, image, image)
