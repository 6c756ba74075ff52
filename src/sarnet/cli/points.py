"""``sarnet points``."""

from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say
from sarnet.cli.words import TRANSFORM_HELP


def points(
    transform: Annotated[Path, typer.Option(help=TRANSFORM_HELP)],
    points: Annotated[Path, typer.Option(help="CSV with columns x, y[, z], or legacy VTK; LPS millimetres.")],
    out: Annotated[Path, typer.Option(help="File to write, of the same kind.")],
    inverse: Annotated[
        bool, typer.Option("--inverse", help="The points are of the moving image: map them to the fixed one.")
    ] = False,
) -> None:
    """Move points by a saved transform.

    Points go the other way than images. A registration carries the MOVING image onto the fixed grid; its transform
    leads points of the FIXED image to the moving one. So landmarks of the moving image need --inverse to be laid over
    the fixed one.
    """
    from sarnet.transforms import invert_points, read_points, read_transform, write_points  # not for --help

    found = read_transform(transform)
    axes = found.grid.dimension
    given = read_points(points, axes=axes)
    coordinates = given.points_world[:, :axes]
    number = "1 point" if len(coordinates) == 1 else f"{len(coordinates)} points"
    if inverse:
        back = invert_points(found, coordinates)
        write_points(given.moved(back.points_world), out)
        say(f"Wrote {out}: {number} of the moving image, where they lie in the fixed one.")
        say(f"Round-trip error: {max(back.residual_mm, default=0.0):.2g} mm at most.")
    else:
        write_points(given.moved(found.points(coordinates)), out)
        say(f"Wrote {out}: {number} of the fixed image, where they lie in the moving one.")
