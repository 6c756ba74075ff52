"""``sarnet register``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from sarnet.cli.options import Adapt, Device, Model, Override, RegistrationConfig, Spacing, TransformKind
from sarnet.cli.words import MOVING_SPACING_HELP, as_overrides, command_line, spacing_of
from sarnet.config import RegistrationSettings, read_settings


def register(  # noqa: PLR0917  # an option each, by name alone
    fixed: Annotated[
        Path, typer.Option("--fixed", "--reference", help="Image that stays as it is; the result has its grid.")
    ],
    moving: Annotated[Path, typer.Option("--moving", "--floating", help="Image that is warped onto FIXED.")],
    out: Annotated[Path, typer.Option(help="Folder for the results; created if missing.")],
    adapt: Adapt = None,
    transform: TransformKind = None,
    initial_transform: Annotated[
        Path | None,
        typer.Option(
            help="Transform to start from: .h5, .tfm, .txt, .mat, .lta, .mgz or a field. The affine search begins "
            "there; a field takes its place."
        ),
    ] = None,
    no_affine: Annotated[
        bool,
        typer.Option(
            "--no-affine",
            help="Look for no affine map: begin as headers or --initial-transform place the images.",
        ),
    ] = False,
    fixed_mask: Annotated[
        Path | None, typer.Option(help="Mask on the grid of FIXED: voxels where it is 0 are ignored.")
    ] = None,
    moving_mask: Annotated[Path | None, typer.Option(help="The same for MOVING.")] = None,
    fixed_labels: Annotated[
        Path | None,
        typer.Option(help="Label map of FIXED, for the reported overlap (Dice) only: the registration never sees it."),
    ] = None,
    moving_labels: Annotated[
        Path | None, typer.Option(help="The same for MOVING; its warped copy is among the results.")
    ] = None,
    guide_fixed: Annotated[
        Path | None,
        typer.Option(
            help="Label map of FIXED that steers the registration: its structures are matched to those of MOVING."
        ),
    ] = None,
    guide_moving: Annotated[
        Path | None, typer.Option(help="The same structures in MOVING, with the same numbers.")
    ] = None,
    guide_points: Annotated[
        Path | None,
        typer.Option(
            help="CSV of corresponding landmarks: fixed_x, fixed_y[, fixed_z], moving_x, moving_y[, moving_z], in "
            "LPS millimetres."
        ),
    ] = None,
    similarity: Annotated[
        str | None,
        typer.Option(
            help="lncc: for one contrast. nmi: for different ones, as T1 and T2. auto (default): decides by the images."
        ),
    ] = None,
    uncertainty: Annotated[
        bool,
        typer.Option(
            "--uncertainty",
            help="Register in both directions and four times with perturbed images; write a map of uncertainty: six "
            "times as long.",
        ),
    ] = False,
    both_ways: Annotated[
        bool,
        typer.Option("--both-ways", help="Register in the opposite direction, too, and report inverse consistency."),
    ] = False,
    spacing: Spacing = None,
    moving_spacing: Annotated[str | None, typer.Option(help=MOVING_SPACING_HELP)] = None,
    model: Model = None,
    vgg: Annotated[
        Path | None,
        typer.Option(help="VGG16's weights for --adapt paper; by default torchvision's in torch.hub's cache."),
    ] = None,
    config: RegistrationConfig = None,
    override: Override = None,
    device: Device = None,
    threads: Annotated[int | None, typer.Option(help="Threads to compute with; all cores by default.")] = None,
    seed: Annotated[int | None, typer.Option(help="Random seed of --uncertainty; nothing else is random.")] = None,
    budget: Annotated[
        float | None, typer.Option(help="Time limit of the refinement in SECONDS; none by default.")
    ] = None,
    bids_name: Annotated[
        str | None,
        typer.Option(
            help="Entities, as in sub-01_from-T1w_to-MNI152NLin2009cAsym, from MOVING to FIXED: name the transform and "
            "its inverse as BIDS does, with _mode-image_xfm.h5."
        ),
    ] = None,
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.html.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Allow a folder that is not empty, and replace files of the same names.")
    ] = False,
) -> None:
    """Register MOVING to FIXED and write the warped image, the transform, the record and a report."""
    chosen: dict[str, Any] = {
        "adapt": adapt,
        "transform": transform,
        "model": model,
        "device": device,
        "paper.vgg": None if vgg is None else str(vgg),
        "threads": threads,
        "seed": seed,
        "budget": budget,
        "similarity": similarity,
        "uncertainty": uncertainty or None,
        "affine_start": False if no_affine else None,
    }
    settings = read_settings(RegistrationSettings, config, [*(override or []), *as_overrides(chosen)])
    from sarnet.cli.pair import register_files  # torch takes a second: not for --help
    from sarnet.registration import PairFiles

    files = PairFiles(
        fixed=fixed,
        moving=moving,
        fixed_mask=fixed_mask,
        moving_mask=moving_mask,
        fixed_labels=fixed_labels,
        moving_labels=moving_labels,
        initial_transform=initial_transform,
        guide_fixed=guide_fixed,
        guide_moving=guide_moving,
        guide_points=guide_points,
        spacing=spacing_of(spacing),
        moving_spacing=spacing_of(moving_spacing),
    )
    register_files(
        files,
        out,
        settings,
        both_ways=both_ways,
        report=not no_report,
        overwrite=overwrite,
        command=command_line(),
        bids_name=bids_name,
    )
