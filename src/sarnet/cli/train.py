"""``sarnet train``."""

from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import progress_bar, say
from sarnet.config import TrainingSettings, read_settings
from sarnet.errors import MissingExtraError


def train(
    config: Annotated[Path, typer.Option(help="TOML file of training settings.")],
    override: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE: change a setting of the file; may be repeated.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
) -> None:
    """Train a network on X-rays that were deformed by known fields (the paper's first stage)."""
    settings = read_settings(TrainingSettings, config, override or [])

    try:
        from sarnet.training import Progress, train_initial  # torch takes a second: not for --help
    except ModuleNotFoundError as error:
        if error.name != "lightning_fabric":
            raise
        raise MissingExtraError(
            "training needs lightning-fabric, but it is missing: pip install 'sarnet[train]'"
        ) from error

    bar = progress_bar()
    task = bar.add_task("training", total=settings.steps)

    def show(progress: Progress) -> None:
        bar.start()  # not before: what is wrong with the settings is said in one line
        bar.update(
            task,
            completed=progress.step,
            description=f"loss {progress.total:.3f}, field error {progress.validation_error:.3f} of |u|",
        )

    try:
        weights = train_initial(settings, resume=resume, report=show)
    finally:
        if bar.live.is_started:
            bar.stop()
    say(f"Weights are in {weights}; use them by sarnet register --model {weights}")
