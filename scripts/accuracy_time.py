#!/usr/bin/env python3
"""Draw accuracy against time of every method, a panel for each file of rows.

    python scripts/accuracy_time.py docs/accuracy-time.png "Brain slices=docs/results/table1-brain2d.jsonl" \
        "Hearts=docs/results/table1-hearts.jsonl" "Brain volumes=docs/results/brain3d-second-half.jsonl" \
        "X-rays, another scanner=docs/results/table1-montgomery.jsonl"

Dice is the mean over the pairs, time their median; the line is the overlap before.
"""

import sys
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from sarnet.benchmark import Row, read_rows, summarise

OURS, PEERS = "#b3521e", "#3b6ea5"
OWN_MODES = ("forward", "last-layer", "refined")
MODES = {"sarnet-forward": "forward", "sarnet": "last-layer", "sarnet-refined": "refined", "sarnet-paper": "paper"}
"""What the tables call the modes, after the paper's names of methods."""
OFFSETS = {"forward": (-7, -12), "last-layer": (-7, 5), "refined": (3, 8), "syn": (-7, -4), "elastix": (-2, 7)}
OFFSETS |= {"sarnoseg": (8, -4), "elastix-paper": (0, -16), "gcsar": (8, -3)}
OFFSETS |= {"syn-tuned": (2, 13), "paper": (7, -4)}
OFFSETS |= {"dirnet": (-6, 5), "flownet": (-8, -5), "voxelmorph": (-1, 8), "affine": (7, -12)}
"""Points from a dot to its name: methods whose dots are close keep their names apart."""


def main() -> None:
    """Draw and write."""
    mpl.use("Agg")
    panels = [word.partition("=") for word in sys.argv[2:]]
    figure, axes = plt.subplots(1, len(panels), figsize=(4.6 * len(panels), 4.8), squeeze=False, layout="constrained")
    for axis, (title, _, path) in zip(axes[0], panels, strict=True):
        _draw(axis, title, Path(path))
    figure.savefig(sys.argv[1], dpi=110)


def _draw(axis: Axes, title: str, path: Path) -> None:
    rows = read_rows(path)
    by_method: dict[str, list[Row]] = {}
    for row in rows:
        by_method.setdefault(MODES.get(row.method, row.method), []).append(row)
    found = {method: summarise(each) for method, each in by_method.items()}
    for method, summary in found.items():
        assert summary.dice is not None
        colour = OURS if method in (*OWN_MODES, "paper") else PEERS
        axis.plot(summary.seconds, summary.dice, "o", color=colour, markersize=8)
        axis.annotate(
            method,
            (summary.seconds, summary.dice),
            xytext=OFFSETS.get(method, (7, -11)),
            ha="right" if OFFSETS.get(method, (7, 0))[0] < 0 else "left",
            textcoords="offset points",
            color=colour,
        )
    ours = [(found[mode].seconds, found[mode].dice) for mode in OWN_MODES if mode in found]
    axis.plot(*zip(*ours, strict=True), color=OURS, linewidth=1, alpha=0.5)
    axis.axhline(next(iter(found.values())).dice_before, color="0.6", linestyle=":")
    axis.set(title=f"{title}, {len({row.pair for row in rows})} pairs", xscale="log", xlabel="seconds a pair")
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.margins(x=0.35, y=0.15)
    axis.set_ylabel("Dice")


if __name__ == "__main__":
    main()
