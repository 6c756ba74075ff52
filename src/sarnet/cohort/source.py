"""Where a cohort comes from: a CSV file of pairs or of images, or a BIDS directory."""

from pathlib import Path
from typing import NamedTuple

from sarnet.cohort.bids import DEFAULT_PATTERN, bids_images
from sarnet.cohort.image import Atlas, CohortImage, seen_once, to_atlas, to_first
from sarnet.cohort.pair import CohortPair
from sarnet.cohort.table import images_of, pairs_of, read_table
from sarnet.errors import InputError


class Found(NamedTuple):
    """What a source stands for."""

    pairs: list[CohortPair]
    seen_once: tuple[str, ...] = ()
    """Patients that are left out: they have no later visit to be registered to the first."""


def find_pairs(
    source: Path,
    *,
    atlas: Atlas | None = None,
    pattern: str = DEFAULT_PATTERN,
    spacing: tuple[float, ...] | None = None,
) -> Found:
    """Return the pairs that a source stands for.

    A CSV with the columns fixed and moving lists them. One with the column image, and a BIDS directory, give each
    image to the atlas, or without one each later visit of a patient to the first.

    Args:
        source: The CSV file or the directory.
        atlas: What every image is registered to.
        pattern: Names of the images of a BIDS directory.
        spacing: Millimetres along x, y[, z] of images that do not tell theirs.

    Raises:
        DataError: If the source cannot be read, a column is missing, or no image is found.
        InputError: If an atlas is given for pairs, or no patient has two visits.
    """
    if not source.is_dir():
        table = read_table(source)
        if table.has_pairs:
            if atlas is not None:
                raise InputError(f"{source} lists pairs, and an atlas is given, too: give one of them")
            return Found(pairs_of(table, spacing=spacing))
    images = find_images(source, pattern=pattern, spacing=spacing)
    return Found(to_first(images), seen_once(images)) if atlas is None else Found(to_atlas(images, atlas))


def find_images(
    source: Path, *, pattern: str = DEFAULT_PATTERN, spacing: tuple[float, ...] | None = None
) -> list[CohortImage]:
    """Return the images of a CSV with the column image, or of a BIDS directory; see :func:`find_pairs`.

    Raises:
        DataError: If the source cannot be read, a column is missing, or no image is found.
        InputError: If a session of a BIDS directory has several such images.
    """
    if source.is_dir():
        return bids_images(source, pattern, spacing=spacing)
    return images_of(read_table(source), spacing=spacing)
