"""``sarnet data``: prepare, split, simulate, show."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sarnet.cli.console import progress_bar, say, say_note
from sarnet.config import parse_overrides
from sarnet.errors import InputError

if TYPE_CHECKING:
    from sarnet.curation import Prepared

SOME_LEFT_OUT = 3
"""Exit code where the work is done, but for some of many inputs, and ``--strict`` was asked for."""

_SHOWN = 10

data = typer.Typer(
    help="Prepare images for training and benchmarks: any archive to one layout, splits, simulated pairs, a look.",
    no_args_is_help=True,
)

_PREPARED_HELP = "Prepared data: its folder or its manifest.csv."


@data.command()
def prepare(
    source: Annotated[str, typer.Argument(help="Name of the archive or layout; a wrong one lists them all.")],
    folder: Annotated[
        Path | None, typer.Argument(help="Where it lies; for csv and learn2reg the file will do.")
    ] = None,
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to; one that is there already is gone on with.")],
    override: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE: size, spacing_mm, masks, ...; may be repeated.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; as many as cores where left out.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare every file by its hash, not by size and time.")] = (
        False
    ),
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 3 if an image was left out.")] = False,
) -> None:
    """Bring an archive's images into one layout: a manifest with the images beside it.

    Every image is read, checked, brought to the wanted size and written; what is left out is named, with the reason.
    What is done already is not done again.
    """
    from sarnet.curation import prepare as prepare_images
    from sarnet.curation import settings_for

    settings = settings_for(source, parse_overrides(override or []))
    if folder is None:
        raise InputError(f"FOLDER is missing: where does {source} lie?")
    bar = progress_bar()
    task = bar.add_task("preparing")

    def show(name: str, done: int, total: int) -> None:
        bar.start()  # not before: what is wrong with the archive is said in one line
        bar.update(task, completed=done, total=total, description=name)

    try:
        prepared = prepare_images(source, folder, out, settings, workers=workers, verify=verify, report=show)
    finally:
        if bar.live.is_started:
            bar.stop()
    _tell(prepared, out)
    if strict and prepared.left_out:
        raise typer.Exit(SOME_LEFT_OUT)


def _tell(prepared: "Prepared", out: Path) -> None:
    for note in prepared.notes:
        say_note(note)
    for left_out in prepared.left_out[:_SHOWN]:
        say_note(f"left out {left_out.name}: {left_out.reason}")
    if len(prepared.left_out) > _SHOWN:
        say_note(f"and {len(prepared.left_out) - _SHOWN} more, all of them in {out / 'left-out.csv'}")
    new = f"{prepared.done_now} looked at now" if prepared.done_now else "nothing to do"
    say(f"{prepared.images} images are in {out} ({new}), {len(prepared.left_out)} left out.")
    say(f"Look at them by sarnet data show {out}")


@data.command()
def split(
    manifest: Annotated[Path, typer.Argument(help=_PREPARED_HELP)],
    seed: Annotated[int, typer.Option(help="Of the order that patients are drawn in.")] = 0,
    shares: Annotated[str, typer.Option(help="Percent of patients for training, validation, tests.")] = "70,10,20",
    folds: Annotated[
        int | None, typer.Option(min=2, help="Instead: so many splits, fold-1.csv, fold-2.csv, ...")
    ] = None,
    balance: Annotated[bool, typer.Option("--balance", help="Give every part its share of each group.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Draw anew where there is a split already.")] = False,
) -> None:
    """Divide the patients into training, validation and test; nobody is in two of them.

    A split that is there already is checked and kept.
    """
    from sarnet.curation import divide

    for path, patients, images in divide(
        manifest, seed=seed, shares=_shares(shares), folds=folds, balance=balance, overwrite=overwrite
    ):
        told = ", ".join(f"{part} {count} ({images[part]} images)" for part, count in patients.items())
        say(f"{path}: patients for {told}")


def _shares(text: str) -> tuple[float, float]:
    try:
        training, validation, tests = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"shares is {text!r}, but must be three numbers: 70,10,20") from error
    total = training + validation + tests
    if min(training, validation, tests) <= 0:
        raise InputError(f"shares is {text!r}, but each part must have some")
    return training / total, validation / total


@data.command()
def show(
    manifest: Annotated[Path, typer.Argument(help=_PREPARED_HELP)],
    out: Annotated[Path | None, typer.Option(help="Folder to write to; that of the manifest where left out.")] = None,
    images: Annotated[int, typer.Option(min=1, help="How many to show, at equal steps through the manifest.")] = 60,
) -> None:
    """Write a contact sheet, sheet.html and sheet.png: images with their masks and labels, and counts."""
    from sarnet.curation import manifest_of
    from sarnet.report import write_sheet

    sheet = write_sheet(manifest, out=out or manifest_of(manifest).parent, most=images)
    for what, values in sheet.counts.items():
        listed = ", ".join(f"{value} ({number})" for value, number in list(values.items())[:_SHOWN])
        more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
        say(f"{what}: {listed}{more}")
    say(f"Look at {sheet.html} or {sheet.picture}")
