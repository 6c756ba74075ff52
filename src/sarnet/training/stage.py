"""What both stages of training, and the U-Net's, have in common."""

import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning_fabric import Fabric
from torch import Tensor

from sarnet import __version__
from sarnet.config import StageSettings, TrainingSettings
from sarnet.errors import ConfigError, InputError
from sarnet.training.alarms import alarms
from sarnet.training.log import Log
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
    judged_step: int = 0
    """When they were last asked."""
    alarms: tuple[str, ...] = ()
    """What looks wrong, a sentence each, at the step where it was found."""


Report = Callable[[Progress], None]
"""Called after every step."""


class Run:
    """One stage under way: counts its steps, writes its log and checkpoints, and tells how it goes.

    Of several processes the first alone writes and tells.
    """

    def __init__(
        self,
        folder: Path,
        state: TrainingState,
        *,
        steps: int,
        settings: TrainingSettings,
        other_stages: Collection[str],
        fabric: Fabric,
        report: Report | None,
    ) -> None:
        """Go on from the checkpoint in the stage's folder, where there is one.

        Args:
            folder: The stage's own, which :func:`claim` has made.
            state: Networks and optimisers, where they will be used.
            steps: So many in all.
            settings: Of the training.
            other_stages: Their names: what their settings are does not matter to this one.
            fabric: Which process this is.
            report: Whom to tell.

        Raises:
            WeightsError: If the checkpoint is of other networks, or of a training with other settings or by other
                files.
        """
        self._checkpoint, self._state, self._steps = folder / CHECKPOINT_FILE, state, steps
        self._name, self._settings = folder.name, settings
        if self._checkpoint.exists():
            state.load(self._checkpoint, settings=settings, free=other_stages)
        self._is_first = fabric.is_global_zero
        self._log = Log(folder, after=state.step) if self._is_first else None
        self._report = report
        self._saved = time.monotonic()
        self._judgement, self._judged_step, self._alarms = "", 0, tuple[str, ...]()

    @property
    def step(self) -> int:
        """Number of steps done, which is also the number of the one under way, from zero."""
        return self._state.step

    @property
    def is_over(self) -> bool:
        """Whether all steps are done."""
        return self.step == self._steps

    def count(self, figures: Mapping[str, float]) -> None:
        """A step was done, with these figures of the whole batch."""
        self._state.count(figures)
        self._alarms = ()

    def is_due(self, every: int) -> bool:
        """Return whether it is time for what is done every so many steps, and after the last."""
        return self.is_over or self.step % every == 0

    def write(self, validation: Mapping[str, float], *, judgement: str) -> None:
        """Log the steps' figures, means since the row before, and what the validation images said."""
        self._judgement, self._judged_step = judgement, self.step
        figures = self._state.take_means() | dict(validation)
        if self._log is not None:
            self._log.write(self.step, figures)
            self._alarms = alarms(self._log.rows)

    def close_step(self, total: float) -> None:
        """Write a checkpoint where minutes have gone by or the end is reached, and tell how it goes.

        Args:
            total: The objective at this step, of the whole batch.
        """
        if not self._is_first:
            return
        if self.is_over or time.monotonic() - self._saved > 60 * self._settings.checkpoint_minutes:
            self._state.save(self._checkpoint, settings=self._settings)
            self._saved = time.monotonic()
        if self._report is not None:
            self._report(
                Progress(
                    stage=self._name,
                    step=self.step,
                    steps=self._steps,
                    total=total,
                    judgement=self._judgement,
                    judged_step=self._judged_step,
                    alarms=self._alarms,
                )
            )


def claim(folder: Path, *, resume: bool) -> None:
    """Make a stage's folder.

    Raises:
        InputError: If it holds a checkpoint and ``resume`` was not asked for.
    """
    if (folder / CHECKPOINT_FILE).exists() and not resume:
        raise InputError(
            f"out {folder} holds the checkpoint of a training: go on with --resume, or choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)


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
