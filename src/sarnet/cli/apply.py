"""``sarnet apply``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say, say_note
from sarnet.cli.words import spacing_of


class Interpolation(StrEnum):
    """How the moving image is read between its voxels."""

    LINEAR = "linear"
    NEAREST = "nearest"
    LABEL = "label"


def apply(
    transform: Annotated[Path, typer.Option(help="Result of a registration: .h5, .tfm, .txt, .mat or a field.")],
    moving: Annotated[Path, typer.Option(help="Image to resample.")],
    reference: Annotated[Path, typer.Option(help="Image whose grid the result has, most often the fixed one.")],
    out: Annotated[Path, typer.Option(help="Image to write.")],
    interpolation: Annotated[Interpolation, typer.Option(help="How to read between voxels; label for label maps.")] = (
        Interpolation.LINEAR
    ),
    spacing: Annotated[
        str | None,
        typer.Option(help="MM[,MM]: pixel size of images that do not tell theirs; the one of the registration."),
    ] = None,
) -> None:
    """Warp MOVING onto the grid of REFERENCE by a saved transform."""
    from sarnet.images import Image, read_image, read_labels, write_image  # not for --help
    from sarnet.transforms import apply as resample
    from sarnet.transforms import read_transform

    given = spacing_of(spacing)
    grid = read_image(reference, spacing=given).grid
    image = read_image(moving, spacing=given)
    if interpolation is Interpolation.LABEL:
        image = Image(array=read_labels(moving).array, grid=image.grid, notes=image.notes)
    warped = resample(read_transform(transform, grid=grid), image, grid, interpolation=interpolation.value)
    write_image(warped, out)
    say(f"Wrote {out}.")
    for note in warped.notes:
        say_note(note)
