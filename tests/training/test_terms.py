import math

import pytest
import torch

from sarnet import losses
from sarnet.config import AugmentationSettings, ObjectiveSettings, SimulationSettings
from sarnet.datasets import augmented_pair
from sarnet.fields import compose, warp
from sarnet.networks import Discriminator, Generator, soft_mask
from sarnet.training.batches import Batch
from sarnet.training.terms import Terms
from sarnet.training.ways import both_ways, judged, returned

EVERY = dict.fromkeys(ObjectiveSettings.model_fields, 1.0)
OF_BOTH = {"cycle", "inverse_consistency"}
FAR = AugmentationSettings(zoom=(0.7, 0.7))
"""So small that the images have an outside."""


def _weighted(settings, **weights):
    stage = settings.adversarial.model_copy(update={"weights": ObjectiveSettings(**weights)})
    return settings.model_copy(update={"adversarial": stage})


def _batch(known=(True, False), segmented=(False, True)):
    made = torch.Generator().manual_seed(0)
    image = torch.rand(2, 1, 32, 32, generator=made)
    pair = augmented_pair(
        image, mask=(image > 0.5).float(), augmentation=FAR, simulation=SimulationSettings(), rng=made
    )
    return Batch(pair, torch.tensor(known), torch.tensor(segmented))


@pytest.fixture
def generators(settings):
    """G and F, each with fields of some voxels."""
    torch.manual_seed(0)
    pair = Generator(settings.generator), Generator(settings.generator)
    for generator in pair:
        torch.nn.init.normal_(generator.last.weight, std=0.1)
    return pair


@pytest.fixture
def judge(settings):
    torch.manual_seed(1)
    return Discriminator(settings.adversarial.discriminator).requires_grad_(False)


def _seen(way):
    return judged(way, scale=1, voxels=None, rng=torch.Generator())


def _by_hand(settings, way, judge, *, step):
    """The terms of a way, of which the first pair's field is known and the second pair's masks count."""
    pair, known, segmented = way.pair, slice(0, 1), slice(1, 2)
    inside = pair.inside.clamp_min(0.05)
    field = {"known": pair.displacement[known], "weight": inside[known]}
    peak = settings.simulation.peak_voxels[1] * settings.size / 256
    first, last = settings.adversarial.temperature
    temperature = first * (last / first) ** (step / (settings.adversarial.steps - 1))
    cut = [soft_mask(fused[segmented], temperature=temperature) for fused in way.fused]
    manual = [mask[segmented] for mask in (pair.fixed_mask, pair.moving_mask)]
    return {
        "nmi": losses.nmi(pair.fixed, way.warped, weight=inside),
        "ssim": losses.ssim(pair.fixed, way.warped, weight=inside),
        "adversarial": losses.generator_adversarial(judge(way.warped)),
        "mask_overlap": losses.mask_overlap(manual[0], warp(manual[1], way.displacement[segmented])),
        "mask_supervision": sum(losses.mask_supervision(*masks) for masks in zip(cut, manual, strict=True)) / 2,
        "field": losses.normalised_field_error(way.displacement[known], **field, largest_voxels=peak),
        "tie": losses.tie(way.synthesized, way.warped),
        "field_length": losses.field_error(way.displacement[known], **field, norm="euclidean"),
        "coarse_field": losses.field_error(way.coarse[known], **field, norm="euclidean"),
        "lncc": losses.lncc(pair.fixed, way.warped, weight=inside),
        "smoothness": losses.smoothness(way.displacement),
        "folding": losses.folding(way.displacement),
    }


def test_each_term_is_the_loss_called_by_hand(settings, generators, judge):
    settings, batch = _weighted(settings, **{**EVERY, "vgg": 0}), _batch()
    there, _ = both_ways(*generators, batch.pair)

    found = Terms(settings, None).of_way(there, batch, seen=_seen(there), judge=judge, step=2)

    wanted = _by_hand(settings, there, judge, step=2)
    assert found.keys() == wanted.keys() == EVERY.keys() - OF_BOTH - {"vgg"}
    for name, term in wanted.items():
        assert found[name].item() == pytest.approx(term.item(), rel=1e-5), name
        assert term > 0 or name == "folding", name


def test_vggs_term_is_the_distance_of_what_is_seen(settings, generators, judge, features):
    only, batch = dict.fromkeys(EVERY, 0.0) | {"vgg": 1.0}, _batch()
    there, _ = both_ways(*generators, batch.pair)
    seen = judged(there, scale=1, voxels=16, rng=torch.Generator().manual_seed(0))

    found = Terms(_weighted(settings, **only), features).of_way(there, batch, seen=seen, judge=judge, step=0)

    assert found.keys() == {"vgg"}
    assert found["vgg"].item() == pytest.approx(losses.vgg_distance(features, *seen).item(), rel=1e-5)


