import math

import pytest
import torch

from sarnet.losses import discriminator_adversarial, generator_adversarial

SHAPES = [pytest.param((4, 1), id="an image"), pytest.param((4, 1, 5, 6), id="a patch")]


def _logits(probability, shape=(4, 1)):
    return torch.full(shape, math.log(probability / (1 - probability)), dtype=torch.float64)


@pytest.mark.parametrize("shape", SHAPES)
def test_discriminator_that_cannot_tell_is_worth_the_logarithm_of_two(shape):
    undecided = torch.zeros(shape, dtype=torch.float64)

    assert generator_adversarial(undecided).item() == pytest.approx(math.log(2))
    assert discriminator_adversarial(undecided, undecided).item() == pytest.approx(2 * math.log(2))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("real", "warped"), [(0.9, 0.2), (0.3, 0.7)])
def test_values_are_the_logarithms_of_the_probabilities(shape, real, warped):
    generator = generator_adversarial(_logits(warped, shape))
    discriminator = discriminator_adversarial(_logits(real, shape), _logits(warped, shape))

    assert generator.item() == pytest.approx(-math.log(warped))
    assert discriminator.item() == pytest.approx(-math.log(real) - math.log(1 - warped))


@pytest.mark.parametrize("probability", [0.01, 0.5, 0.99])
def test_generator_is_drawn_the_more_the_surer_the_discriminator_is(probability):
    logits = _logits(probability, (1, 1)).requires_grad_()

    generator_adversarial(logits).backward()

    assert logits.grad.item() == pytest.approx(probability - 1)


def test_discriminator_learns_from_both_kinds():
    real, warped = (_logits(probability, (1, 1)).requires_grad_() for probability in (0.8, 0.3))

    discriminator_adversarial(real, warped).backward()

    assert real.grad.item() == pytest.approx(0.8 - 1)
    assert warped.grad.item() == pytest.approx(0.3)


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_extreme_logits_have_finite_values_and_slopes(logit):
    real, warped = (torch.full((2, 1), logit, requires_grad=True) for _ in range(2))

    value = generator_adversarial(warped) + discriminator_adversarial(real, warped)
    value.backward()

    # "warped" everywhere: G is wrong, and D of the real images; "real" everywhere: D of the warped ones alone
    assert value.item() == pytest.approx(2e4 if logit < 0 else 1e4)
    assert torch.isfinite(real.grad).all()
    assert torch.isfinite(warped.grad).all()


def test_batches_of_two_sizes_count_alike():
    real, warped = _logits(0.9, (6, 1)), _logits(0.2, (2, 1))

    wanted = discriminator_adversarial(real[:2], warped)

    assert discriminator_adversarial(real, warped).item() == pytest.approx(wanted.item())


def test_gradient_agrees_with_small_steps(rng):
    real, warped = (torch.from_numpy(rng.normal(size=(3, 2))).requires_grad_() for _ in range(2))

    assert torch.autograd.gradcheck(generator_adversarial, warped)
    assert torch.autograd.gradcheck(discriminator_adversarial, (real, warped))
