"""``sarnet cohort``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say_note
from sarnet.cli.exit_codes import LEFT_OUT
from sarnet.cli.options import (
    Adapt,
    BidsPattern,
    Model,
    Override,
    RegistrationConfig,
    ResumeFolder,
    Scheduler,
    Spacing,
    TransformKind,
    Wait,
    Workers,
    WorkerThreads,
)
from sarnet.cli.words import command_line, refuse_unread, spacing_of
from sarnet.errors import InputError

_PATIENTS_SHOWN = 5


def cohort(  # noqa: PLR0917  # an option each, by name alone
    source: Annotated[
        Path,
        typer.Argument(
            metavar="PAIRS.csv|BIDS_DIR",
            help="CSV with the columns fixed and moving, or image, patient and visit; or a BIDS directory.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results, one inside it for each pair; created if missing.")],
    atlas: Annotated[
        Path | None, typer.Option(help="Register every image to this one, instead of a patient's visits to the first.")
    ] = None,
    atlas_labels: Annotated[Path | None, typer.Option(help="Label map of ATLAS, for the reported overlap.")] = None,
    images: BidsPattern = None,
    scheduler: Scheduler = None,
    workers: Workers = None,
    wait: Wait = 600,
    resume: ResumeFolder = False,
    adapt: Adapt = None,
    transform: TransformKind = None,
    model: Model = None,
    config: RegistrationConfig = None,
    override: Override = None,
    threads: WorkerThreads = None,
    spacing: Spacing = None,
    both_ways: Annotated[
        bool,
        typer.Option("--both-ways", help="Register in the opposite direction, too, and report inverse consistency."),
    ] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no reports and thumbnails.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with exit code 3 if a pair failed.")] = False,
) -> None:
    """Register many pairs on this machine or a cluster; a failed pair does not stop the others."""
    from sarnet.cli.pairs import (  # torch takes a second: not for --help
        cluster_of,
        print_rows,
        register_shown,
        settings_of_all,
    )
    from sarnet.cohort import DEFAULT_PATTERN, Atlas, check_scheduler, describe_derivatives, find_pairs, open_cohort

    if atlas_labels and not atlas:
        raise InputError("--atlas-labels was given, but --atlas is missing: give both")
    if scheduler:
        refuse_unread({"--workers": workers}, "the --scheduler has its own workers")
    if not source.is_dir():
        refuse_unread({"--images": images}, f"{source} is a table that lists them")
    settings = settings_of_all(
        config, override or [], {"adapt": adapt, "transform": transform, "model": model, "threads": threads}
    )
    pairs, seen_once = find_pairs(
        source,
        atlas=Atlas.of(atlas, labels=atlas_labels) if atlas else None,
        pattern=images or DEFAULT_PATTERN,
        spacing=spacing_of(spacing),
    )
    if seen_once:
        more = ", …" if len(seen_once) > _PATIENTS_SHOWN else ""
        say_note(
            f"{len(seen_once)} {'patient has' if len(seen_once) == 1 else 'patients have'} one visit only, left out: "
            f"{', '.join(seen_once[:_PATIENTS_SHOWN])}{more}"
        )
    if scheduler:
        check_scheduler(scheduler)
    with open_cohort(pairs, out, settings, resume=resume, both_ways=both_ways) as opened:
        if source.is_dir():
            describe_derivatives(out, source)
        with cluster_of(scheduler, workers=workers, most=len(opened.left), wait_seconds=wait) as cluster:
            rows = register_shown(opened, cluster, title="registering", report=not no_report, command=command_line())
    print_rows(rows, out)
    if strict and any(row.state != "done" for row in rows):
        sys.exit(LEFT_OUT)
