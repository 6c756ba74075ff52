"""``sarnet demo``."""

from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say
from sarnet.cli.words import command_line
from sarnet.config import RegistrationSettings


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("demo-output"),
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Allow a folder that is not empty, and replace files of the same names.")
    ] = False,
) -> None:
    """Register the packaged brain slices, Colin 27 to the MNI template, with a network that has only seen X-rays."""
    say("Registering the packaged brain slices, Colin 27 (moving) to the MNI template (fixed).")
    say("The network was trained on chest X-rays alone; its last layer and then the field are fitted to this pair.")

    from sarnet.cli.pair import register_files  # torch takes a second: not for --help
    from sarnet.images import sample_files
    from sarnet.registration import PairFiles

    with sample_files() as files:
        register_files(
            PairFiles(**files._asdict()),
            out,
            RegistrationSettings(),
            report=True,
            overwrite=overwrite,
            command=command_line(),
        )
