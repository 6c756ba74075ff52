"""``sarnet invert``."""

from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say, say_note
from sarnet.cli.words import SPACING_HELP, TRANSFORM_HELP, spacing_of


def invert(
    transform: Annotated[Path, typer.Option(help=TRANSFORM_HELP)],
    reference: Annotated[Path, typer.Option(help="Image that defines the grid of the inverse: the moving image.")],
    out: Annotated[Path, typer.Option(help="ITK transform to write: .h5, or .tfm, .txt, .mat of an affine map.")],
    spacing: Annotated[str | None, typer.Option(help=SPACING_HELP)] = None,
) -> None:
    """Invert a saved transform: the inverse warps the fixed image and its labels onto the moving one.

    A registration has written it already, as inverse.h5.
    """
    from sarnet.images import read_image  # not for --help
    from sarnet.transforms import invert as inverse_of
    from sarnet.transforms import jacobian, read_transform, write_transform

    grid = read_image(reference, spacing=spacing_of(spacing)).grid
    forth = read_transform(transform)
    inverse = inverse_of(forth, grid)
    write_transform(inverse.transform, out)
    say(f"Wrote {out}.")
    say(f"Round-trip error: {inverse.mean_mm:.2g} mm on average, {inverse.largest_mm:.2g} mm at most.")
    if forth.displacement is not None:
        folds = jacobian(forth, forth.grid).array <= 0
        if folds.any():
            say_note(f"The transform folds at {folds.sum()} of {folds.size} voxels: it has no inverse there.")
