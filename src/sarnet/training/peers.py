"""Training the networks that this package's is compared with, each by its own loss, on pairs drawn alike."""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from sarnet.config import PeerSettings, TrainingSettings
from sarnet.datasets import (
    AlignedOriginals,
    Original,
    Split,
    TrainingPair,
    load_originals,
)
from sarnet.errors import ConfigError
from sarnet.fields import warp
from sarnet.losses import field_error
from sarnet.metrics import mask_dice
from sarnet.networks import FlowNet, Peer, VoxelMorph, peer_network, save_peer, voxelmorph_loss
from sarnet.training.batches import PairSources, check_sources
from sarnet.training.descent import descend
from sarnet.training.processes import check_shares, make_fabric
from sarnet.training.run import Report, Run, claim, training_record
from sarnet.training.start import split_of
from sarnet.training.state import TrainingState
from sarnet.training.validation import VALIDATION_IMAGES, in_words, mean_or_nan, relative_field_error

_FLOWNET_WEIGHTS = (0.32, 0.08, 0.02, 0.01, 0.005)
"""Of the field's error at each resolution, coarsest first; the authors'."""


def train_peer(settings: TrainingSettings, *, resume: bool = False, report: Report | None = None) -> Path:
    """Train a peer and write its weights.

    Writes ``checkpoint.pt``, ``log.csv`` and, at the end, ``<kind>.safetensors`` into the folder ``peer`` of
    ``settings.out``.

    Args:
        settings: What is trained, on what, and how.
        resume: Go on where an earlier call stopped.
        report: Called after every step.

    Returns:
        The weights' path.

    Raises:
        InputError: If the folder holds a checkpoint and ``resume`` was not asked for, or a loss is not finite.
        ConfigError: As :func:`check_peer`.
        DataError: If images or masks cannot be read, or do not fit each other.
        WeightsError: If the checkpoint is of another network, or of a training by other files.
        MissingExtraError: If the network's package is not installed.
    """
    stage, out = settings.peer, settings.out / "peer"
    split = split_of(settings)
    check_peer(settings, split)
    claim(out, resume=resume)
    torch.manual_seed(settings.seed)
    network = peer_network(stage.network)
    sources = PairSources.of(split.train, settings, sources=stage.sources)
    held_out = load_originals(split.validation[:VALIDATION_IMAGES], size=settings.size)
    neighbours = _neighbours(held_out, are_aligned=any(source.aligned for source in stage.sources))

    fabric = make_fabric(settings)
    network.to(fabric.device)
    optimiser = torch.optim.Adam([{"params": list(network.parameters()), "highest": stage.learning_rate}])
    state = TrainingState({"peer": network}, {"peer": optimiser}, {"visits": split.fingerprint})
    run = Run(
        out,
        state,
        steps=stage.steps,
        settings=settings,
        may_differ={"generator", "initial", "adversarial", "unet", "beta1"},
        fabric=fabric,
        report=report,
    )

    def terms(step: int) -> dict[str, Tensor]:
        drawn = sources.draw(step, process=fabric.global_rank, processes=fabric.world_size).pair
        with fabric.autocast():
            return {"total": peer_loss(network, TrainingPair(*(part.to(fabric.device) for part in drawn)), stage)}

    def judge() -> tuple[dict[str, float], str]:
        error, dice = _validate(network, held_out, neighbours, settings)
        figures = {"validation_field_error": error, "validation_pair_dice": dice}
        return figures, in_words({"field error": error, "pairs' Dice": dice})

    descend(run, optimiser, stage=stage, settings=settings, fabric=fabric, terms=terms, judge=judge)
    weights = out / f"{stage.network.kind}.safetensors"
    if fabric.is_global_zero:
        save_peer(network, weights, settings=stage.network, record=training_record("peer", settings, state))
    fabric.barrier()  # whoever goes on with them finds them whole
    return weights


