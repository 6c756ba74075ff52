"""``sarnet convert``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say
from sarnet.cli.words import MOVING_SPACING_HELP, SPACING_HELP, TRANSFORM_HELP, spacing_of


class TransformFormat(StrEnum):
    """Format of a file of transforms."""

    ITK = "itk"
    ITK_FIELD = "itk-field"
    NIFTI_RAS = "nifti-ras"
    LEARN2REG = "learn2reg"
    FSL = "fsl"
    FREESURFER = "freesurfer"


def convert(  # noqa: PLR0917  # an option each, by name alone
    transform: Annotated[Path, typer.Option(help=TRANSFORM_HELP)],
    to: Annotated[TransformFormat, typer.Option(help="Format to write; itk is .h5 (or .tfm, .txt, .mat).")],
    out: Annotated[Path, typer.Option(help="File to write, with an ending of that format.")],
    reference: Annotated[
        Path | None, typer.Option(help="Fixed image, which defines the result's grid; the file's own by default.")
    ] = None,
    moving: Annotated[
        Path | None, typer.Option(help="Moving image; learn2reg, fsl and freesurfer need its grid, too.")
    ] = None,
    source: Annotated[
        TransformFormat | None,
        typer.Option(
            "--from",
            help="Format of TRANSFORM; needed for learn2reg, fsl and NIfTI fields without intent, "
            "recognised otherwise.",
        ),
    ] = None,
    spacing: Annotated[str | None, typer.Option(help=SPACING_HELP)] = None,
    moving_spacing: Annotated[str | None, typer.Option(help=MOVING_SPACING_HELP)] = None,
) -> None:
    """Convert a transform to another program's format.

    Whatever the format, it maps points of the fixed image to the moving one. docs/transforms.md has an example each.
    """
    from sarnet.images import read_image  # not for --help
    from sarnet.transforms import read_transform, write_format

    fixed_grid = read_image(reference, spacing=spacing_of(spacing)).grid if reference else None
    moving_grid = read_image(moving, spacing=spacing_of(moving_spacing or spacing)).grid if moving else None
    found = read_transform(transform, grid=fixed_grid, form=source.value if source else None, moving=moving_grid)
    write_format(found, out, to.value, moving=moving_grid)
    say(f"Wrote {out}.")
