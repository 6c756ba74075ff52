import math

import pytest
import torch
from scipy import ndimage

from sarnet.datasets import Original, simulate_pair
from sarnet.networks import Generator, hard_mask
from sarnet.training import validate
from sarnet.training.validation import Validation, mean_dice


@pytest.fixture
def held_out(rng):
    images = torch.from_numpy(ndimage.gaussian_filter(rng.normal(size=(3, 1, 32, 32)), [0, 0, 2, 2])).float()
    images = (images - images.amin()) / (images.amax() - images.amin())
    return Original(images, (images > images.median()).float())


def _generator(settings, **change):
    torch.manual_seed(0)
    return Generator(settings.generator.model_copy(update=change))


def _still(generator):
    """The same generator, whose field is the identity."""
    torch.nn.init.zeros_(generator.last.weight)
    torch.nn.init.zeros_(generator.trunk.coarse_field.weight)
    return generator


def _dice(first, second):
    return (2 * (first * second).sum() / (first.sum() + second.sum())).item()


def test_no_registration_is_worth_what_it_is_worth(settings, held_out):
    validation = validate(_still(_generator(settings)), held_out, settings=settings)

    masks = held_out.mask
    assert validation.field_error == pytest.approx(1)
    assert validation.inverse_consistency == 0
    assert validation.folding_percent == 0
    assert validation.pair_dice == pytest.approx(
        sum(_dice(masks[place], masks[(place + 1) % 3]) for place in range(3)) / 3, abs=1e-6
    )


def test_translation_the_same_both_ways_misses_its_own_inverse_by_twice_its_length(settings, held_out):
    generator = _still(_generator(settings))
    with torch.no_grad():
        generator.last.bias.copy_(torch.tensor([1.5, 2.0]))  # of the trunk's grid, which is half as fine

    validation = validate(generator, held_out, settings=settings)

    assert validation.inverse_consistency == pytest.approx(2 * 5, rel=1e-4)


def test_field_error_is_relative_to_the_known_fields(settings, held_out):
    generator = _generator(settings)
    torch.nn.init.normal_(generator.last.weight, std=0.1)

    validation = validate(generator, held_out, settings=settings)

    rng = torch.Generator().manual_seed(settings.seed)
    pairs = [simulate_pair(image[None], settings=settings.simulation, rng=rng) for image in held_out.image]
    generator.eval()
    errors = [(generator(pair.fixed, pair.moving) - pair.displacement).norm(dim=1).mean() for pair in pairs]
    lengths = [pair.displacement.norm(dim=1).mean() for pair in pairs]
    assert validation.field_error == pytest.approx((sum(errors) / sum(lengths)).item(), rel=1e-4)


def test_masks_are_the_fused_maps_of_the_fixed_images_cut_hard(settings, held_out):
    generator = _generator(settings)

    validation = validate(generator, held_out, settings=settings)

    generator.eval()
    found = []
    for place in range(3):
        images = held_out.image[place, None], held_out.image[(place + 1) % 3, None]
        fused = generator.fused_maps(generator.features(*images)).fixed
        found.append(_dice(hard_mask(fused), held_out.mask[place, None]))
    assert validation.mask_dice == pytest.approx(sum(found) / 3, abs=1e-3)


def test_generator_without_masks_has_none_to_judge(settings, held_out):
    validation = validate(_generator(settings, segments=False), held_out, settings=settings)

    assert math.isnan(validation.mask_dice)
    assert "masks" not in str(validation)


def test_validation_images_leave_batch_statistics_and_mode_alone(settings, held_out):
    generator = _generator(settings, normalisation="batch")
    before = {name: value.clone() for name, value in generator.state_dict().items()}

    validate(generator, held_out, settings=settings)

    after = generator.state_dict()
    assert generator.training
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_words_and_figures_say_the_same():
    validation = Validation(
        field_error=0.25, inverse_consistency=1.5, folding_percent=0.1, pair_dice=0.75, mask_dice=0.875
    )

    assert str(validation) == "field error 0.250 of |u|, pairs' Dice 0.750, masks' Dice 0.875"
    assert validation.figures()["validation_inverse_consistency"] == 1.5


def test_mean_dice_is_that_of_each_image(held_out):
    thresholds = iter([0.3, 0.5, 0.7])
    found = [(image > level).float() for image, level in zip(held_out.image, (0.3, 0.5, 0.7), strict=True)]

    mean = mean_dice(lambda image: (image > next(thresholds)).float(), held_out)

    assert mean == pytest.approx(sum(map(_dice, found, held_out.mask)) / 3)


def test_images_without_a_mask_do_not_count_as_empty_masks(settings, held_out):
    """Of three images one has none: the one pair that is left, and the two masks, are judged."""
    without = Original(held_out.image, held_out.mask * torch.tensor([1.0, 1.0, 0.0])[:, None, None, None])
    generator = _generator(settings)
    with torch.no_grad():
        for parameter in generator.last.parameters():
            parameter.zero_()

    validation = validate(generator, without, settings=settings)

    assert validation.pair_dice == pytest.approx(_dice(held_out.mask[1, None], held_out.mask[0, None]), abs=0.05)
    assert mean_dice(lambda image: held_out.mask[(held_out.image == image).flatten(1).all(1)], without) == 1
    nobody = Original(held_out.image, torch.zeros_like(held_out.mask))
    assert math.isnan(validate(generator, nobody, settings=settings).pair_dice)


def test_single_image_is_no_pair(settings, held_out):
    validation = validate(_generator(settings), Original(*(each[:1] for each in held_out)), settings=settings)

    assert math.isnan(validation.pair_dice)
    assert math.isnan(validation.inverse_consistency)
    assert "pairs" not in str(validation)
