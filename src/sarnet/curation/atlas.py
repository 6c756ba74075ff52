"""An atlas: the average of volumes that are aligned to one template."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sarnet.errors import GridError, InputError
from sarnet.images import Image, read_image, write_image

ATLAS = "atlas.nii.gz"


def average(paths: Sequence[Path]) -> Image:
    """Return the mean of images on one grid, in float32; two of them are in memory at a time.

    Raises:
        InputError: If there is no image.
        GridError: If the grids differ.
        DataError: If one cannot be read.
    """
    if not paths:
        raise InputError("paths is empty, but an average needs an image")
    first = read_image(paths[0])
    total = first.array.astype(np.float64)
    for path in paths[1:]:
        image = read_image(path)
        if not image.grid.same_as(first.grid):
            raise GridError(f"{path} lies on another grid than {paths[0]}, but an average needs one: align them first")
        total += image.array
    return Image(array=(total / len(paths)).astype(np.float32), grid=first.grid)


def write_atlas(out: Path, paths: Sequence[Path]) -> Path:
    """Write the average of prepared volumes into their folder.

    Raises:
        SarnetError: As :func:`average` does, and if it cannot be written.
    """
    write_image(average(paths), out / ATLAS)
    return out / ATLAS
