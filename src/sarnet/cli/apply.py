"""``sarnet apply``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say, say_note
from sarnet.cli.words import MOVING_SPACING_HELP, SPACING_HELP, TRANSFORM_HELP, spacing_of


class Interpolation(StrEnum):
    """How the moving image is read between its voxels."""

    LINEAR = "linear"
    NEAREST = "nearest"
    LABEL = "label"
    """The label with the largest share of a voxel's neighbours: smoother borders than nearest."""


def apply(
    transform: Annotated[
        list[Path],
        typer.Option(help=f"{TRANSFORM_HELP} Several are joined in the order given, as antsApplyTransforms -t does."),
    ],
    moving: Annotated[Path, typer.Option(help="Image to resample.")],
    reference: Annotated[Path, typer.Option(help="Image that defines the grid of the result, usually the fixed one.")],
    out: Annotated[Path, typer.Option(help="Image to write.")],
    interpolation: Annotated[
        Interpolation,
        typer.Option(help="Interpolation; nearest or label for label maps, label with smoother borders."),
    ] = Interpolation.LINEAR,
    spacing: Annotated[
        str | None,
        typer.Option(help=SPACING_HELP),
    ] = None,
    moving_spacing: Annotated[str | None, typer.Option(help=MOVING_SPACING_HELP)] = None,
) -> None:
    """Warp MOVING onto the grid of REFERENCE by a saved transform.

    A transform leads points of fixed space to moving space, and so carries images the other way: the moving image to
    the fixed grid. To warp the fixed image onto the moving one, use inverse.h5.
    """
    from sarnet.images import read_image, write_image  # not for --help
    from sarnet.transforms import apply as resample
    from sarnet.transforms import compose, read_transform

    grid = read_image(reference, spacing=spacing_of(spacing)).grid
    given = spacing_of(moving_spacing or spacing)
    image = read_image(moving, spacing=given, keep_type=interpolation is not Interpolation.LINEAR)
    first, *others = (read_transform(path, grid=grid) for path in transform)
    whole = compose(first, *others, grid=grid) if others else first
    warped = resample(whole, image, grid, interpolation=interpolation.value)
    write_image(warped, out)
    say(f"Wrote {out}.")
    for note in warped.notes:
        say_note(note)
