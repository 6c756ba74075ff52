import numpy as np
import pytest
import torch
from scipy import ndimage

from sarnet.config import GeneratorSettings
from sarnet.errors import InputError, ShapeError
from sarnet.fields import jacobian_determinant
from sarnet.networks import Generator

SMALL = {"maps": 8, "blocks": 1, "encoder_blocks": 1, "matched_maps": 4, "radius": 1}

KINDS = [
    pytest.param(
        GeneratorSettings(trunk=trunk, stride=stride, normalisation=normalisation, **SMALL), id=f"{trunk}-{stride}"
    )
    for trunk, stride, normalisation in [
        ("residual", 1, "batch"),
        ("residual", 4, "none"),
        ("matching", 1, "group"),
        ("matching", 2, "none"),
        ("matching", 4, "none"),
    ]
]


def _make(settings, *, seed=0):
    torch.manual_seed(seed)
    return Generator(settings).eval()


def _pair(*space, batch=1):
    made = torch.Generator().manual_seed(7)
    return torch.rand(batch, 1, *space, generator=made), torch.rand(batch, 1, *space, generator=made)


def _grown(generator):
    """The same generator with a last layer that says something."""
    torch.manual_seed(3)
    torch.nn.init.normal_(generator.last.weight, std=0.05)
    torch.nn.init.normal_(generator.last.bias, std=0.5)
    return generator


@pytest.mark.parametrize("settings", KINDS)
@pytest.mark.parametrize("space", [(32, 32), (24, 40)])
def test_field_has_two_components_on_the_images_grid(settings, space):
    displacement = _make(settings)(*_pair(*space, batch=2))

    assert displacement.shape == (2, 2, *space)
    assert displacement.dtype == torch.float32


@pytest.mark.parametrize("settings", KINDS)
def test_starts_at_the_identity(settings):
    displacement = _make(settings)(*_pair(32, 40))

    assert 0 < displacement.abs().max() < 0.2
    assert (jacobian_determinant(displacement) - 1).abs().max() < 0.2


@pytest.mark.parametrize("settings", KINDS)
def test_pairs_of_a_batch_do_not_see_each_other(settings):
    generator = _grown(_make(settings))
    fixed, moving = _pair(24, 32, batch=3)

    with torch.no_grad():
        together = generator(fixed, moving)
        alone = torch.cat([generator(fixed[[i]], moving[[i]]) for i in range(3)])

    assert torch.allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("settings", KINDS)
def test_field_is_linear_in_the_last_layer(settings):
    generator = _make(settings).double()
    fixed, moving = (image.double() for image in _pair(24, 32))
    last = generator.last

    def field(weight, bias):
        with torch.no_grad():
            last.weight.copy_(weight)
            last.bias.copy_(bias)
            controls = features.base.double() + last(features.maps)
            return generator.displacement(controls)

    with torch.no_grad():
        features = generator.features(fixed, moving)
    made = torch.Generator().manual_seed(1)
    w1, w2 = (torch.randn(last.weight.shape, generator=made, dtype=torch.float64) for _ in range(2))
    b1, b2 = (torch.randn(2, generator=made, dtype=torch.float64) for _ in range(2))
    none = field(0 * w1, 0 * b1)

    together = field(2 * w1 - 3 * w2, 2 * b1 - 3 * b2)

    assert torch.allclose(together - none, 2 * (field(w1, b1) - none) - 3 * (field(w2, b2) - none), atol=1e-9)
    assert (field(w1, b1) - none).abs().max() > 0.1


@pytest.mark.parametrize("settings", KINDS)
def test_last_layers_bias_is_a_translation_in_voxels_of_the_trunks_grid(settings):
    generator = _make(settings)
    images = _pair(24, 32)
    before = generator(*images)

    with torch.no_grad():
        generator.last.bias += torch.tensor([0.5, -0.25])

    moved = (generator(*images) - before) / settings.stride
    assert torch.allclose(moved[:, 0], torch.tensor(0.5), atol=1e-4)
    assert torch.allclose(moved[:, 1], torch.tensor(-0.25), atol=1e-4)


