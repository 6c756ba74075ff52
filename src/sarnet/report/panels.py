"""Two images made one to look at: checkerboard, overlay, difference, and maps in colours. Functions of arrays.

Intensities are in [0, 1]. Blue stands for the fixed image and orange for the moving one, in all of them: people with
any of the common colour-vision deficiencies tell these two apart.
"""

import math

import numpy as np
from jaxtyping import Bool, Float, UInt8

Stops = tuple[tuple[int, int, int], ...]
"""Colours at equal steps, from the lowest value to the highest."""

BLUE = (0.0, 0.45, 1.0)
ORANGE = (1.0, 0.55, 0.0)
"""With ``BLUE`` it adds up to white, so that two equal intensities make a grey."""

DIFFERENCE_COLOURS: Stops = ((127, 59, 8), (230, 134, 30), (247, 247, 247), (67, 147, 225), (5, 48, 110))
"""Orange where the moving image is brighter, white where there is no difference, blue where the fixed is."""

VOLUME_COLOURS: Stops = ((0, 90, 50), (127, 191, 123), (247, 247, 247), (175, 141, 195), (90, 20, 110))
"""Green below zero, white at zero, purple above it."""

UNCERTAINTY_COLOURS: Stops = ((247, 247, 247), (253, 204, 138), (252, 141, 89), (179, 0, 0))
"""White where the result is sure, by way of orange to dark red."""

FOLD_COLOUR = (255, 221, 0)

_TILES = 8
_PERCENTILE = 99.5


def grey(values: Float[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x 3"]:
    """Return ``values`` as grey, from black at 0 to white at 1."""
    return _bytes(np.repeat(values[..., None], 3, axis=-1))


def checkerboard(
    first: Float[np.ndarray, "y x"], second: Float[np.ndarray, "y x"], *, tiles: int = _TILES
) -> Float[np.ndarray, "y x"]:
    """Take the squares of a checkerboard from two images in turn.

    Args:
        first: Image of the top left square.
        second: Image of the squares beside it.
        tiles: Squares along the longest side; the last may be cut.
    """
    side = math.ceil(max(first.shape) / tiles)
    rows, columns = np.indices(first.shape) // side
    return np.where((rows + columns) % 2 == 0, first, second)


def overlay(fixed: Float[np.ndarray, "y x"], moving: Float[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x 3"]:
    """Add the fixed image in blue and the moving one in orange: grey wherever they are the same."""
    return _bytes(fixed[..., None] * np.array(BLUE) + moving[..., None] * np.array(ORANGE))


def diverging(values: Float[np.ndarray, "y x"], *, limit: float, colours: Stops) -> UInt8[np.ndarray, "y x 3"]:
    """Colour values by their sign and size, linearly between the stops.

    Args:
        values: Of any unit; those beyond ``limit`` have the colour of the limit.
        limit: Value of the last colour; the first is that of ``-limit``.
        colours: Stops, the middle one for zero.
    """
    return _coloured(values, np.linspace(-limit, limit, len(colours)), colours)


def sequential(values: Float[np.ndarray, "y x"], *, limit: float, colours: Stops) -> UInt8[np.ndarray, "y x 3"]:
    """Colour values from zero on by their size, linearly between the stops.

    Args:
        values: Of any unit; those beyond ``limit`` have the colour of the limit.
        limit: Value of the last colour.
        colours: Stops, the first one for zero.
    """
    return _coloured(values, np.linspace(0, limit, len(colours)), colours)


def marked(
    picture: UInt8[np.ndarray, "y x 3"], where: Bool[np.ndarray, "y x"], colour: tuple[int, int, int] = FOLD_COLOUR
) -> UInt8[np.ndarray, "y x 3"]:
    """Return ``picture`` with one colour wherever ``where`` holds."""
    return np.where(where[..., None], np.array(colour, np.uint8), picture)


def symmetric_limit(*maps: Float[np.ndarray, "..."], least: float) -> float:
    """Return the size that all but a few values of several maps stay below, so that one scale fits them.

    Args:
        *maps: Values of either sign; those that are not finite do not count.
        least: The result is not smaller, so that rounding errors do not look like a finding.
    """
    sizes = np.concatenate([np.abs(values[np.isfinite(values)]).ravel() for values in maps])
    return max(least, float(np.percentile(sizes, _PERCENTILE))) if sizes.size else least


def _coloured(
    values: Float[np.ndarray, "y x"], at: Float[np.ndarray, " stop"], colours: Stops
) -> UInt8[np.ndarray, "y x 3"]:
    channels = [np.interp(values, at, stop) for stop in np.array(colours, float).T]
    return _bytes(np.stack(channels, axis=-1) / 255)


def _bytes(colours: Float[np.ndarray, "y x 3"]) -> UInt8[np.ndarray, "y x 3"]:
    return np.asarray(np.round(np.clip(colours, 0, 1) * 255), dtype=np.uint8)
