"""The field of a volume against the network run over its slices one by one."""

import dataclasses

import numpy as np
import pytest
import torch

from sarnet.config import AdaptationSettings
from sarnet.images import Grid
from sarnet.networks import load_generator
from sarnet.registration.adaptation import adapt_last_layer, similarity_cost, unadapted
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.plane_fields import PlaneFields

SPACE = (16, 24, 40)
"""Multiples of what the network takes, so that a slice can go in as it is."""


def _pair(space, seed: int = 0) -> ComparedPair:
    made = torch.Generator().manual_seed(seed)
    coarse = torch.rand(2, 1, *(size // 4 for size in space), generator=made)
    mode = "bilinear" if len(space) == 2 else "trilinear"
    images = torch.nn.functional.interpolate(coarse, size=space, mode=mode)
    return ComparedPair(
        fixed=images[:1], moving=images[1:], weight=torch.ones_like(images[:1]), grid=Grid.plain(tuple(space))
    )


def test_field_of_a_slice_is_the_networks(loaded):
    pair = _pair((64, 96))
    fields = PlaneFields.of(loaded.generator, pair)

    with torch.no_grad():
        assert torch.equal(fields.displacement(fields.start()), loaded.generator(pair.fixed, pair.moving))


@pytest.mark.parametrize("space", [(64, 96), SPACE])
def test_field_of_both_ways_is_half_their_difference_and_that_of_the_pair_exchanged_the_opposite(loaded, space):
    pair = _pair(space)
    there, back = (PlaneFields.of(loaded.generator, each) for each in (pair, pair.exchanged()))

    with torch.no_grad():
        found = there.and_back(back).displacement(there.and_back(back).start())
        turned = back.and_back(there).displacement(back.and_back(there).start())
        one, other = (each.displacement(each.start()) for each in (there, back))

    assert torch.allclose(found, (one - other) / 2, atol=1e-5)
    assert torch.allclose(turned, -found, atol=1e-6)
    assert float(found.abs().max()) > 0.5


def test_adapted_both_ways_the_pair_exchanged_has_the_opposite_field(loaded):
    pair = _pair((64, 96))
    there, back = (PlaneFields.of(loaded.generator, each) for each in (pair, pair.exchanged()))
    settings = AdaptationSettings(most_iterations=6)

    found = adapt_last_layer(there.and_back(back), similarity_cost(pair, settings), settings=settings)
    turned = adapt_last_layer(back.and_back(there), similarity_cost(pair.exchanged(), settings), settings=settings)

    assert found.costs[-1] < found.costs[0] - 0.01
    assert found.costs == pytest.approx(turned.costs, abs=1e-4)
    assert float((found.halves - turned.halves.flip(0)).abs().mean()) < 0.01 * float(found.halves.abs().mean())


def test_halves_move_both_images_alike_where_they_were_looked_at_both_ways(loaded):
    pair = _pair((64, 96))
    there, back = (PlaneFields.of(loaded.generator, each) for each in (pair, pair.exchanged()))

    with torch.no_grad():
        controls, alone = there.start(), there.halves(there.start())
        both = there.and_back(back).halves(controls)

    assert not alone[0].any()
    assert torch.equal(alone[1:], there.displacement(controls))
    assert torch.equal(both[1:], there.displacement(controls) / 2)
    assert torch.equal(both[0], -both[1])


def test_masks_of_both_ways_are_cut_from_their_mean():
    segmenting = load_generator("sarnet-cxr").generator
    pair = _pair((64, 96))
    there, back = (PlaneFields.of(segmenting, each) for each in (pair, pair.exchanged()))

    both = there.and_back(back).fused

    assert torch.equal(both.fixed, (there.fused.fixed + back.fused.moving) / 2)
    assert torch.equal(both.moving, (there.fused.moving + back.fused.fixed) / 2)


def test_each_axis_of_a_volume_moves_by_the_mean_of_the_two_planes_that_hold_it(loaded):
    pair = _pair(SPACE)
    fields = PlaneFields.of(loaded.generator, pair)
    with torch.no_grad():
        found = fields.displacement(fields.start())[0]

        z, y, x = 7, 10, 21
        fixed, moving = pair.fixed[0, 0], pair.moving[0, 0]

        def plane(place):
            return loaded.generator(fixed[place][None, None], moving[place][None, None])[0]

        axial, coronal, sagittal = plane(np.s_[z]), plane(np.s_[:, y]), plane(np.s_[:, :, x])
    wanted = torch.stack(
        [
            (coronal[0, z, x] + sagittal[0, z, y]) / 2,
            (axial[0, y, x] + sagittal[1, z, y]) / 2,
            (axial[1, y, x] + coronal[1, z, x]) / 2,
        ]
    )
    assert torch.allclose(found[:, z, y, x], wanted, atol=1e-5)


def test_far_edges_are_held_on_to_the_size_that_the_network_takes(loaded):
    whole = _pair((64, 96))
    cropped = ComparedPair(
        fixed=whole.fixed[..., :61, :90],
        moving=whole.moving[..., :61, :90],
        weight=whole.weight[..., :61, :90],
        grid=Grid.plain((61, 90)),
    )
    fields = PlaneFields.of(loaded.generator, cropped)
    held = [torch.nn.functional.pad(image, (0, 6, 0, 3), mode="replicate") for image in (cropped.fixed, cropped.moving)]

    with torch.no_grad():
        assert torch.equal(fields.displacement(fields.start()), loaded.generator(*held)[..., :61, :90])


@pytest.mark.parametrize("magnification", [1.5, 2.0])
def test_network_sees_the_picture_magnified_and_its_field_is_that_of_the_picture(loaded, magnification):
    pair = _pair((64, 96))
    seen = [
        torch.nn.functional.interpolate(image, scale_factor=magnification, mode="bilinear", align_corners=False)
        for image in (pair.fixed, pair.moving)
    ]
    fields = PlaneFields.of(loaded.generator, dataclasses.replace(pair, magnification=magnification), fuse=False)

    with torch.no_grad():
        found = fields.displacement(fields.start())
        large = loaded.generator(*seen) / magnification
    middle = torch.nn.functional.interpolate(large, size=(64, 96), mode="bilinear", align_corners=False)
    assert found.shape == (1, 2, 64, 96)
    assert float((found - middle).abs().max()) < 0.05


def test_many_slices_at_once_are_as_few(loaded, monkeypatch):
    pair = _pair(SPACE)
    with torch.no_grad():
        few = PlaneFields.of(loaded.generator, pair)
        monkeypatch.setattr("sarnet.registration.plane_fields._SLICES_AT_ONCE", 3)
        many = PlaneFields.of(loaded.generator, pair)
        for first, second in zip(few.start(), many.start(), strict=True):
            assert torch.allclose(first, second, atol=1e-5)


@pytest.mark.parametrize("reads", ["last", "all"])
def test_adapting_the_layers_of_a_volume_lowers_its_cost(reads, loaded):
    pair = _pair(SPACE)
    settings = AdaptationSettings(reads=reads, most_iterations=5, smoothness=0.1)
    fields = PlaneFields.of(loaded.generator, pair)

    cost = similarity_cost(pair, settings)

    adapted = adapt_last_layer(fields, cost, settings=settings)

    assert adapted.costs[0] == pytest.approx(unadapted(fields, cost).costs[0], abs=1e-6)
    assert min(adapted.costs) < 0.95 * adapted.costs[0]
