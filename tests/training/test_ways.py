import pytest
import torch
from torch.nn import functional as F

from sarnet.config import AugmentationSettings, SimulationSettings
from sarnet.datasets import augmented_pair
from sarnet.fields import warp
from sarnet.networks import Generator
from sarnet.training.ways import Way, both_ways, judged, returned

STILL = AugmentationSettings(
    zoom=(1, 1), rotation_degrees=0, mirror_probability=0, remap_probability=0, exposure=0, noise=0
)
WIDE = SimulationSettings(control_spacing_voxels=(128.0,), peak_voxels=(16.0, 24.0))


def _pair(batch=2, size=32):
    """Smooth images, each deformed by a field of its own."""
    made = torch.Generator().manual_seed(0)
    coarse = torch.rand(batch, 1, size // 8, size // 8, generator=made)
    image = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True).clamp(0, 1)
    mask = (image > 0.5).float()
    return augmented_pair(image, mask=mask, augmentation=STILL, simulation=WIDE, rng=made)


def _generator(settings, *, seed=0):
    torch.manual_seed(seed)
    generator = Generator(settings.generator)
    torch.nn.init.normal_(generator.last.weight, std=0.1)  # a field to see
    return generator


def _known_ways(pair):
    """Both ways as a generator that finds the known fields would go them."""

    def way(pair):
        return Way(
            pair=pair,
            displacement=pair.displacement,
            coarse=pair.displacement,
            warped=warp(pair.moving, pair.displacement),
            synthesized=None,
            fused=None,
        )

    return way(pair), way(pair.exchanged())


def _inner(image, margin=6):
    return image[..., margin:-margin, margin:-margin]


def test_way_there_is_gs_and_the_way_back_is_fs_with_exchanged_roles(settings):
    generator, reverse, pair = _generator(settings), _generator(settings, seed=1), _pair()

    there, back = both_ways(generator, reverse, pair)

    assert torch.allclose(there.displacement, generator(pair.fixed, pair.moving), atol=1e-5)
    assert torch.allclose(back.displacement, reverse(pair.moving, pair.fixed), atol=1e-5)
    assert torch.equal(back.pair.fixed, pair.moving)
    assert torch.equal(back.pair.displacement, pair.reverse)
    assert torch.equal(back.pair.fixed_mask, pair.moving_mask)
    assert there.displacement.abs().max() > 0.1


def test_warped_image_is_the_moving_one_through_the_field(settings):
    there, back = both_ways(_generator(settings), _generator(settings, seed=1), _pair())

    for way in (there, back):
        assert torch.allclose(way.warped, warp(way.pair.moving, way.displacement))


def test_outputs_are_the_generators_own(settings):
    generator, pair = _generator(settings), _pair()

    there, _ = both_ways(generator, generator, pair)

    features = generator.features(pair.fixed, pair.moving)
    assert torch.allclose(there.coarse, generator.displacement(features.base), atol=1e-5)
    assert torch.allclose(there.synthesized, generator.synthesized(features), atol=1e-5)
    for found, wanted in zip(there.fused, generator.fused_maps(features), strict=True):
        assert torch.allclose(found, wanted, atol=1e-5)


def test_shared_network_gives_in_one_pass_what_it_gives_in_two(settings):
    generator, pair = _generator(settings), _pair()
    twin = _generator(settings)

    shared, apart = both_ways(generator, generator, pair), both_ways(generator, twin, pair)

    for one, other in zip(shared, apart, strict=True):
        assert torch.equal(one.pair.fixed, other.pair.fixed)
        for name in ("displacement", "coarse", "warped", "synthesized"):
            assert torch.allclose(getattr(one, name), getattr(other, name), atol=1e-5), name
        assert torch.allclose(one.fused.moving, other.fused.moving, atol=1e-5)


def test_generator_without_the_outputs_gives_none(settings):
    plain = settings.model_copy(
        update={"generator": settings.generator.model_copy(update={"synthesizes": False, "segments": False})}
    )
    generator = _generator(plain)

    there, back = both_ways(generator, generator, _pair())

    assert [there.synthesized, there.fused, back.synthesized, back.fused] == [None] * 4


def test_fields_that_undo_each_other_lead_both_images_back(settings):
    pair = _pair(size=64)
    ways = _known_ways(pair)
    generator = _generator(settings)  # not asked

    to_moving, to_fixed = returned(ways, generator=generator, reverse=generator, passes=False)

    for image, came, warped in ((pair.moving, to_moving, ways[0].warped), (pair.fixed, to_fixed, ways[1].warped)):
        left = _inner(came - image).abs().mean()
        assert left < 0.01  # interpolated twice
        assert left < _inner(warped - image).abs().mean() / 5


def test_fields_in_the_wrong_order_do_not(settings):
    there, _ = _known_ways(_pair(size=64))

    astray = warp(there.warped, there.displacement)

    assert _inner(astray - there.pair.moving).abs().mean() > 0.02


def test_other_passes_let_f_look_at_gs_image_and_g_at_fs(settings):
    generator, reverse = _generator(settings), _generator(settings, seed=1)
    there, back = both_ways(generator, reverse, _pair())

    to_moving, to_fixed = returned((there, back), generator=generator, reverse=reverse, passes=True)

    wanted = warp(there.warped, reverse(there.pair.moving, there.warped))
    assert torch.allclose(to_moving, wanted, atol=1e-5)
    wanted = warp(back.warped, generator(there.pair.fixed, back.warped))
    assert torch.allclose(to_fixed, wanted, atol=1e-5)


@pytest.mark.parametrize("passes", [True, False])
def test_gradient_of_the_way_back_reaches_both_networks(settings, passes):
    generator, reverse = _generator(settings), _generator(settings, seed=1)
    ways = both_ways(generator, reverse, _pair())

    to_moving, _ = returned(ways, generator=generator, reverse=reverse, passes=passes)
    to_moving.square().sum().backward()

    assert generator.last.weight.grad.abs().max() > 0
    assert reverse.last.weight.grad.abs().max() > 0


@pytest.mark.parametrize("scale", [1, 2])
def test_same_crop_is_seen_of_both_images(scale):
    _, way = _known_ways(_pair(size=64))
    rng = torch.Generator().manual_seed(3)

    fixed, warped = judged(way, scale=scale, voxels=16, rng=rng)

    whole_fixed, whole_warped = (F.avg_pool2d(image, scale) for image in (way.pair.fixed, way.warped))
    places = [
        (top, left)
        for top in range(64 // scale - 15)
        for left in range(64 // scale - 15)
        if torch.equal(fixed, whole_fixed[..., top : top + 16, left : left + 16])
    ]
    assert len(places) == 1
    ((top, left),) = places
    assert torch.equal(warped, whole_warped[..., top : top + 16, left : left + 16])


def test_crop_lies_anywhere_and_depends_on_chance_alone():
    way, _ = _known_ways(_pair())
    rng = torch.Generator().manual_seed(3)

    views = [judged(way, scale=1, voxels=16, rng=rng)[0] for _ in range(20)]
    again = judged(way, scale=1, voxels=16, rng=torch.Generator().manual_seed(3))[0]

    assert torch.equal(again, views[0])
    assert sum(torch.equal(view, views[0]) for view in views) < 5


@pytest.mark.parametrize("voxels", [None, 32, 500])
def test_without_a_smaller_crop_all_of_the_images_is_seen(voxels):
    way, _ = _known_ways(_pair())

    fixed, warped = judged(way, scale=1, voxels=voxels, rng=torch.Generator())

    assert torch.equal(fixed, way.pair.fixed)
    assert torch.equal(warped, way.warped)
