"""``sarnet atlas``."""

from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say, say_note
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


def atlas(  # noqa: PLR0917  # an option each, by name alone
    source: Annotated[
        Path,
        typer.Argument(metavar="IMAGES.csv|BIDS_DIR", help="CSV with the column image, or a BIDS directory."),
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for the results, one inside it for each round; created if missing.")
    ],
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds of registering all images.")] = 4,
    initial: Annotated[
        Path | None, typer.Option(help="First template; the mean of the unregistered images by default.")
    ] = None,
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
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no reports in the last round.")] = False,
) -> None:
    """Build a template of many images: register all to it, average them, correct its shape, repeat."""
    from sarnet.cli.pairs import cluster_of, register_shown, settings_of_all  # torch takes a second: not for --help
    from sarnet.cohort import (
        DEFAULT_PATTERN,
        Cohort,
        begin_atlas,
        build_atlas,
        check_dask,
        check_scheduler,
        find_images,
    )

    if scheduler:
        refuse_unread({"--workers": workers}, "the --scheduler has its own workers")
    if not source.is_dir():
        refuse_unread({"--images": images}, f"{source} is a table that lists them")
    settings = settings_of_all(
        config, override or [], {"adapt": adapt, "transform": transform, "model": model, "threads": threads}
    )
    found = find_images(source, pattern=images or DEFAULT_PATTERN, spacing=spacing_of(spacing))
    check_dask()
    if scheduler:
        check_scheduler(scheduler)
    begin_atlas(found, out, initial=initial, resume=resume)
    command = command_line()
    with cluster_of(scheduler, workers=workers, most=len(found), wait_seconds=wait) as cluster:

        def registered(cohort: Cohort) -> None:
            report = not no_report and cohort.out.name == f"round-{rounds}"
            register_shown(cohort, cluster, title=cohort.out.name, report=report, command=command)

        for each in build_atlas(found, out, settings, rounds=rounds, register=registered):
            say(
                f"Round {each.number}: similarity to the template {each.similarity:.3f}; its shape was off "
                f"the mean by {each.drift_mm:.2f} mm, its intensities changed by {each.change:.4f}."
            )
            if each.left_out:
                say_note(f"{len(each.left_out)} images could not be registered: {', '.join(each.left_out)}")
    say(f"The template is {out / 'template.nii.gz'}.")
