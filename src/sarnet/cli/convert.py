"""``sarnet convert``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say
from sarnet.cli.words import SPACING_HELP, TRANSFORM_HELP, spacing_of


class TransformFormat(StrEnum):
    """Whose file it is."""

    ITK = "itk"
    ITK_FIELD = "itk-field"
    NIFTI_RAS = "nifti-ras"
    LEARN2REG = "learn2reg"
    FSL = "fsl"
    FREESURFER = "freesurfer"


def convert(
    transform: Annotated[Path, typer.Option(help=TRANSFORM_HELP)],
    to: Annotated[TransformFormat, typer.Option(help="Format to write; itk is .h5 (or .tfm, .txt, .mat).")],
    out: Annotated[Path, typer.Option(help="File to write, with an ending of that format.")],
    reference: Annotated[
        Path | None, typer.Option(help="The fixed image: its grid is the result's; the file's own without it.")
    ] = None,
    moving: Annotated[
        Path | None, typer.Option(help="The moving image: learn2reg, fsl and freesurfer count in its grid, too.")
    ] = None,
    source: Annotated[
        TransformFormat | None,
        typer.Option(
            "--from",
            help="Format of TRANSFORM; learn2reg and fsl must be said, and the frame of a NIfTI field without intent; "
            "the others tell themselves.",
        ),
    ] = None,
    spacing: Annotated[str | None, typer.Option(help=SPACING_HELP)] = None,
) -> None:
    """Write a transform as another program wants it.

    Whatever the format, it maps points of the fixed image to the moving one. docs/transforms.md has an example each.
    """
    from sarnet.images import read_image  # not for --help
    from sarnet.transforms import read_transform, write_format

    given = spacing_of(spacing)
    fixed_grid = read_image(reference, spacing=given).grid if reference else None
    moving_grid = read_image(moving, spacing=given).grid if moving else None
    found = read_transform(transform, grid=fixed_grid, form=source.value if source else None, moving=moving_grid)
    write_format(found, out, to.value, moving=moving_grid)
    say(f"Wrote {out}.")
