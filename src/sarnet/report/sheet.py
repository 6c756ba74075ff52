"""A look at prepared data before anybody trains on it: images with masks and labels, and how many there are of what."""

import math
from collections.abc import Sequence
from importlib import resources
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Num, UInt8
from jinja2 import Environment, StrictUndefined
from matplotlib.figure import Figure
from scipy import ndimage

from sarnet.curation import Counts, ManifestRow, count, manifest_of, read_manifest
from sarnet.images import Grid, Image, normalise, read_image, read_labels, resample, write_whole
from sarnet.report import figures, panels

HTML, PICTURE = "sheet.html", "sheet.png"

_LONGEST_PIXELS = 190
_COLUMNS = 6
_DPI = 100
_MASK_COLOUR = (255, 159, 28)
_LABEL_COLOURS = ((86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167))
"""Okabe and Ito's: told apart with any of the common colour-vision deficiencies."""

_MOST_VALUES = 12


class Sheet(NamedTuple):
    """What was written, and the counts in it."""

    html: Path
    picture: Path
    counts: Counts


class _Tile(NamedTuple):
    """An image to look at, and what is said below it."""

    picture: UInt8[np.ndarray, "y x 3"]
    title: str
    further: str


def write_sheet(manifest: Path, *, out: Path, most: int = 60) -> Sheet:
    """Write a contact sheet of prepared data as one HTML file and as one PNG.

    Of more images than ``most``, those at equal steps through the manifest are shown; of volumes the middle slice.

    Args:
        manifest: The CSV, or the folder of prepared data.
        out: Folder to write ``sheet.html`` and ``sheet.png`` into; older ones are replaced.
        most: Images to show.

    Raises:
        DataError: If the manifest or an image of it cannot be read, or ``out`` cannot be written to.
    """
    path = manifest_of(manifest)
    rows = read_manifest(path)
    chosen = [rows[index] for index in np.unique(np.linspace(0, len(rows) - 1, most).round().astype(int))]
    tiles = [_tile(row, path.parent) for row in chosen]
    counts = count(rows)
    title = f"{len(rows)} images of {len({row.person for row in rows})} patients"
    out.mkdir(parents=True, exist_ok=True)
    return Sheet(
        write_whole(out / HTML, _page(path, title, counts, tiles).encode()),
        write_whole(out / PICTURE, _sheet(title, tiles)),
        counts,
    )


def _tile(row: ManifestRow, folder: Path) -> _Tile:
    image = read_image(folder / row.image)
    grid = _shown(image.grid)
    grey = np.clip(resample(_slice(Image(array=normalise(image.array), grid=image.grid)), grid).array, 0, 1)
    picture = panels.grey(grey)
    for kind, path in (("labels", row.labels), ("mask", row.mask)):
        if path:
            values = resample(_slice(read_labels(folder / path)), grid, interpolation="nearest").array
            picture = _outlined(picture, values, kind)
    said = (f"visit {row.visit}", row.group, row.split, row.size.replace(" ", " x "))
    return _Tile(picture, row.patient, " · ".join(word for word in said if word))


def _slice(image: Image) -> Image:
    """The middle slice of a volume, as an image that does not say where it lies; an image of two axes likewise."""
    array = image.array if image.array.ndim == 2 else image.array[len(image.array) // 2]
    return Image.from_array(array, spacing=image.grid.spacing[:2])


def _shown(grid: Grid) -> Grid:
    """The grid of square pixels that a slice is shown on, edge to edge."""
    spacing = np.array(grid.spacing[:2])
    sides = np.array(grid.size[:2]) * spacing
    size = np.maximum(1, np.round(_LONGEST_PIXELS * sides / sides.max())).astype(int)
    pixel = sides / size
    return Grid(
        size=tuple(size.tolist()),
        spacing=tuple(pixel.tolist()),
        origin=tuple(((pixel - spacing) / 2).tolist()),
        direction=(1.0, 0.0, 0.0, 1.0),
    )


def _outlined(
    picture: UInt8[np.ndarray, "y x 3"], values: Num[np.ndarray, "y x"], kind: str
) -> UInt8[np.ndarray, "y x 3"]:
    """Mark the border of every label, in the colour of its place in their order, or of the mask in its own."""
    present = [value for value in np.unique(values) if value != 0]
    for index, value in enumerate(present):
        colour = _MASK_COLOUR if kind == "mask" else _LABEL_COLOURS[index % len(_LABEL_COLOURS)]
        picture = panels.marked(picture, _border(values == value), colour)
    return picture


def _border(inside: Bool[np.ndarray, "y x"]) -> Bool[np.ndarray, "y x"]:
    return np.asarray(inside & ~ndimage.binary_erosion(inside))


def _sheet(title: str, tiles: Sequence[_Tile]) -> bytes:
    """Every tile with its words in one PNG."""
    side, words, gap, heading = _LONGEST_PIXELS, 32, 10, 36
    columns = min(_COLUMNS, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    width, height = columns * (side + gap) + gap, heading + rows * (side + words + gap)
    figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor="white")
    figure.text(gap / width, 1 - heading / 2 / height, title, va="center", fontsize=13, color=figures.INK)
    for index, tile in enumerate(tiles):
        left = gap + index % columns * (side + gap)
        top = heading + index // columns * (side + words + gap)
        tall, wide = tile.picture.shape[:2]
        box = ((left + (side - wide) / 2) / width, 1 - (top + (side + tall) / 2) / height, wide / width, tall / height)
        axes = figure.add_axes(box)
        axes.set_axis_off()
        axes.imshow(tile.picture, interpolation="none", aspect="auto")
        for line, (text, size) in enumerate(((tile.title, 8), (tile.further, 7))):
            y = 1 - (top + side + 9 + 13 * line) / height
            figure.text((left + side / 2) / width, y, _short(text), ha="center", va="center", fontsize=size)
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _short(text: str, longest: int = 34) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _page(path: Path, title: str, counts: Counts, tiles: Sequence[_Tile]) -> str:
    template = resources.files("sarnet.report").joinpath("sheet.html.j2").read_text(encoding="utf-8")
    # autoescape: names of patients and groups are anybody's
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(
        title=title,
        folder=path.name,
        tiles=[(figures.data_uri(figures.png(tile.picture), "png"), tile.title, tile.further) for tile in tiles],
        counts={what: list(values.items())[:_MOST_VALUES] for what, values in counts.items()},
        more={what: len(values) - _MOST_VALUES for what, values in counts.items()},
        total=sum(counts["data set"].values()),
    )
