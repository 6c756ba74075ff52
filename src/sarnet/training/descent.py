"""Steps down the gradient, how long they are, and one after another to the end of a stage."""

import math
from collections.abc import Callable, Mapping

import torch
from lightning_fabric import Fabric
from torch import Tensor

from sarnet.config import StageSettings, TrainingSettings
from sarnet.errors import InputError
from sarnet.training.processes import average_gradients, shared_means
from sarnet.training.run import Run


def learning_rate(step: int, *, highest: float, steps: int, warm_up_steps: int) -> float:
    """Rise over the warm-up, then fall to zero along half a cosine."""
    if step < warm_up_steps:
        return highest * (step + 1) / warm_up_steps
    done = (step - warm_up_steps) / max(1, steps - warm_up_steps)
    return highest * (1 + math.cos(math.pi * done)) / 2


def set_learning_rate(optimiser: torch.optim.Optimizer, step: int, stage: StageSettings) -> None:
    """Give every group of parameters its rate at this step, a share of its own ``highest``."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(
            step, highest=group["highest"], steps=stage.steps, warm_up_steps=stage.warm_up_steps
        )


def take_step(loss: Tensor, optimiser: torch.optim.Optimizer, *, fabric: Fabric, clip_norm: float) -> None:
    """Go down the gradient of a loss, averaged over all processes and clipped to a largest norm."""
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    optimiser.zero_grad()
    fabric.backward(loss)
    average_gradients(fabric, parameters)
    torch.nn.utils.clip_grad_norm_(parameters, clip_norm)
    optimiser.step()


def descend(
    run: Run,
    optimiser: torch.optim.Optimizer,
    *,
    stage: StageSettings,
    settings: TrainingSettings,
    fabric: Fabric,
    terms: Callable[[int], Mapping[str, Tensor]],
    judge: Callable[[], tuple[Mapping[str, float], str]],
) -> None:
    """Take the steps that are left of a stage with one optimiser.

    Args:
        run: The stage under way.
        optimiser: Of all that learns there.
        stage: Its settings.
        settings: Of the training.
        fabric: Which process this is.
        terms: From the number of a step to its objective on this process's share of the batch: ``total``, which is
            lowered, and whatever else is to be logged.
        judge: What the validation images say now: figures for the log, and in words.

    Raises:
        InputError: If a total is not finite.
    """
    while not run.is_over:
        set_learning_rate(optimiser, run.step, stage)
        found = terms(run.step)
        figures = shared_means(fabric, found)
        check_finite(figures["total"], run.step)
        take_step(found["total"], optimiser, fabric=fabric, clip_norm=settings.clip_norm)
        run.count(figures)
        if run.is_due(settings.validate_steps):
            validation, judgement = judge()
            run.write(validation, judgement=judgement)
        run.close_step(figures["total"])


def check_finite(total: float, step: int) -> None:
    """Refuse to go on from an objective that is not a number.

    Raises:
        InputError: If it is not.
    """
    if not math.isfinite(total):
        raise InputError(f"the loss is {total} at step {step}: the training diverged; lower learning_rate")