def test_cycle_is_what_is_left_of_both_images(settings, generators):
    generator, reverse = generators
    batch = _batch()
    ways = both_ways(generator, reverse, batch.pair)

    found = Terms(_weighted(settings, **EVERY), None).of_both(ways, generator=generator, reverse=reverse)

    to_moving, to_fixed = returned(ways, generator=generator, reverse=reverse, passes=True)
    pair = batch.pair
    wanted = losses.cycle(pair.moving, to_moving, weight=pair.moving_inside.clamp_min(0.05))
    wanted = wanted + losses.cycle(pair.fixed, to_fixed, weight=pair.inside.clamp_min(0.05))
    assert found["cycle"].item() == pytest.approx(wanted.item(), rel=1e-5)


def test_inverse_consistency_is_the_length_of_both_fields_one_after_the_other(settings, generators):
    generator, reverse = generators
    there, back = ways = both_ways(generator, reverse, _batch().pair)

    found = Terms(_weighted(settings, **EVERY), None).of_both(ways, generator=generator, reverse=reverse)

    lengths = []
    for first, second in ((there, back), (back, there)):
        weight = first.pair.inside[:, 0].clamp_min(0.05)
        length = compose(first.displacement, second.displacement).norm(dim=1)
        lengths.append(((length * weight).sum(dim=(1, 2)) / weight.sum(dim=(1, 2))).mean())
    assert found["inverse_consistency"].item() == pytest.approx(sum(lengths).item() / 2, abs=1e-3)


def test_terms_that_are_switched_off_are_not_computed(settings, generators, judge):
    generator, reverse = generators
    settings = _weighted(settings, **dict.fromkeys(EVERY, 0.0) | {"nmi": 1.0, "smoothness": 1.0})
    batch = _batch()
    ways = both_ways(generator, reverse, batch.pair)
    terms = Terms(settings, None)

    assert terms.of_way(ways[0], batch, seen=_seen(ways[0]), judge=judge, step=0).keys() == {"nmi", "smoothness"}
    assert terms.of_both(ways, generator=generator, reverse=reverse) == {}


def test_fields_that_are_not_known_and_masks_that_do_not_count_have_no_say(settings, generators, judge):
    settings, batch = _weighted(settings, **{**EVERY, "vgg": 0}), _batch()
    there, _ = both_ways(*generators, batch.pair)
    nonsense = torch.full_like(there.pair.displacement[1], 50.0)
    other = there._replace(
        pair=there.pair._replace(
            displacement=torch.stack([there.pair.displacement[0], nonsense]),
            fixed_mask=torch.stack([1 - there.pair.fixed_mask[0], there.pair.fixed_mask[1]]),
        )
    )
    terms = Terms(settings, None)

    before, after = (terms.of_way(way, batch, seen=_seen(way), judge=judge, step=0) for way in (there, other))

    assert {name: term.item() for name, term in before.items()} == {name: term.item() for name, term in after.items()}


@pytest.mark.parametrize(("step", "temperature"), [(0, 0.1), (3, 0.02)])
def test_masks_harden_from_the_first_temperature_to_the_last(settings, generators, judge, step, temperature):
    only, batch = dict.fromkeys(EVERY, 0.0) | {"mask_supervision": 1.0}, _batch(segmented=(True, True))
    there, _ = both_ways(*generators, batch.pair)

    found = Terms(_weighted(settings, **only), None).of_way(there, batch, seen=_seen(there), judge=judge, step=step)

    pair = there.pair
    wanted = losses.mask_supervision(soft_mask(there.fused.fixed, temperature=temperature), pair.fixed_mask)
    wanted = wanted + losses.mask_supervision(soft_mask(there.fused.moving, temperature=temperature), pair.moving_mask)
    assert found["mask_supervision"].item() == pytest.approx(wanted.item() / 2, rel=1e-5)


def test_every_term_of_a_way_has_a_slope(settings, generators, judge):
    settings, batch = _weighted(settings, **{**EVERY, "vgg": 0}), _batch()
    generator, _ = generators
    there, _ = both_ways(*generators, batch.pair)
    found = Terms(settings, None).of_way(there, batch, seen=_seen(there), judge=judge, step=0)
    found.pop("folding")  # these fields do not fold

    slopes = {}
    for name, term in found.items():
        gradients = torch.autograd.grad(term, list(generator.parameters()), retain_graph=True, allow_unused=True)
        slopes[name] = math.sqrt(sum(g.square().sum().item() for g in gradients if g is not None))

    assert all(slope > 0 for slope in slopes.values()), slopes
