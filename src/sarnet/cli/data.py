"""``sarnet data``: prepare, split, simulate, show."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sarnet.cli.command import Command
from sarnet.cli.console import messages, progress_bar, say, say_note
from sarnet.cli.exit_codes import LEFT_OUT
from sarnet.config import SimulationSettings, build_settings, cores, parse_overrides
from sarnet.errors import InputError

if TYPE_CHECKING:
    from sarnet.curation import Prepared

_SHOWN = 10

data = typer.Typer(
    help="Prepare images for training and benchmarks: one layout for any archive, splits, simulated pairs.",
    no_args_is_help=True,
)

_PREPARED_HELP = "Prepared data: its folder or its manifest.csv."


@data.command(cls=Command)
def prepare(
    source: Annotated[str, typer.Argument(help="Name of the archive or layout; a wrong one lists them all.")],
    folder: Annotated[Path, typer.Argument(help="Its folder, or where --fetch puts it; for csv, the file.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to; an existing run is continued.")],
    override: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE: size, spacing_mm, masks, ...; may be repeated.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Number of processes; all cores by default.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Compare files by hash instead of size and time.")] = (False),
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 3 if an image was left out.")] = False,
    fetch: Annotated[bool, typer.Option("--fetch", help="Download the archive first, if it is open to all.")] = False,
    url: Annotated[str | None, typer.Option(help="Download from this address, such as a mirror.")] = None,
    sha256: Annotated[str | None, typer.Option(help="SHA-256 hash of the file to download.")] = None,
) -> None:
    """Bring the images of an archive into one layout: a manifest and the images beside it.

    Every image is read, checked, brought to the wanted size and written; what is left out is named, with the reason.
    What is done already is not done again.
    """
    from sarnet.curation import prepare as prepare_images
    from sarnet.curation import settings_for

    settings = settings_for(source, parse_overrides(override or []))
    if fetch or url:
        from sarnet.curation import fetch as fetch_archive

        with messages.status(f"fetching {source}"):
            folder = fetch_archive(source, folder, url=url, sha256=sha256)
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
        raise typer.Exit(LEFT_OUT)


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


@data.command(cls=Command)
def split(
    manifest: Annotated[Path, typer.Argument(help=_PREPARED_HELP)],
    seed: Annotated[int, typer.Option(min=0, help="Random seed.")] = 0,
    shares: Annotated[
        str | None, typer.Option(help="Percent of patients for training, validation, test; 70,10,20 by default.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, help="Write this many folds instead: fold-1.csv, fold-2.csv, ...")
    ] = None,
    balance: Annotated[bool, typer.Option("--balance", help="Give every part its share of each group.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing split or existing folds.")
    ] = False,
) -> None:
    """Divide the patients into training, validation and test; no patient is in two of them.

    A split that is there already is checked and not changed: the command ends with an error, unless --overwrite is
    given. Folds that are there stay, too; --overwrite removes them.
    """
    if folds is not None and shares is not None:
        raise InputError(
            "--shares and --folds were both given, but the number of folds sets the shares: give one of them"
        )
    from sarnet.curation import divide

    for path, patients, images in divide(
        manifest, seed=seed, shares=_shares(shares or "70,10,20"), folds=folds, balance=balance, overwrite=overwrite
    ):
        told = ", ".join(f"{part} {count} ({images[part]} images)" for part, count in patients.items())
        say(f"{path}: patients for {told}")


def _shares(text: str) -> tuple[float, float]:
    try:
        training, validation, tests = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"shares is {text!r}, but must be three numbers: 70,10,20") from error
    total = training + validation + tests
    if not (min(training, validation, tests) > 0 and math.isfinite(total)):
        raise InputError(f"shares is {text!r}, but each part must have some: 70,10,20")
    return training / total, validation / total


@data.command(cls=Command)
def simulate(
    manifest: Annotated[Path, typer.Argument(help=_PREPARED_HELP)],
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to; an interrupted run is continued.")],
    pairs: Annotated[int, typer.Option(min=1, help="Number of pairs; the paper's by default.")] = 98_000,
    size: Annotated[int, typer.Option(min=32, help="Width and height of every image in pixels.")] = 512,
    part: Annotated[str, typer.Option("--split", help="train, validation, test or all.")] = "train",
    fields: Annotated[bool, typer.Option("--fields", help="Also write each pair's field.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of the pairs.")] = 0,
    split_seed: Annotated[int, typer.Option(min=0, help="Random seed of the split, as a training's split_seed.")] = 0,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE: control_spacing_voxels, peak_voxels, layers.")
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Number of processes; all cores by default.")] = None,
) -> None:
    """Write pairs with a known field: each image and a deformed copy of it.

    Training needs no such files, it draws its pairs itself; they are for other programs.
    """
    simulation = build_settings(SimulationSettings, parse_overrides(override or []))

    from sarnet.datasets import SimulatedPairs, read_radiographs, split_by_patient, write_pairs

    radiographs = read_radiographs(manifest)
    if part != "all":
        if part not in ("train", "validation", "test"):
            raise InputError(f"split is {part!r}, but must be train, validation, test or all")
        radiographs = getattr(split_by_patient(radiographs, seed=split_seed), part)
    drawn = SimulatedPairs(radiographs, size=size, pairs=pairs, simulation=simulation, seed=seed)
    bar = progress_bar()
    task = bar.add_task("simulating", total=pairs)

    def show(done: int) -> None:
        bar.start()  # not before: what is wrong with the images is said in one line
        bar.update(task, completed=done)

    try:
        listed = write_pairs(drawn, out, fields=fields, workers=workers or cores(), report=show)
    finally:
        if bar.live.is_started:
            bar.stop()
    say(f"{pairs} pairs of {len(radiographs)} images are listed in {listed}")


@data.command(cls=Command)
def show(
    manifest: Annotated[Path, typer.Argument(help=_PREPARED_HELP)],
    out: Annotated[Path | None, typer.Option(help="Folder to write to; that of the manifest by default.")] = None,
    images: Annotated[int, typer.Option(min=1, help="Number of images, at equal steps through the manifest.")] = 60,
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
