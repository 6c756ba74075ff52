"""One stage of a training under way, and what it leaves behind."""

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from lightning_fabric import Fabric

from sarnet import __version__
from sarnet.config import TrainingSettings
from sarnet.errors import DataError, InputError, reason_of
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
        may_differ: Collection[str],
        fabric: Fabric,
        report: Report | None,
    ) -> None:
        """Go on from the checkpoint in the stage's folder, where there is one.

        Args:
            folder: The stage's own, which :func:`claim` has made.
            state: Networks and optimisers, where they will be used.
            steps: So many in all.
            settings: Of the training.
            may_differ: Settings that this stage does not read, when it goes on; groups, or single ones with a dot.
            fabric: Which process this is.
            report: Whom to tell.

        Raises:
            WeightsError: If the checkpoint is of other networks, or of a training with other settings or by other
                files.
        """
        self._checkpoint, self._state, self._steps = folder / CHECKPOINT_FILE, state, steps
        self._name, self._settings = folder.name, settings
        if self._checkpoint.exists():
            state.load(self._checkpoint, settings=settings, may_differ=may_differ)
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


def check_claim(folder: Path, *, resume: bool) -> None:
    """Refuse a stage's folder that another training began.

    Raises:
        InputError: If it holds a checkpoint and ``resume`` was not asked for.
    """
    if is_begun(folder) and not resume:
        raise InputError(
            f"out {folder} holds the checkpoint of a training: go on with --resume, or choose another folder"
        )


def claim(folder: Path, *, resume: bool) -> None:
    """Make a stage's folder.

    Raises:
        InputError: As :func:`check_claim`.
        DataError: If it cannot be made.
    """
    check_claim(folder, resume=resume)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"out {folder} cannot be made: {reason_of(error)}; choose another folder") from error


def is_begun(folder: Path) -> bool:
    """Return whether a stage's folder holds a checkpoint."""
    return (folder / CHECKPOINT_FILE).exists()


def training_record(stage: str, settings: TrainingSettings, state: TrainingState) -> dict[str, Any]:
    """Return what a file of weights says of how it was made; not where the files lay."""
    return {
        "version": __version__,
        "stage": stage,
        "step": state.step,
        "learned_from": dict(state.learns_from),
        "start": settings.start and Path(settings.start).stem,
        "settings": settings.model_dump(mode="json", exclude={"visits", "out", "vgg", "start"}),
    }