def peer_loss(network: Peer, pair: TrainingPair, stage: PeerSettings) -> Tensor:
    """Return what a network is trained by.

    VoxelMorph: its package's. FlowNet: the field's error at every resolution. DIR-Net: correlation of the whole images.
    """
    if isinstance(network, VoxelMorph):
        displacement = network(pair.fixed, pair.moving)
        warped = network.warped(pair.moving, displacement)
        return voxelmorph_loss(pair.fixed, warped, displacement, smoothness=stage.smoothness)
    if isinstance(network, FlowNet):
        return _flownet_loss(network.pyramid(pair.fixed, pair.moving), pair)
    warped = warp(pair.moving, network(pair.fixed, pair.moving))
    return 1 - _correlation(pair.fixed, warped)


def _flownet_loss(fields: list[Tensor], pair: TrainingPair) -> Tensor:
    """The endpoint error at every resolution, in voxels of the images."""
    total = pair.fixed.new_zeros(())
    for field, weight in zip(fields, _FLOWNET_WEIGHTS, strict=True):
        size = field.shape[2], field.shape[3]
        known, inside = (F.adaptive_avg_pool2d(each, size) for each in (pair.displacement, pair.weight))
        total = total + weight * field_error(field, known, weight=inside, norm="euclidean")
    return total


def _correlation(first: Tensor, second: Tensor) -> Tensor:
    """Normalised cross-correlation of whole images, the mean over the batch."""
    pair = torch.stack([first.float(), second.float()]).flatten(2)
    centred = F.normalize(pair - pair.mean(dim=2, keepdim=True), dim=2)
    return (centred[0] * centred[1]).sum(dim=1).mean()


def _neighbours(held_out: Original, *, are_aligned: bool) -> list[tuple[Original, Original]]:
    """Each image and the next, brought onto it where the network learns from such pairs; of one image none."""
    if len(held_out.image) == 1:
        return []
    count, aligned = len(held_out.image), AlignedOriginals(held_out)
    single = [Original(*(each[place, None] for each in held_out)) for place in range(count)]
    following = [(place + 1) % count for place in range(count)]
    others = [
        aligned.moved(other, onto=place) if are_aligned else single[other] for place, other in enumerate(following)
    ]
    return list(zip(single, others, strict=True))


def _validate(
    network: Peer, held_out: Original, neighbours: list[tuple[Original, Original]], settings: TrainingSettings
) -> tuple[float, float]:
    """Field error of simulated pairs over the field's length, and lung Dice of different images."""
    device = next(network.parameters()).device
    network.eval()
    overlap = []
    with torch.inference_mode():
        error = relative_field_error(network, held_out, settings=settings, device=device)
        for fixed, moving in neighbours:
            found = network(fixed.image.to(device), moving.image.to(device)).cpu()
            if fixed.mask.any() and moving.mask.any():
                overlap.append(mask_dice(fixed.mask > 0, warp(moving.mask, found) >= 0.5))
    network.train()
    return error, mean_or_nan(overlap)


def check_peer(settings: TrainingSettings, split: Split) -> None:
    """Refuse settings that contradict one another or the images, before any step is done.

    Raises:
        ConfigError: If a source does not suit the network, cannot be drawn from or divided among the processes, or the
            images are not of a size that the network can halve.
        MissingExtraError: If the network's package is not installed.
    """
    stage = settings.peer
    multiple = peer_network(stage.network).multiple
    for source in stage.sources:
        check_shares(f"peer.sources.pairs of {source.kind}", source.pairs, devices=settings.devices)
    if stage.network.kind == "flownet" and any(source.kind != "simulated" for source in stage.sources):
        raise ConfigError("peer.sources has pairs without a known field, but flownet learns by it: name simulated ones")
    if settings.size % multiple:
        raise ConfigError(f"size is {settings.size}, but {stage.network.kind} halves it: give a multiple of {multiple}")
    check_sources(stage.sources, split.train, name="peer.sources")
