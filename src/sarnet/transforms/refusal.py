"""Saying what is wrong with a file."""

from pathlib import Path
from typing import NoReturn

from sarnet.errors import DataError, InputError
from sarnet.images.grid import Grid

DEFLATE_RATIO = 1032
"""Deflate cannot make a file smaller than this: what claims to unpack to more is damaged."""


def refuse(path: Path, wanted: str, came: str, *, todo: str = "check the file") -> NoReturn:
    """Raise what a user reads about a file that cannot be used.

    Raises:
        DataError: Always.
    """
    raise DataError(f"{path}: wanted {wanted}, but came {came}: {todo}")


def unreadable(path: Path, wanted: str, error: Exception) -> NoReturn:
    """Raise what a user reads about a file that a library cannot read, with the first line of what that says.

    Raises:
        DataError: Always, from ``error``.
    """
    reason = next(iter(str(error).strip().splitlines()), "") or type(error).__name__
    raise DataError(f"{path}: wanted {wanted}, but came one that cannot be read ({reason}): check the file") from error


def check_room(path: Path, bytes_wanted: int, *, packed: bool) -> None:
    """Refuse a file too small to hold what its header promises, before memory is taken for that.

    Raises:
        DataError: If it is.
    """
    most = path.stat().st_size * (DEFLATE_RATIO if packed else 1)
    if bytes_wanted > most:
        refuse(path, f"a whole file with {bytes_wanted} bytes of values, as its header says", f"at most {most} bytes")


def check_volume(path: Path, grid: Grid, what: str) -> None:
    """Refuse images of two axes, where a format is of volumes alone.

    Raises:
        InputError: If the grid has two axes.
    """
    if grid.dimension != 3:
        raise InputError(f"{path}: {what} are of volumes, but the images have two axes: use .h5")


def ending_of(path: Path, known: tuple[str, ...]) -> str:
    """Return which of the endings a path has.

    Raises:
        InputError: If it has none of them.
    """
    for ending in known:
        if path.name.lower().endswith(ending):
            return ending
    raise InputError(f"{path}: wanted a file that ends in one of {', '.join(known)}, but came {path.name!r}")
