#!/usr/bin/env python3
"""Draw the ventricles that each method puts onto an atlas (the paper's Fig. 3).

    python scripts/contours.py docs/contours.png --data brain2d --fixed 1 --moving 4 [--set KEY=VALUE]

The fixed subject's lateral ventricles in red, the moving one's, before and by every method of the configuration, in
green, with their Dice; the foreground of the fixed image in grey, as its terms let no more be shown.
"""

from pathlib import Path
from typing import Annotated

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import typer
from matplotlib.axes import Axes

from sarnet.benchmark.brains import brain_cases
from sarnet.config import BenchmarkSettings, read_settings
from sarnet.images import Grid, foreground
from sarnet.methods import build_methods
from sarnet.metrics import dice
from sarnet.transforms import Transform, apply

VENTRICLES = (4, 43)
COLUMNS, MARGIN = 5, 12
FIXED, MOVING = "#c1272d", "#1b9e4b"


def main(
    picture: Path,
    data: Annotated[Path, typer.Option()],
    fixed: Annotated[int, typer.Option()] = 1,
    moving: Annotated[int, typer.Option()] = 4,
    config: Annotated[Path, typer.Option()] = Path("configs/table1.toml"),
    override: Annotated[list[str], typer.Option("--set")] = [],  # noqa: B006
) -> None:
    """Register the pair by every method, and draw."""
    mpl.use("Agg")
    settings = read_settings(BenchmarkSettings, config, [f"data={data}", "subjects=all", "shifts=all", *override])
    (case,) = [case for case in brain_cases(settings) if case.name == f"{fixed}<-{moving}"]
    pair = case.load()
    assert pair.labels is not None
    transforms = {"before": Transform.identity(pair.fixed.grid)}
    for method in build_methods(settings):
        transforms[method.name] = method.register(pair.fixed, pair.moving).transform
    wanted = np.isin(pair.labels.fixed.array, VENTRICLES)
    rows = -(-len(transforms) // COLUMNS)
    figure, axes = plt.subplots(rows, COLUMNS, figsize=(2.3 * COLUMNS, 2.6 * rows), layout="constrained")
    for axis in axes.flat[len(transforms) :]:
        axis.axis("off")
    for axis, (name, transform) in zip(axes.flat, transforms.items(), strict=False):
        labels = apply(transform, pair.labels.moving, pair.fixed.grid, interpolation="nearest", outside=0).array
        got = np.isin(labels, VENTRICLES)
        axis.set_title(f"{name} {dice(wanted, got, labels=(1,))[1]:.3f}", fontsize=9)
        axis.contourf(foreground(pair.fixed.array), levels=[0.5, 1.5], colors=["0.93"])
        axis.contour(wanted, levels=[0.5], colors=[FIXED], linewidths=1.2)
        axis.contour(got, levels=[0.5], colors=[MOVING], linewidths=1.2)
        _around(axis, wanted, pair.fixed.grid)
    figure.savefig(picture, dpi=110)


def _around(axis: Axes, structure: np.ndarray, grid: Grid) -> None:
    """Show what lies about a structure, anterior up."""
    (top, bottom), (left, right) = ((places.min(), places.max()) for places in np.nonzero(structure))
    spacing_x, spacing_y = grid.spacing
    axis.set(
        xlim=(left - MARGIN, right + MARGIN),
        ylim=(top - MARGIN, bottom + MARGIN),
        aspect=spacing_y / spacing_x,
        xticks=[],
        yticks=[],
    )


if __name__ == "__main__":
    typer.run(main)
