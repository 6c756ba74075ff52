import itertools

import pytest
import torch
from lightning_fabric import Fabric

from sarnet.config import StageSettings
from sarnet.errors import InputError
from sarnet.training.descent import check_finite, learning_rate, set_learning_rate, take_step


def test_learning_rate_rises_then_falls_to_zero():
    rates = [learning_rate(step, highest=2.0, steps=110, warm_up_steps=10) for step in range(111)]

    assert rates[:10] == pytest.approx([0.2 * (step + 1) for step in range(10)])
    assert rates[10] == 2.0
    assert rates[60] == pytest.approx(1.0)  # half of the cosine
    assert rates[110] == pytest.approx(0.0)
    assert all(later <= earlier for earlier, later in itertools.pairwise(rates[10:]))


def test_without_warm_up_the_first_step_has_the_highest_rate():
    assert learning_rate(0, highest=2.0, steps=10, warm_up_steps=0) == 2.0


def test_every_group_of_weights_has_a_rate_of_its_own():
    groups = [{"params": [torch.zeros(1)], "highest": highest} for highest in (2.0, 6.0)]
    optimiser = torch.optim.Adam(groups)

    set_learning_rate(optimiser, 60, StageSettings(steps=110, warm_up_steps=10))

    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([1.0, 3.0])


def test_a_step_is_that_of_the_clipped_gradient():
    place = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
    optimiser = torch.optim.SGD([place], lr=1.0)

    take_step((place**2).sum(), optimiser, fabric=Fabric(accelerator="cpu"), clip_norm=5.0)

    # the gradient is (6, 8), of norm ten, so half of it is left
    assert place.tolist() == pytest.approx([0.0, 0.0], abs=1e-5)


@pytest.mark.parametrize("total", [float("nan"), float("inf"), float("-inf")])
def test_loss_that_is_not_finite_stops_the_training(total):
    with pytest.raises(InputError, match=rf"the loss is {total} at step 7: the training diverged; lower learning_rate"):
        check_finite(total, 7)
