"""``sarnet jacobian``."""

from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say
from sarnet.cli.words import SPACING_HELP, TRANSFORM_HELP, spacing_of


def jacobian(
    transform: Annotated[Path, typer.Option(help=TRANSFORM_HELP)],
    reference: Annotated[Path, typer.Option(help="Image that defines the grid of the result: the fixed image.")],
    out: Annotated[Path, typer.Option(help="Image to write.")],
    log: Annotated[bool, typer.Option("--log", help="The natural logarithm instead; NaN where the field folds.")] = (
        False
    ),
    spacing: Annotated[str | None, typer.Option(help=SPACING_HELP)] = None,
) -> None:
    """Write the Jacobian determinant of a transform, affine map included: its local change of volume.

    The determinant of its Jacobian: 1 is no change; below 1 the moving image is stretched, above 1 it is compressed;
    0 and below is a fold.
    """
    import numpy as np  # not for --help

    from sarnet.images import read_image, write_image
    from sarnet.transforms import jacobian as determinant_of
    from sarnet.transforms import read_transform

    grid = read_image(reference, spacing=spacing_of(spacing)).grid
    determinant = determinant_of(read_transform(transform, grid=grid), grid, log=log)
    write_image(determinant, out)
    known = determinant.array[~np.isnan(determinant.array)]
    folds = int(determinant.array.size - known.size if log else (known <= 0).sum())
    say(f"Wrote {out}.")
    say((f"From {known.min():.3f} to {known.max():.3f}; " if known.size else "") + f"{folds} voxels fold.")
