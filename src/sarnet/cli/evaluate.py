"""``sarnet evaluate``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from sarnet.cli.console import output, progress_bar, say
from sarnet.cli.words import SPACING_HELP, TRANSFORM_HELP, command_line, refuse_unread, spacing_of
from sarnet.errors import InputError

if TYPE_CHECKING:
    from sarnet.benchmark import Evaluation, TaskScores


def evaluate(  # noqa: PLR0917  # an option each, by name alone
    fixed_labels: Annotated[Path | None, typer.Option(help="Labels of the fixed image.")] = None,
    warped_labels: Annotated[Path | None, typer.Option(help="Labels of the moving image on the fixed grid.")] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Fixed image, to judge --transform where no labels are compared.")
    ] = None,
    label: Annotated[list[int] | None, typer.Option(help="Score this label alone; may be repeated.")] = None,
    transform: Annotated[Path | None, typer.Option(help=f"{TRANSFORM_HELP} Not applied to the labels.")] = None,
    reverse_transform: Annotated[
        Path | None, typer.Option(help="Result of the opposite direction (not inverse.h5), for inverse consistency.")
    ] = None,
    fixed_points: Annotated[Path | None, typer.Option(help="Landmarks of the fixed image, CSV or VTK.")] = None,
    moving_points: Annotated[Path | None, typer.Option(help="The same landmarks of the moving image.")] = None,
    mask: Annotated[Path | None, typer.Option(help="Voxels of the fixed image to evaluate the transform at.")] = None,
    spacing: Annotated[str | None, typer.Option(help=SPACING_HELP)] = None,
    manifest: Annotated[Path | None, typer.Option(help="Learn2Reg's dataset.json or evaluation_config.json.")] = None,
    fields: Annotated[
        Path | None, typer.Option(help="Folder of the manifest's disp_*.nii.gz or .npz; the manifest's own by default.")
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Use the manifest's test pairs, not the validation pairs.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="JSON file to write.")] = None,
) -> None:
    """Evaluate a finished registration: by labels, by --transform and --reference, or by a --manifest.

    Dice; HD95 and MAD weighted by contour length or surface area (DeepMind's definition), in millimetres, or in pixels
    where the file has no spacing. Of a Learn2Reg manifest the scorer's own numbers stand beside the corrected ones.
    """
    if sum(each is not None for each in (manifest, fixed_labels, reference)) != 1:
        raise InputError(
            "give --fixed-labels and --warped-labels, or --transform and --reference where there are no labels, or "
            "--manifest"
        )
    result: Evaluation | TaskScores
    if manifest is not None:
        refuse_unread(
            {
                "--warped-labels": warped_labels,
                "--label": label,
                "--transform": transform,
                "--reverse-transform": reverse_transform,
                "--fixed-points": fixed_points,
                "--moving-points": moving_points,
                "--mask": mask,
                "--spacing": spacing,
            },
            "a --manifest names its own files",
        )
        result = _task(manifest, fields or manifest.parent, test=test)
    else:
        refuse_unread({"--fields": fields, "--test": test}, "no --manifest, which it belongs to")
        if (fixed_labels is None) != (warped_labels is None):
            raise InputError("--fixed-labels and --warped-labels are compared: give both")
        if reference is not None and transform is None:
            raise InputError("--reference was given, but --transform is missing: give both")
        if reference is not None:
            refuse_unread({"--label": label}, "no labels are compared")
        if transform is None and (reverse_transform or fixed_points or moving_points or mask):
            raise InputError("--reverse-transform, landmarks and --mask judge a transform: give --transform, too")
        if (fixed_points is None) != (moving_points is None):
            raise InputError("landmarks of one image were given: give --fixed-points and --moving-points")
        files = {
            "reference": reference,
            "fixed_labels": fixed_labels,
            "warped_labels": warped_labels,
            "transform": transform,
            "reverse_transform": reverse_transform,
            "fixed_points": fixed_points,
            "moving_points": moving_points,
            "mask": mask,
        }
        given = {name: path for name, path in files.items() if path is not None}
        result = _pair(given, labels=tuple(label) if label else None, spacing=spacing_of(spacing))
    if out is not None:
        from sarnet.images import write_whole

        command = result.model_copy(update={"command": command_line()})
        write_whole(out, f"{command.model_dump_json(indent=2)}\n".encode())
        say(f"Wrote {out}.")


def _pair(files: dict[str, Path], *, labels: tuple[int, ...] | None, spacing: tuple[float, ...] | None) -> "Evaluation":
    from sarnet.benchmark import Evaluation, check_lies_on, score_transform
    from sarnet.benchmark import evaluate as judge
    from sarnet.images import read_image, read_labels
    from sarnet.transforms import read_points, read_transform

    if "reference" in files:
        fixed = read_image(files["reference"], spacing=spacing)
    else:
        fixed = read_labels(files["fixed_labels"], spacing=spacing)
    found = None
    if "transform" in files:
        axes = fixed.grid.dimension
        reverse = files.get("reverse_transform")
        mask = read_labels(files["mask"], spacing=spacing) if "mask" in files else None
        if mask is not None:
            check_lies_on(mask, fixed, name="mask", beside="reference" if "reference" in files else "fixed_labels")
        points = [read_points(files[name], axes=axes) for name in ("fixed_points", "moving_points") if name in files]
        found = score_transform(
            read_transform(files["transform"], grid=fixed.grid),
            fixed.grid,
            inside=None if mask is None else mask.array != 0,
            reverse=read_transform(reverse, grid=fixed.grid) if reverse else None,
            landmarks=(points[0], points[1]) if points else None,
        )
    if "warped_labels" in files:
        result = judge(fixed, read_labels(files["warped_labels"], spacing=spacing), labels=labels, transform=found)
    else:
        result = Evaluation(length_unit=fixed.length_unit, transform=found)
    _print_pair(result)
    return result.model_copy(update={"inputs": {name: str(path.resolve()) for name, path in files.items()}})


def _print_pair(result: "Evaluation") -> None:
    unit = result.length_unit
    if result.labels:
        table = Table("label", "Dice", f"HD95, {unit}", f"MAD, {unit}", box=None, padding=(0, 2, 0, 0))
        for name, score in (*result.labels.items(), ("mean", result)):
            table.add_row(name, *(_figure(getattr(score, figure)) for figure in ("dice", "hd95", "mad")))
        output.print(table)
    if unit == "pixels":
        say("Distances are in pixels: the file of the fixed image or its labels has no spacing (--spacing gives one).")
    if result.transform is not None:
        space = result.transform
        say(f"Folding: {space.folding_percent:.4g} % of voxels; SDlogJ {_figure(space.sd_log_jacobian)}.")
        if space.inverse_consistency is not None:
            say(f"Inverse consistency: both ways composed miss by {space.inverse_consistency:.4f} {unit} on average.")
        if space.tre is not None:
            say(f"Landmarks miss by {space.tre:.4f} {unit} on average.")


def _task(manifest: Path, fields: Path, *, test: bool) -> "TaskScores":
    from sarnet.benchmark import joined_scores, read_task, score_cases

    task = read_task(manifest, part="test" if test else "val")
    cases = []
    bar = progress_bar()
    progress = bar.add_task("scoring", total=len(task.pairs))
    try:
        for case in score_cases(task, fields):
            bar.start()  # not before: what is wrong with the files is said in one line
            bar.update(progress, advance=1, description=case.name)
            cases.append(case)
    finally:
        if bar.live.is_started:
            bar.stop()
    result = joined_scores(task, cases, manifest=manifest, fields=fields)
    for heading, scores in (("Learn2Reg's scorer", result.learn2reg), ("Corrected", result.corrected)):
        table = Table(heading, "mean", "std", "30 %", box=None, padding=(0, 2, 0, 0))
        for name, row in scores["aggregates"].items():
            table.add_row(name, *(_figure(row[figure], digits=5) for figure in ("mean", "std", "30")))
        output.print(table)
    say("The scorer adds 3 to each Jacobian determinant, counts no foldings and measures HD95 in voxels.")
    return result


def _figure(value: float | None, *, digits: int = 4) -> str:
    return "" if value is None else f"{value:.{digits}f}"
