"""``sarnet train``."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TaskID

from sarnet.cli.console import progress_bar, say, say_note
from sarnet.config import TrainingSettings, read_settings
from sarnet.errors import MissingExtraError


def train(
    config: Annotated[Path, typer.Option(help="TOML file of training settings.")],
    override: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE: change a setting of the file; may be repeated.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint.")] = False,
) -> None:
    """Train the generator (first stage, adversarial stage), or a network to compare it with."""
    settings = read_settings(TrainingSettings, config, override or [])

    try:
        from sarnet.training import Progress  # torch takes a second: not for --help
        from sarnet.training import train as train_stages
    except ModuleNotFoundError as error:
        if error.name != "lightning_fabric":
            raise
        raise MissingExtraError.of("training needs lightning-fabric", extra="train") from error

    bar = progress_bar()
    tasks: dict[str, TaskID] = {}
    since: dict[str, tuple[int, float]] = {}

    def show(progress: Progress) -> None:
        if progress.stage not in tasks:
            since[progress.stage] = progress.step, time.monotonic()
            tasks[progress.stage] = bar.add_task(progress.stage, total=progress.steps, completed=progress.step - 1)
        bar.start()  # not before: what is wrong with the settings is said in one line
        bar.update(
            tasks[progress.stage],
            completed=progress.step,
            description=f"{progress.stage}: loss {progress.total:.3f} {progress.judgement}",
        )
        if not bar.console.is_terminal and progress.judged_step == progress.step:
            # a file shows no bar: a line for each time the validation images were asked
            first, began = since[progress.stage]
            each = (time.monotonic() - began) / max(1, progress.step - first)
            left = f"{each * (progress.steps - progress.step) / 60:.0f} min left"
            say_note(f"{progress.stage}: {progress.step} of {progress.steps} steps, {progress.judgement}, {left}")
        for alarm in progress.alarms:
            say_note(alarm)

    try:
        weights = train_stages(settings, resume=resume, report=show)
    finally:
        if bar.live.is_started:
            bar.stop()
    for path in weights:
        say(f"Weights are in {path}")
    if weights and weights[0].name == "generator.safetensors":
        say(f"Use them by sarnet register --model {weights[0]}")
