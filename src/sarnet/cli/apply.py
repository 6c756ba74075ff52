"""``sarnet apply``."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Interpolation(StrEnum):
    """How the moving image is read between its voxels."""

    LINEAR = "linear"
    NEAREST = "nearest"
    LABEL = "label"


def apply(
    transform: Annotated[Path, typer.Option(help="Transform of points of fixed space, in any format read.")],
    moving: Annotated[Path, typer.Option(help="Image to resample.")],
    reference: Annotated[Path, typer.Option(help="Image whose grid the result has; most often the fixed one.")],
    out: Annotated[Path, typer.Option(help="Image to write.")],
    interpolation: Annotated[Interpolation, typer.Option(help="label is nearest, for maps of integers.")] = (
        Interpolation.LINEAR
    ),
) -> None:
    """Resample MOVING on the grid of REFERENCE through a transform."""
    from sarnet.images import read_image, read_labels, write_image  # not for --help
    from sarnet.transforms import apply as resample
    from sarnet.transforms import read_transform

    grid = read_image(reference).grid
    image = read_labels(moving) if interpolation is Interpolation.LABEL else read_image(moving)
    warped = resample(read_transform(transform, grid=grid), image, grid, interpolation=interpolation.value)
    write_image(warped, out)
