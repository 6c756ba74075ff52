"""``sarnet train``."""

from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import output, progress_bar
from sarnet.config import TrainingSettings, read_settings


def train(
    config: Annotated[Path, typer.Option(help="TOML file of training settings.")],
    override: Annotated[list[str] | None, typer.Option("--set", help="KEY=VALUE, as often as needed.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
) -> None:
    """Train the generator: the paper's first stage, by known fields on X-rays."""
    settings = read_settings(TrainingSettings, config, override or [])

    from sarnet.training import Progress, train_initial  # torch takes a second: not for --help

    with progress_bar() as bar:
        task = bar.add_task("training", total=settings.steps)

        def show(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.step,
                description=f"loss {progress.total:.3f}, field error {progress.validation_error:.3f} of |u|",
            )

        weights = train_initial(settings, resume=resume, report=show)
    output.print(f"weights in {weights}", soft_wrap=True)
