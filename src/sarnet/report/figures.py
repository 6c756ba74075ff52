"""What is drawn with lines: the deformed grid, outlines, the cost, overlaps of labels; and pictures as bytes.

Matplotlib by its object interface alone: no window system, no figure registry, and no setting of the caller's changed.
"""

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import imsave
from matplotlib.ticker import MaxNLocator

BEFORE_COLOUR = "#c26a00"
AFTER_COLOUR = "#0b62b8"
INK = "#1f2933"
_FAINT = "#d5dbe1"
_GRID_COLOUR = "#ff9f1c"
_CELLS = 24
_DPI = 100
_FINER = 1.5  # lines want more pixels than the image below them

_SAME_BYTES = {"svg.hashsalt": "sarnet"}


def deformed_grid(
    background: UInt8[np.ndarray, "y x 3"], displacement: Float[np.ndarray, "y x 2"], *, cells: int = _CELLS
) -> UInt8[np.ndarray, "*finer 3"]:
    """Draw a regular grid with every point moved by the field.

    Args:
        background: Picture below.
        displacement: In pixels, down and to the right.
        cells: Along the longest side.
    """
    rows, columns = displacement.shape[:2]
    y, x = np.indices((rows, columns)) + np.moveaxis(displacement, -1, 0)
    step = max(rows, columns) / cells
    points = np.stack([x, y], axis=-1)
    lines = [points[i] for i in _every(rows, step)] + [points[:, j] for j in _every(columns, step)]
    with _own_style():
        figure, axes = _canvas(background)
        axes.add_collection(LineCollection(lines, colors=_GRID_COLOUR, linewidths=0.9), autolim=False)
        return _pixels(figure)


def outlined(
    background: UInt8[np.ndarray, "y x 3"], inside: Bool[np.ndarray, "y x"], points: Float[np.ndarray, "point 2"]
) -> UInt8[np.ndarray, "*finer 3"]:
    """Draw the outline of a mask, and a ring around each of some points, given in pixels down and to the right."""
    with _own_style():
        figure, axes = _canvas(background)
        if inside.any() and not inside.all():
            axes.contour(inside, levels=[0.5], colors=INK, linewidths=0.8, alpha=0.7)
        axes.scatter(points[:, 1], points[:, 0], s=90, facecolors="none", edgecolors="black", linewidths=1.2)
        return _pixels(figure)


def cost_plot(history: Sequence[float | None]) -> bytes:
    """Draw the cost against the iteration, as SVG."""
    cost = np.array([np.nan if value is None else value for value in history], float)
    with _own_style():
        figure = Figure(figsize=(8, 3), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(
            np.arange(len(cost)),
            cost,
            color=AFTER_COLOUR,
            linewidth=1.8,
            marker="o" if len(cost) < 40 else "",
            markersize=3.5,
        )
        axes.set(xlabel="iteration", ylabel="cost")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _plain(axes)
        return _svg(figure)


def overlap_plot(names: Sequence[str], before: Sequence[float | None], after: Sequence[float | None]) -> bytes:
    """Draw the overlap of every label, before as a ring and after as a dot, as SVG."""
    first = np.array([np.nan if value is None else value for value in before], float)
    last = np.array([np.nan if value is None else value for value in after], float)
    at = np.arange(len(names))
    with _own_style():
        figure = Figure(figsize=(8, 0.9 + 0.24 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        axes.hlines(at, first, last, colors="#9aa5b1", linewidth=1.5, zorder=1)
        axes.scatter(
            first, at, s=36, facecolors="white", edgecolors=BEFORE_COLOUR, linewidths=1.6, label="before", zorder=2
        )
        axes.scatter(last, at, s=36, color=AFTER_COLOUR, label="after", zorder=3)
        axes.set(xlabel="Dice overlap", xlim=(-0.02, 1.02), ylim=(len(names) - 0.4, -0.6))
        axes.set_yticks(at, names)
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False, fontsize=9)
        _plain(axes)
        return _svg(figure)


def contact_sheet(rows: Sequence[Sequence[UInt8[np.ndarray, "_ _ 3"]]], *, titles: Sequence[str]) -> bytes:
    """Put pictures side by side under their titles, as PNG; those of a row have one height, as they have in the body.

    Args:
        rows: Pictures, as many in every row as there are titles, each shown at the size of the first of its row.
        titles: One for each column.
    """
    sizes = [row[0].shape[:2] for row in rows]
    widest = max(columns for _, columns in sizes)
    gap, heading = 8, 30
    width = len(titles) * (widest + gap) + gap
    height = heading + sum(count + gap for count, _ in sizes)
    with _own_style():
        figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
        top = heading
        for row, (count, columns) in zip(rows, sizes):
            for index, picture in enumerate(row):
                left = gap + index * (widest + gap) + (widest - columns) / 2
                box = (left / width, 1 - (top + count) / height, columns / width, count / height)
                axes = figure.add_axes(box)
                axes.set_axis_off()
                axes.imshow(picture, aspect="auto", interpolation="antialiased")
            top += count + gap
        for index, title in enumerate(titles):
            x = (gap + index * (widest + gap) + widest / 2) / width
            figure.text(x, 1 - heading / 2 / height, title, ha="center", va="center", color=INK, fontsize=11)
        file = BytesIO()
        figure.savefig(file, format="png")
    return file.getvalue()


def png(picture: UInt8[np.ndarray, "y x 3"]) -> bytes:
    """Return a picture as PNG."""
    file = BytesIO()
    imsave(file, picture, format="png")
    return file.getvalue()


def data_uri(content: bytes, kind: Literal["png", "svg+xml"]) -> str:
    """Return a picture as the address of itself, which needs no other file."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"


@contextmanager
def _own_style() -> Iterator[None]:
    """Matplotlib's defaults, whatever style sheet the caller uses, who has it back afterwards."""
    with style.context(["default", _SAME_BYTES]):
        yield


def _every(size: int, step: float) -> list[int]:
    """Lines across an axis, the same margin at both ends."""
    count = int((size - 1) / step)
    first = (size - 1 - count * step) / 2
    return [round(first + i * step) for i in range(count + 1)]


def _canvas(background: UInt8[np.ndarray, "y x 3"]) -> tuple[Figure, Axes]:
    """A figure with a picture to its very edges, in pixels of that picture."""
    rows, columns = background.shape[:2]
    figure = Figure(figsize=(columns * _FINER / _DPI, rows * _FINER / _DPI), dpi=_DPI)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.imshow(background, interpolation="bilinear", aspect="auto")
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    return figure, axes


def _pixels(figure: Figure) -> UInt8[np.ndarray, "y x 3"]:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    colours = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
    return colours[..., :3].copy()


def _plain(axes: Axes) -> None:
    """Only the lines that are read."""
    axes.set_facecolor("white")
    axes.grid(visible=True, color=_FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(colors=INK, labelsize=9, length=0)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("#9aa5b1")


def _svg(figure: Figure) -> bytes:
    file = BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, facecolor="white")
    return file.getvalue()
