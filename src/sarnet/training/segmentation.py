"""Training the U-Net that the masks out of the feature maps are compared with: the same images, the same masks."""

from pathlib import Path

import torch
from torch import Tensor, nn

from sarnet.config import AdversarialSettings, SourceSettings, TrainingSettings
from sarnet.datasets import Split, check_masks, load_originals
from sarnet.errors import ConfigError
from sarnet.losses import mask_supervision
from sarnet.networks import predicted_mask, save_unet, unet
from sarnet.training.batches import PairSources, check_sources
from sarnet.training.descent import descend
from sarnet.training.processes import check_shares, make_fabric
from sarnet.training.run import Report, Run, claim, training_record
from sarnet.training.start import split_of
from sarnet.training.state import TrainingState
from sarnet.training.validation import VALIDATION_IMAGES, in_words, mean_dice

UNET_FILE = "unet.safetensors"

_UNREAD = frozenset(f"adversarial.{name}" for name in AdversarialSettings.model_fields if name != "sources")
"""Of the second stage the U-Net has the sources alone."""


def train_unet(settings: TrainingSettings, *, resume: bool = False, report: Report | None = None) -> Path:
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
        ConfigError: As :func:`check_unet`.
        DataError: If images or masks cannot be read, or do not fit each other.
        WeightsError: If the checkpoint is of another network, or of a training by other files.
        MissingExtraError: If MONAI is not installed.
    """
    stage, out = settings.unet, settings.out / "unet"
    split = split_of(settings)
    check_unet(settings, split)
    claim(out, resume=resume)
    sources = PairSources.of(split.train, settings, sources=_with_masks(settings))
    held_out = load_originals(split.validation[:VALIDATION_IMAGES], size=settings.size)

    torch.manual_seed(settings.seed)
    fabric = make_fabric(settings)
    network = unet(stage).to(fabric.device)
    optimiser = torch.optim.Adam([{"params": list(network.parameters()), "highest": stage.learning_rate}])
    state = TrainingState({"unet": network}, {"unet": optimiser}, {"visits": split.fingerprint})
    run = Run(
        out,
        state,
        steps=stage.steps,
        settings=settings,
        may_differ={"generator", "initial", "peer", "beta1", *_UNREAD},
        fabric=fabric,
        report=report,
    )

    def terms(step: int) -> dict[str, Tensor]:
        pair = sources.draw(step, process=fabric.global_rank, processes=fabric.world_size).pair
        images = torch.cat([pair.fixed, pair.moving]).to(fabric.device)
        masks = torch.cat([pair.fixed_mask, pair.moving_mask]).to(fabric.device)
        with fabric.autocast():
            logits = network(images)
        loss = mask_supervision(logits.float().sigmoid(), masks)
        return {"total": loss + nn.functional.binary_cross_entropy_with_logits(logits.float(), masks)}

    def judge() -> tuple[dict[str, float], str]:
        dice = mean_dice(lambda image: predicted_mask(network, image), held_out)
        return {"validation_mask_dice": dice}, in_words({"masks' Dice": dice})

    descend(run, optimiser, stage=stage, settings=settings, fabric=fabric, terms=terms, judge=judge)
    weights = out / UNET_FILE
    if fabric.is_global_zero:
        save_unet(network, weights, settings=stage, record=training_record("unet", settings, state))
    fabric.barrier()  # whoever goes on with them finds them whole
    return weights


def _with_masks(settings: TrainingSettings) -> tuple[SourceSettings, ...]:
    return tuple(source for source in settings.adversarial.sources if source.masks)


def check_unet(settings: TrainingSettings, split: Split) -> None:
    """Refuse settings that contradict one another or the images, before any step is done.

    Raises:
        ConfigError: If no source has masks, one cannot be drawn from or divided among the processes, or the images
            cannot be halved as often as the network does.
        DataError: If masks are missing.
        MissingExtraError: If MONAI is not installed.
    """
    if not _with_masks(settings):
        raise ConfigError("adversarial.sources names none with masks, but the U-Net learns from them: add one")
    for source in _with_masks(settings):
        check_shares(f"adversarial.sources.pairs of {source.kind}", source.pairs, devices=settings.devices)
    multiple = 2 ** (len(settings.unet.channels) - 1)
    if settings.size % multiple:
        raise ConfigError(f"size is {settings.size}, but the U-Net halves it: give a multiple of {multiple}")
    check_sources(_with_masks(settings), split.train, name="adversarial.sources")
    check_masks(split.train)
    with torch.device("meta"):  # its layers alone
        unet(settings.unet)
