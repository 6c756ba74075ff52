"""``sarnet atlas``."""

from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say, say_note
from sarnet.cli.words import command_line, spacing_of


def atlas(  # noqa: PLR0917  # an option each, by name alone
    source: Annotated[
        Path,
        typer.Argument(metavar="IMAGES.csv|BIDS_DIR", help="CSV with the column image, or a BIDS directory."),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the template, one inside it for each round; made if need be.")],
    rounds: Annotated[int, typer.Option(min=1, help="How often all images are registered to the template.")] = 4,
    initial: Annotated[
        Path | None, typer.Option(help="Template to begin with; the mean of the images as they lie by default.")
    ] = None,
    images: Annotated[
        str | None, typer.Option(help="PATTERN of names in a BIDS directory; *_T1w.nii.gz by default.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(help="ADDRESS of a running Dask scheduler, tcp://HOST:PORT; without, this machine does the work."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="So many processes on this machine; as its cores and memory allow by default."),
    ] = None,
    wait: Annotated[float, typer.Option(help="SECONDS to wait for a scheduler that is lost on the way.")] = 600,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with a folder that was begun earlier, by the same settings.")
    ] = False,
    adapt: Annotated[str | None, typer.Option(help="last-layer (default), refined or none.")] = None,
    transform: Annotated[str | None, typer.Option(help="rigid, affine or deformable (default).")] = None,
    model: Annotated[str | None, typer.Option(help="Released weights by name, or a .safetensors file.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file of registration settings.")] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE: change a setting; may be repeated.")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Threads of each worker; one by default.")] = None,
    spacing: Annotated[str | None, typer.Option(help="MM[,MM]: pixel size of images that do not tell theirs.")] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no reports in the last round.")] = False,
) -> None:
    """Build a template of many images: register all to the mean, average, sharpen by the mean's inverse, again."""
    from sarnet.cli.pairs import cluster_of, register_shown, settings_of_all  # torch takes a second: not for --help
    from sarnet.cohort import DEFAULT_PATTERN, Cohort, begin_atlas, build_atlas, check_dask, find_images

    settings = settings_of_all(
        config, override or [], {"adapt": adapt, "transform": transform, "model": model, "threads": threads}
    )
    found = find_images(source, pattern=images or DEFAULT_PATTERN, spacing=spacing_of(spacing))
    check_dask()
    begin_atlas(found, out, initial=initial, resume=resume)
    command = command_line()
    with cluster_of(scheduler, workers=workers, most=len(found), wait_seconds=wait) as cluster:

        def registered(cohort: Cohort) -> None:
            report = not no_report and cohort.out.name == f"round-{rounds}"
            register_shown(cohort, cluster, title=cohort.out.name, report=report, command=command)

        for each in build_atlas(found, out, settings, rounds=rounds, register=registered):
            say(
                f"Round {each.number}: local correlation with the template {each.similarity:.3f}; its shape was off "
                f"the mean by {each.drift_mm:.2f} mm, its intensities changed by {each.change:.4f}."
            )
            if each.left_out:
                say_note(f"{len(each.left_out)} images could not be registered: {', '.join(each.left_out)}")
    say(f"The template is {out / 'template.nii.gz'}.")
