"""``sarnet compose``."""

from pathlib import Path
from typing import Annotated

import typer

from sarnet.cli.console import say
from sarnet.cli.words import SPACING_HELP, TRANSFORM_HELP, spacing_of


def compose(
    transform: Annotated[
        list[Path], typer.Option(help=f"{TRANSFORM_HELP} Twice or more, in the order of application to a point.")
    ],
    reference: Annotated[
        Path, typer.Option(help="Image that defines the grid of the result: the first one's fixed image.")
    ],
    out: Annotated[Path, typer.Option(help="ITK transform to write: .h5, or .tfm, .txt, .mat of affine maps.")],
    spacing: Annotated[str | None, typer.Option(help=SPACING_HELP)] = None,
) -> None:
    """Join several transforms into one: a point of the fixed space passes through the first, then the next.

    As antsApplyTransforms -t T1 -t T2 has it. An example: T1 doubles every coordinate, T2 adds 10 mm; --transform T1
    --transform T2 takes 1 to 12, the other order takes it to 22. To chain two registrations, of B to A (T1) and of C to
    B (T2), give T1, then T2: the result carries the image C onto A.
    """
    from sarnet.images import read_image  # not for --help
    from sarnet.transforms import compose as in_turn
    from sarnet.transforms import read_transform, write_transform

    grid = read_image(reference, spacing=spacing_of(spacing)).grid
    write_transform(in_turn(*(read_transform(path) for path in transform), grid=grid), out)
    say(f"Wrote {out}.")
