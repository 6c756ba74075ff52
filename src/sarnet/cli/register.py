"""``sarnet register``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sarnet.cli.console import say_note
from sarnet.cli.words import command_line, spacing_of
from sarnet.config import RegistrationSettings, read_settings
from sarnet.errors import InputError


def register(  # noqa: PLR0917  # an option each, by name alone
    fixed: Annotated[Path, typer.Option("--fixed", "--reference", help="Image whose grid the result has.")],
    moving: Annotated[Path, typer.Option("--moving", "--floating", help="Image to be registered.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; made if it is not there.")],
    adapt: Annotated[str | None, typer.Option(help="last-layer (default) or none.")] = None,
    transform: Annotated[str | None, typer.Option(help="rigid, affine or deformable (default).")] = None,
    initial_transform: Annotated[Path | None, typer.Option(help="Transform to start from, in any format read.")] = None,
    fixed_mask: Annotated[Path | None, typer.Option(help="Where the cost is counted (non-zero), on FIXED.")] = None,
    moving_mask: Annotated[Path | None, typer.Option(help="The same on MOVING.")] = None,
    fixed_labels: Annotated[
        Path | None, typer.Option(help="For evaluation alone: never seen by the optimiser.")
    ] = None,
    moving_labels: Annotated[Path | None, typer.Option(help="The same on MOVING; warped into the results.")] = None,
    spacing: Annotated[str | None, typer.Option(help="MM[,MM]: pixel size of images that do not tell theirs.")] = None,
    model: Annotated[str | None, typer.Option(help="Released weights by name, or a .safetensors file.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of registration settings.")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with; all cores by default.")] = None,
    seed: Annotated[int | None, typer.Option(help="Kept in the record.")] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.html.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the results in a folder not empty.")] = False,
) -> None:
    """Register MOVING to FIXED and write the warped image, the transform, the record and a report."""
    chosen: dict[str, Any] = {
        "adapt": adapt,
        "transform": transform,
        "model": model,
        "threads": threads,
        "seed": seed,
    }
    settings = read_settings(
        RegistrationSettings, config, [f"{key}={value}" for key, value in chosen.items() if value is not None]
    )
    if (fixed_labels is None) != (moving_labels is None):
        raise InputError("fixed-labels and moving-labels go together, but one of them is missing")

    from sarnet.cli.pair import PairFiles, register_files  # torch takes a second: not for --help

    files = PairFiles(
        fixed=fixed,
        moving=moving,
        fixed_mask=fixed_mask,
        moving_mask=moving_mask,
        fixed_labels=fixed_labels,
        moving_labels=moving_labels,
        initial_transform=initial_transform,
        spacing=spacing_of(spacing),
    )
    registration = register_files(
        files, out, settings, report=not no_report, overwrite=overwrite, command=command_line()
    )
    for note in registration.record.notes:
        say_note(note)
