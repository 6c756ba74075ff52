"""``sarnet demo``."""

from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.words import command_line
from sarnet.config import RegistrationSettings


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo-output"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in a folder not empty.")] = False,
) -> None:
    """Register the packaged pair of brains (Colin27 to the MNI template) by weights that have only seen X-rays."""
    from sarnet.cli.pair import PairFiles, register_files  # torch takes a second: not for --help
    from sarnet.images import sample_files

    with sample_files() as files:
        register_files(
            PairFiles(**files._asdict()),
            out,
            RegistrationSettings(),
            report=True,
            overwrite=overwrite,
            command=command_line(),
        )
