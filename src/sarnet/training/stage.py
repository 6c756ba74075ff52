"""What both stages of training, and the U-Net's, have in common."""

import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor

from sarnet import __version__
from sarnet.config import TrainingSettings
from sarnet.errors import ConfigError, InputError
from sarnet.training.state import TrainingState

CHECKPOINT_FILE, WEIGHTS_FILE = "checkpoint.pt", "generator.safetensors"


class Progress(NamedTuple):
    """Where a training stands, for whoever shows it."""

    stage: str
    step: int
    steps: int
    total: float
    """The objective at this step, of the whole batch."""
    judgement: str
    """What the validation images said last, in words; empty before they were first asked."""
    alarms: tuple[str, ...] = ()
    """What looks wrong, a sentence each, at the step where it was found."""


class Checkpoints:
    """Writes a stage's checkpoint whenever so many minutes have gone by."""

    def __init__(self, folder: Path, state: TrainingState, *, settings: TrainingSettings, writes: bool = True) -> None:
        """Count from now; of several processes only one ``writes``."""
        self._path = folder / CHECKPOINT_FILE
        self._state, self._settings, self._writes = state, settings, writes
        self._saved = time.monotonic()

    def due(self, *, last: bool) -> None:
        """Write one if it is time, or if this step was the last."""
        if self._writes and (last or time.monotonic() - self._saved > 60 * self._settings.checkpoint_minutes):
            self._state.save(self._path, settings=self._settings)
            self._saved = time.monotonic()


def claim(folder: Path, *, resume: bool) -> Path | None:
    """Make a stage's folder, and return the checkpoint to go on from, if there is one.

    Raises:
        InputError: If there is one and ``resume`` was not asked for.
    """
    checkpoint = folder / CHECKPOINT_FILE
    if checkpoint.exists() and not resume:
        raise InputError(
            f"out {folder} holds the checkpoint of a training: go on with --resume, or choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return checkpoint if checkpoint.exists() else None


def make_fabric(settings: TrainingSettings) -> Fabric:
    """Return Lightning Fabric on the devices and in the arithmetic that the settings name, launched."""
    precision = settings.precision
    if precision == "auto":
        precision = "bf16-mixed" if _computes_in_bfloat16() else "32-true"
    strategy = "auto" if settings.devices == 1 else "ddp"
    fabric = Fabric(accelerator="auto", devices=settings.devices, strategy=strategy, precision=precision)
    fabric.launch()
    return fabric


def is_first_process() -> bool:
    """Return whether this is the only process, or the first of several: the one that writes and reports."""
    several = torch.distributed.is_available() and torch.distributed.is_initialized()
    return not several or torch.distributed.get_rank() == 0


def check_shares(name: str, pairs: int, *, devices: int) -> None:
    """Refuse a batch of which the processes would have unequal shares: the mean over them would not be its mean.

    Raises:
        ConfigError: If the number of pairs is no multiple of that of the devices.
    """
    if pairs % devices:
        raise ConfigError(f"{name} is {pairs}, but {devices} devices share them: give a multiple")


def learning_rate(step: int, *, highest: float, steps: int, warm_up_steps: int) -> float:
    """Rise over the warm-up, then fall to zero along half a cosine."""
    if step < warm_up_steps:
        return highest * (step + 1) / warm_up_steps
    done = (step - warm_up_steps) / max(1, steps - warm_up_steps)
    return highest * (1 + math.cos(math.pi * done)) / 2


def set_learning_rate(optimiser: torch.optim.Optimizer, step: int, *, steps: int, warm_up_steps: int) -> None:
    """Give every group of parameters its rate at this step, a share of its own ``highest``."""
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(step, highest=group["highest"], steps=steps, warm_up_steps=warm_up_steps)


def check_finite(total: float, step: int) -> None:
    """Refuse to go on from an objective that is not a number.

    Raises:
        InputError: If it is not.
    """
    if not math.isfinite(total):
        raise InputError(f"the loss is {total} at step {step}: the training diverged; lower learning_rate")


def average_gradients(fabric: Fabric, parameters: Iterable[torch.nn.Parameter]) -> None:
    """Replace each gradient by its mean over all processes: one message for all of them."""
    if fabric.world_size == 1:
        return
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    averaged = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(averaged, Tensor)
    parts = torch.split(averaged, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def shared_means(fabric: Fabric, figures: Mapping[str, Tensor]) -> dict[str, float]:
    """Return each figure's mean over all processes: one message for all of them."""
    averaged = fabric.all_reduce(torch.stack([figure.detach().float() for figure in figures.values()]))
    assert isinstance(averaged, Tensor)
    return dict(zip(figures, averaged.tolist(), strict=True))


def training_record(stage: str, step: int, settings: TrainingSettings) -> dict[str, Any]:
    """Return what a file of weights says of how it was made; not where the files lay."""
    return {
        "version": __version__,
        "stage": stage,
        "step": step,
        "start": settings.start and Path(settings.start).stem,
        "settings": settings.model_dump(mode="json", exclude={"visits", "out", "vgg", "start"}),
    }


def channels_last(image: Tensor) -> Tensor:
    """The order in memory in which convolutions are fastest."""
    return image.contiguous(memory_format=torch.channels_last)


def _computes_in_bfloat16() -> bool:
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported())
    # emulated, it takes ten times as long as float32; older torch cannot tell what the processor has
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
