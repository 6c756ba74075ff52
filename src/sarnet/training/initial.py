"""The paper's first stage: G alone, by the error of the known field and of the images (method, section 3)."""

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from sarnet.config import TrainingSettings
from sarnet.datasets import (
    TrainingPair,
    augmented_pair,
    load_images,
    load_originals,
)
from sarnet.fields import warp
from sarnet.losses import field_error, lncc
from sarnet.networks import Features, Generator, save_generator
from sarnet.training.batches import channels_last
from sarnet.training.descent import descend
from sarnet.training.processes import check_shares, make_fabric
from sarnet.training.run import WEIGHTS_FILE, Report, Run, claim, is_begun, training_record
from sarnet.training.start import check_size, split_of, start_from
from sarnet.training.state import TrainingState
from sarnet.training.validation import VALIDATION_IMAGES, validate


class InitialTerms(NamedTuple):
    """The first stage's objective, term by term, and how long the fields are that G found."""

    total: Tensor
    field: Tensor
    coarse_field: Tensor
    image: Tensor
    lncc: Tensor
    mean_voxels: Tensor


def train_initial(settings: TrainingSettings, *, resume: bool = False, report: Report | None = None) -> Path:
    """Train a generator and write its weights.

    Writes ``checkpoint.pt``, ``log.csv``, ``tensorboard/`` and, at the end, ``generator.safetensors`` into the folder
    ``initial`` of ``settings.out``.

    Args:
        settings: What is trained, on what, and how.
        resume: Go on from the checkpoint, where there is one.
        report: Called after every step.

    Returns:
        The weights' path.

    Raises:
        InputError: If the folder holds a checkpoint and ``resume`` was not asked for, or a loss is not finite.
        ConfigError: As :func:`check_initial`.
        DataError: If the images cannot be read.
        WeightsError: If the checkpoint is of another network, or of a training with other settings or by other files.
    """
    stage, out = settings.initial, settings.out / "initial"
    check_initial(settings)
    split = split_of(settings)
    claim(out, resume=resume)
    images = load_images(split.train, size=settings.size)
    held_out = load_originals(split.validation[:VALIDATION_IMAGES], size=settings.size)

    torch.manual_seed(settings.seed)  # the only chance that is not drawn from a source of its own: the first weights
    fabric = make_fabric(settings)
    generator = Generator(settings.generator)
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from its stubs
    if settings.start is not None and not is_begun(out):
        start_from(generator, settings.start)
    generator.to(fabric.device)  # before the optimiser's state is loaded, which goes where the weights are
    optimiser = torch.optim.Adam(
        [{"params": list(generator.parameters()), "highest": stage.learning_rate}], betas=(settings.beta1, 0.999)
    )
    state = TrainingState({"generator": generator}, {"generator": optimiser}, {"visits": split.fingerprint})
    run = Run(
        out,
        state,
        steps=stage.steps,
        settings=settings,
        may_differ={"adversarial", "unet", "peer"},
        fabric=fabric,
        report=report,
    )

    def terms(step: int) -> dict[str, Tensor]:
        drawn = training_pair(images, settings=settings, step=step)
        share = slice(fabric.global_rank, None, fabric.world_size)
        pair = TrainingPair(*(part[share].to(fabric.device) for part in drawn))
        with fabric.autocast():
            features = generator.features(channels_last(pair.fixed), channels_last(pair.moving))
            return _objective(generator, features, pair, settings)._asdict()

    def judge() -> tuple[dict[str, float], str]:
        validation = validate(generator, held_out, settings=settings)
        return validation.figures(), str(validation)

    descend(run, optimiser, stage=stage, settings=settings, fabric=fabric, terms=terms, judge=judge)
    weights = out / WEIGHTS_FILE
    if fabric.is_global_zero:
        save_generator(generator, weights, record=training_record("initial", settings, state))
    fabric.barrier()  # whoever goes on with them finds them whole
    return weights


def check_initial(settings: TrainingSettings) -> None:
    """Refuse settings that contradict one another before anything is read.

    Raises:
        ConfigError: If the batch cannot be divided among the processes, or the images are not of a size that the
            network takes.
    """
    check_shares("initial.batch", settings.initial.batch, devices=settings.devices)
    check_size(settings)


def training_pair(images: Tensor, *, settings: TrainingSettings, step: int) -> TrainingPair:
    """Draw the batch of one step: the same for the same seed and step, whatever came before."""
    rng = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
    chosen = torch.randint(len(images), (settings.initial.batch,), generator=rng)
    return augmented_pair(
        images[chosen], augmentation=settings.initial.augmentation, simulation=settings.simulation, rng=rng
    )


def _objective(
    generator: Generator, features: Features, pair: TrainingPair, settings: TrainingSettings
) -> InitialTerms:
    stage = settings.initial
    displacement = generator.displacement(generator.controls(features))
    field = field_error(displacement, pair.displacement, weight=pair.weight, norm=stage.field_norm)
    coarse = field.new_zeros(())
    if settings.generator.trunk == "matching":  # the only one whose base field is not zero
        coarse_displacement = generator.displacement(features.base)
        coarse = field_error(coarse_displacement, pair.displacement, weight=pair.weight, norm=stage.field_norm)
    warped = warp(pair.moving, displacement)
    image = ((warped - pair.fixed) ** 2).mean()
    correlation = lncc(pair.fixed, warped) if stage.lncc_weight else image.new_zeros(())
    total = field + stage.coarse_weight * coarse + stage.image_weight * image + stage.lncc_weight * correlation
    mean_voxels = displacement.detach().norm(dim=1).mean()
    return InitialTerms(total, field, coarse, image, correlation, mean_voxels)
