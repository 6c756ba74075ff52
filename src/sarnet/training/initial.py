"""The paper's first stage: G alone, by the error of the known field and of the images (method, section 3)."""

import csv
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor

from sarnet.config import TrainingSettings
from sarnet.datasets import (
    TrainingPair,
    augmented_pair,
    load_images,
    read_radiographs,
    simulate_pair,
    split_by_patient,
)
from sarnet.errors import InputError
from sarnet.fields import warp
from sarnet.losses import field_error, lncc
from sarnet.networks import Features, Generator, save_generator
from sarnet.training.state import TrainingState

_OUTSIDE_WEIGHT = 0.05
"""What a voxel that shows nothing of the image still counts: enough for a smooth field, too little to guess it."""

_VALIDATION_PAIRS = 16

WEIGHTS_FILE, CHECKPOINT_FILE, LOG_FILE = "generator.safetensors", "checkpoint.pt", "log.csv"


class Terms(NamedTuple):
    """The first stage's objective, term by term."""

    total: Tensor
    field: Tensor
    coarse_field: Tensor
    image: Tensor
    lncc: Tensor


class Progress(NamedTuple):
    """Where a training stands, for whoever shows it."""

    step: int
    steps: int
    total: float
    validation_error: float
    """Mean field error of validation pairs over the mean length of their fields; NaN until first measured."""


def train_initial(
    settings: TrainingSettings, *, resume: bool = False, report: Callable[[Progress], None] | None = None
) -> Path:
    """Train a generator and write its weights.

    Writes ``checkpoint.pt``, ``log.csv`` and, at the end, ``generator.safetensors`` into ``settings.out``.

    Args:
        settings: What is trained, on what, and how.
        resume: Go on from the checkpoint in ``settings.out``, where there is one.
        report: Called after every step.

    Returns:
        The weights' path.

    Raises:
        InputError: If ``settings.out`` holds a checkpoint and ``resume`` was not asked for, or a loss is not finite.
        DataError: If the images cannot be read.
        WeightsError: If the checkpoint is of another network.
    """
    out = settings.out
    checkpoint = out / CHECKPOINT_FILE
    if checkpoint.exists() and not resume:
        raise InputError(f"out {out} holds the checkpoint of a training: go on with --resume, or choose another folder")
    split = split_by_patient(read_radiographs(settings.visits, dataset=settings.dataset), seed=settings.seed)
    images = load_images(split.train, size=settings.size)
    validation = load_images(split.validation[:_VALIDATION_PAIRS], size=settings.size)
    out.mkdir(parents=True, exist_ok=True)

    torch.manual_seed(settings.seed)  # the only chance that is not drawn from a source of its own: the first weights
    fabric = Fabric(accelerator="auto", devices=1, precision=settings.precision)
    generator = Generator(settings.generator)
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from its stubs
    generator.to(fabric.device)  # before the optimiser's state is loaded, which goes where the weights are
    optimiser = torch.optim.Adam(generator.parameters(), lr=settings.learning_rate, betas=(settings.beta1, 0.999))
    state = TrainingState(generator, optimiser)
    if checkpoint.exists():
        state.load(checkpoint)
    _forget(out / LOG_FILE, after=state.step)
    network, fabric_optimiser = fabric.setup(generator, optimiser)
    network.mark_forward_method("features")

    saved = time.monotonic()
    validation_error = math.nan
    while state.step < settings.steps:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(state.step, settings)
        drawn = training_pair(images, settings=settings, step=state.step)
        pair = TrainingPair(*(part.to(fabric.device) for part in drawn))
        fixed, moving = (part.contiguous(memory_format=torch.channels_last) for part in (pair.fixed, pair.moving))
        terms = _objective(generator, network.features(fixed, moving), pair, settings)
        total = float(terms.total.detach())
        if not math.isfinite(total):
            raise InputError(f"the loss is {total} at step {state.step}: the training diverged; lower learning_rate")
        fabric_optimiser.zero_grad()
        fabric.backward(terms.total)
        fabric.clip_gradients(network, fabric_optimiser, max_norm=settings.clip_norm)
        fabric_optimiser.step()
        state.step += 1

        last = state.step == settings.steps
        if last or state.step % settings.validate_steps == 0:
            validation_error = relative_field_error(generator, validation, settings=settings, device=fabric.device)
            _log(out / LOG_FILE, state.step, terms, validation_error)
        if last or time.monotonic() - saved > 60 * settings.checkpoint_minutes:
            state.save(checkpoint, settings=settings)
            saved = time.monotonic()
        if report is not None:
            report(Progress(state.step, settings.steps, total, validation_error))

    record = {
        "stage": "initial",
        "step": state.step,
        "settings": settings.model_dump(mode="json", exclude={"visits", "out"}),
    }
    weights = out / WEIGHTS_FILE
    save_generator(generator, weights, record=record)
    return weights


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Rise over the warm-up, then fall to zero along half a cosine."""
    if step < settings.warm_up_steps:
        return settings.learning_rate * (step + 1) / settings.warm_up_steps
    done = (step - settings.warm_up_steps) / max(1, settings.steps - settings.warm_up_steps)
    return settings.learning_rate * (1 + math.cos(math.pi * done)) / 2


def training_pair(images: Tensor, *, settings: TrainingSettings, step: int) -> TrainingPair:
    """Draw the batch of one step: the same for the same seed and step, whatever came before."""
    rng = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    chosen = torch.randint(len(images), (settings.batch,), generator=rng)
    return augmented_pair(images[chosen], augmentation=settings.augmentation, simulation=settings.simulation, rng=rng)


def relative_field_error(
    generator: Generator, images: Tensor, *, settings: TrainingSettings, device: torch.device
) -> float:
    """Mean field error over that of no registration, on pairs simulated without augmentation."""
    rng = torch.Generator().manual_seed(settings.seed)
    error = length = 0.0
    training = generator.training
    generator.eval()  # with batch normalisation: judged as it will be used, and nothing learned from these images
    with torch.inference_mode():
        for image in images:
            pair = simulate_pair(image[None], settings=settings.simulation, rng=rng)
            found = generator(pair.fixed.to(device), pair.moving.to(device)).cpu()
            error += float((found - pair.displacement).norm(dim=1).mean())
            length += float(pair.displacement.norm(dim=1).mean())
    generator.train(training)
    return error / length


def _objective(generator: Generator, features: Features, pair: TrainingPair, settings: TrainingSettings) -> Terms:
    displacement = generator.displacement(generator.controls(features))
    weight = pair.inside.clamp_min(_OUTSIDE_WEIGHT)

    field = field_error(displacement, pair.displacement, weight=weight, norm=settings.field_norm)
    coarse_displacement = generator.displacement(features.base)
    coarse = field_error(coarse_displacement, pair.displacement, weight=weight, norm=settings.field_norm)
    warped = warp(pair.moving, displacement)
    image = ((warped - pair.fixed) ** 2).mean()
    correlation = lncc(pair.fixed, warped) if settings.lncc_weight else image.new_zeros(())
    total = field + settings.coarse_weight * coarse + settings.image_weight * image + settings.lncc_weight * correlation
    return Terms(total, field, coarse, image, correlation)


def _forget(path: Path, *, after: int) -> None:
    """Drop the log's rows of steps that will be done again."""
    if path.exists():
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:1] + [row for row in lines[1:] if int(row.split(b",")[0]) <= after]))


def _log(path: Path, step: int, terms: Terms, validation_error: float) -> None:
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["step", *Terms._fields, "validation_error"])
        writer.writerow([step, *(f"{float(term.detach()):.5g}" for term in terms), f"{validation_error:.5g}"])