@pytest.mark.parametrize("settings", KINDS)
def test_forward_is_trunk_last_layer_and_field_one_after_another(settings):
    generator = _grown(_make(settings))
    images = _pair(24, 32)

    features = generator.features(*images)

    assert features.maps.shape == (1, 8, 24 // settings.stride, 32 // settings.stride)
    assert features.base.shape == (1, 2, 24 // settings.stride, 32 // settings.stride)
    assert torch.equal(generator.displacement(generator.controls(features)), generator(*images))


def test_residual_trunk_adds_nothing_to_the_last_layer():
    generator = _make(GeneratorSettings(trunk="residual", stride=2, **SMALL))

    assert torch.count_nonzero(generator.features(*_pair(16, 16)).base) == 0


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_control_stands_in_the_middle_of_the_voxels_it_was_made_of(stride):
    generator = _make(GeneratorSettings(stride=stride, **SMALL))
    ramp = torch.arange(12.0).expand(1, 2, 12, 12)  # the control's place along x, in voxels of the trunk's grid

    field = generator.displacement(ramp)

    # stride x place + (stride - 1) / 2 is the voxel; where all four controls are there
    voxel = torch.arange(12.0 * stride)
    inner = slice(2 * stride, -2 * stride)
    assert torch.allclose(field[0, 0, 0, inner] + (stride - 1) / 2, voxel[inner], atol=1e-4)


@pytest.mark.parametrize("stride", [2, 4])
def test_magnified_field_is_read_at_the_coarse_voxels_and_halved(stride):
    generator = _make(GeneratorSettings(stride=stride, **SMALL)).double()
    controls = torch.randn(1, 2, 9, 11, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    fine = generator.displacement(controls)[0]
    coarse = generator.displacement(controls, magnification=2.0)[0]

    assert coarse.shape == (2, 9 * stride // 2, 11 * stride // 2)
    # coarse voxel i lies at 2 i + 1/2 of the fine ones; a cubic through their values reads the spline there well
    places = np.stack(np.meshgrid(*(2 * np.arange(size) + 0.5 for size in coarse.shape[1:]), indexing="ij"))
    read = np.stack([ndimage.map_coordinates(component, places, order=5, mode="mirror") for component in fine.numpy()])
    inner = (..., slice(3, -3), slice(3, -3))
    np.testing.assert_allclose(coarse.numpy()[inner], read[inner] / 2, atol=0.01 * stride)


@pytest.mark.parametrize("magnification", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("stride", [1, 2, 4])
def test_magnified_translation_is_exact(stride, magnification):
    generator = _make(GeneratorSettings(stride=stride, **SMALL))
    step = torch.tensor([3.0, -6.0])[None, :, None, None]  # voxels of the trunk's grid

    field = generator.displacement(step.expand(1, 2, 12, 18), magnification=magnification)

    assert field.shape == (1, 2, round(12 * stride / magnification), round(18 * stride / magnification))
    assert torch.allclose(field, (step * stride / magnification).expand_as(field), atol=1e-5)


@pytest.mark.parametrize("settings", KINDS)
def test_every_weight_is_reached_by_the_gradient(settings):
    generator = _grown(_make(settings)).train()
    for module in generator.modules():  # without a normalisation a block's second convolution starts at zero
        if isinstance(module, torch.nn.Conv2d) and torch.count_nonzero(module.weight) == 0:
            torch.nn.init.normal_(module.weight, std=0.05)

    generator(*_pair(24, 32, batch=2)).square().sum().backward()

    still = [name for name, weight in generator.named_parameters() if not weight.grad.abs().max() > 0]
    assert not still


@pytest.mark.parametrize(("trunk", "stride"), [("residual", 1), ("residual", 4), ("matching", 2), ("matching", 4)])
def test_both_images_shifted_alike_shift_the_field(trunk, stride):
    generator = _grown(_make(GeneratorSettings(trunk=trunk, stride=stride, **SMALL)))  # it knows no absolute place
    fixed, moving = _pair(96, 96)
    step = generator.multiple

    with torch.no_grad():
        field = generator(fixed, moving)
        shifted = generator(fixed.roll((step, -step), (2, 3)), moving.roll((step, -step), (2, 3)))

    inner = (..., slice(44, 52), slice(44, 52))
    assert torch.allclose(shifted[inner], field.roll((step, -step), (2, 3))[inner], atol=1e-3)


@pytest.mark.parametrize(("trunk", "multiple"), [("residual", 4), ("matching", 8)])
def test_size_that_is_no_multiple_is_refused_with_the_multiple(trunk, multiple):
    generator = _make(GeneratorSettings(trunk=trunk, stride=4, **SMALL))

    with pytest.raises(ShapeError, match=rf"\(1, 1, 24, 34\), but each axis must be a multiple of {multiple}: pad"):
        generator(*_pair(24, 34))


@pytest.mark.usefixtures("unchecked")
def test_images_of_two_sizes_are_refused():
    fixed, _ = _pair(24, 32)

    with pytest.raises(ShapeError, match=r"fixed has shape \(1, 1, 24, 32\), but moving \(1, 1, 32, 32\)"):
        _make(GeneratorSettings(**SMALL)).features(fixed, torch.zeros(1, 1, 32, 32))


WITH_OUTPUTS = [
    pytest.param(
        GeneratorSettings(trunk=trunk, stride=stride, synthesizes=True, segments=True, **SMALL), id=f"{trunk}-{stride}"
    )
    for trunk, stride in [("residual", 1), ("residual", 4), ("matching", 2)]
]


@pytest.mark.parametrize("settings", WITH_OUTPUTS)
def test_further_outputs_have_the_size_of_the_images(settings):
    generator = _make(settings)

    features = generator.features(*_pair(24, 32, batch=2))

    assert generator.synthesized(features).shape == (2, 1, 24, 32)
    for fused in generator.fused_maps(features):
        assert fused.shape == (2, 1, 24, 32)
        assert fused.min() >= 0
        assert fused.max() <= 1


@pytest.mark.parametrize("settings", WITH_OUTPUTS)
def test_fused_map_of_an_image_is_made_of_the_layers_on_its_grid(settings):
    generator = _make(settings)
    features = generator.features(*_pair(24, 32))

    fixed, moving = generator.fused_maps(features)

    assert torch.equal(fixed, generator.fixed_fusion(features.fixed_layers, (24, 32)))
    assert torch.equal(moving, generator.moving_fusion(features.moving_layers, (24, 32)))
    assert len(generator.fixed_fusion.logits) == len(features.fixed_layers)
    assert len(generator.moving_fusion.logits) == len(features.moving_layers)


@pytest.mark.parametrize("settings", WITH_OUTPUTS)
def test_further_outputs_change_nothing_of_the_field(settings):
    bare = _make(settings.model_copy(update={"synthesizes": False, "segments": False}))
    full = _make(settings, seed=1)
    full.load_state_dict(bare.state_dict(), strict=False)

    assert torch.equal(full(*_pair(24, 32)), bare(*_pair(24, 32)))


@pytest.mark.parametrize("settings", WITH_OUTPUTS)
def test_gradient_of_the_further_outputs_reaches_their_weights_and_the_trunk(settings):
    generator = _make(settings).train()
    features = generator.features(*_pair(24, 32))

    left = [fused[..., :8].sum() for fused in generator.fused_maps(features)]
    (generator.synthesized(features).square().sum() + sum(left)).backward()

    reached = {name.split(".")[0] for name, weight in generator.named_parameters() if weight.grad is not None}
    assert reached == {"trunk", "image", "fixed_fusion", "moving_fusion"}


def test_output_that_the_settings_do_not_ask_for_is_refused():
    generator = _make(GeneratorSettings(stride=2, **SMALL))
    features = generator.features(*_pair(16, 16))

    with pytest.raises(InputError, match="this generator synthesizes no image: its settings have synthesizes = false"):
        generator.synthesized(features)
    with pytest.raises(InputError, match="this generator segments nothing: its settings have segments = false"):
        generator.fused_maps(features)
