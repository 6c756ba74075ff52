"""Training the U-Net that the masks out of the feature maps are compared with: the same images, the same masks."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

from sarnet.config import SourceSettings, TrainingSettings, UnetSettings
from sarnet.datasets import load_originals, read_radiographs, split_by_patient
from sarnet.errors import ConfigError, WeightsError
from sarnet.losses import mask_supervision
from sarnet.networks import unet
from sarnet.training.batches import PairSources
from sarnet.training.log import Log
from sarnet.training.stage import (
    Checkpoints,
    Progress,
    average_gradients,
    check_finite,
    check_shares,
    claim,
    make_fabric,
    set_learning_rate,
    shared_means,
)
from sarnet.training.state import TrainingState
from sarnet.training.validation import VALIDATION_PAIRS, mean_dice

UNET_FILE = "unet.safetensors"


def train_unet(
    settings: TrainingSettings, *, resume: bool = False, report: Callable[[Progress], None] | None = None
) -> Path:
    """Train a U-Net on the masks of the images that the second stage's mask terms count for, and write its weights.

    Writes ``checkpoint.pt``, ``log.csv`` and, at the end, ``unet.safetensors`` into the folder ``unet`` of
    ``settings.out``. It sees both images of every pair that has masks, so that the generator's masks and these have
    learned from the same.

    Args:
        settings: What is trained, on what, and how.
        resume: Go on from the checkpoint, where there is one.
        report: Called after every step.

    Returns:
        The weights' path.

    Raises:
        InputError: If the folder holds a checkpoint and ``resume`` was not asked for, or a loss is not finite.
        ConfigError: If no source has masks, one cannot be divided among the processes, or the images cannot be halved
            as often as the network does.
        DataError: If images or masks cannot be read, or do not fit each other.
        WeightsError: If the checkpoint is of another network.
        MissingExtraError: If MONAI is not installed.
    """
    stage, out = settings.unet, settings.out / "unet"
    _check(settings)
    split = split_by_patient(read_radiographs(settings.visits, dataset=settings.dataset), seed=settings.seed)
    checkpoint = claim(out, resume=resume)
    sources = PairSources(
        load_originals(split.train, size=settings.size),
        split.train,
        sources=_with_masks(settings),
        simulation=settings.simulation,
        seed=settings.seed,
    )
    held_out = load_originals(split.validation[:VALIDATION_PAIRS], size=settings.size)

    torch.manual_seed(settings.seed)
    fabric = make_fabric(settings)
    network = unet(stage).to(fabric.device)
    optimiser = torch.optim.Adam([{"params": list(network.parameters()), "highest": stage.learning_rate}])
    state = TrainingState({"unet": network}, {"unet": optimiser})
    if checkpoint is not None:
        state.load(checkpoint, settings=settings, free={"generator", "initial"})
    checkpoints = Checkpoints(out, state, settings=settings, writes=fabric.is_global_zero)
    log = Log(out, after=state.step) if fabric.is_global_zero else None

    judgement = ""
    while state.step < stage.steps:
        set_learning_rate(optimiser, state.step, steps=stage.steps, warm_up_steps=stage.warm_up_steps)
        pair = sources.draw(state.step, process=fabric.global_rank, processes=fabric.world_size).pair
        images = torch.cat([pair.fixed, pair.moving]).to(fabric.device)
        masks = torch.cat([pair.fixed_mask, pair.moving_mask]).to(fabric.device)
        with fabric.autocast():
            logits = network(images)
        loss = mask_supervision(logits.float().sigmoid(), masks)
        loss = loss + nn.functional.binary_cross_entropy_with_logits(logits.float(), masks)
        total = shared_means(fabric, {"total": loss})["total"]
        check_finite(total, state.step)
        optimiser.zero_grad()
        fabric.backward(loss)
        average_gradients(fabric, network.parameters())
        nn.utils.clip_grad_norm_(network.parameters(), settings.clip_norm)
        optimiser.step()
        state.step += 1

        last = state.step == stage.steps
        if last or state.step % settings.validate_steps == 0:
            dice = mean_dice(lambda image: predicted_mask(network, image), held_out)
            judgement = f"masks' Dice {dice:.3f}"
            if log is not None:
                log.write(state.step, {"total": total, "validation_mask_dice": dice})
        checkpoints.due(last=last)
        if report is not None and fabric.is_global_zero:
            report(Progress("unet", state.step, stage.steps, total, judgement))

    weights = out / UNET_FILE
    if fabric.is_global_zero:
        tensors = {name: value.detach().contiguous().cpu() for name, value in network.state_dict().items()}
        weights.write_bytes(save(tensors, metadata={"unet": stage.model_dump_json()}))
    return weights


def load_unet(path: Path) -> nn.Module:
    """Load the weights that :func:`train_unet` wrote.

    Raises:
        WeightsError: If the file holds something else.
        MissingExtraError: If MONAI is not installed.
    """
    try:
        with safe_open(path, framework="pt") as file:
            settings = UnetSettings.model_validate(json.loads((file.metadata() or {})["unet"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
        network = unet(settings)
        network.load_state_dict(tensors)
    except (OSError, LookupError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{path} holds no weights of a U-Net that 'sarnet train' wrote: {error}") from error
    return network.eval().requires_grad_(False)


def predicted_mask(network: nn.Module, image: torch.Tensor) -> torch.Tensor:
    """Return the mask that a U-Net sees in an image (batch, 1, y, x) in [0, 1]: 1 where its logit is positive."""
    training = network.training
    network.eval()
    with torch.inference_mode():
        mask: torch.Tensor = (network(image.to(next(network.parameters()).device)) > 0).float().cpu()
    network.train(training)
    return mask


def _with_masks(settings: TrainingSettings) -> tuple[SourceSettings, ...]:
    return tuple(source for source in settings.adversarial.sources if source.masks)


def _check(settings: TrainingSettings) -> None:
    """Refuse settings that contradict one another before anything is read."""
    if not _with_masks(settings):
        raise ConfigError("adversarial.sources names none with masks, but the U-Net learns from them: add one")
    for source in _with_masks(settings):
        check_shares(f"adversarial.sources.pairs of {source.kind}", source.pairs, devices=settings.devices)
    multiple = 2 ** (len(settings.unet.channels) - 1)
    if settings.size % multiple:
        raise ConfigError(f"size is {settings.size}, but the U-Net halves it: give a multiple of {multiple}")
