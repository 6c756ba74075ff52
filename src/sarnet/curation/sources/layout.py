"""What the layouts of archives have in common: images by their names, and those that a table does not name."""

from collections.abc import Iterable
from pathlib import Path

from sarnet.curation.item import LeftOut, Part
from sarnet.errors import DataError, InputError
from sarnet.images import read_image, read_labels

_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".dcm")

ONE_LUNG = "the other lung's mask is not there, so that the image has none"
"""Why the mask of one lung is left out."""


def stem(path: Path) -> str:
    """Return a file's name without the ending of its format."""
    ending = next((each for each in _ENDINGS if path.name.lower().endswith(each)), path.suffix)
    return path.name[: len(path.name) - len(ending)]


def image_files(folder: Path, pattern: str = "**/*") -> list[Path]:
    """Return the images below a folder, in the order of their paths; hidden files are none."""
    return sorted(
        path
        for path in folder.glob(pattern)
        if path.name.lower().endswith(_ENDINGS) and not path.name.startswith(".") and path.is_file()
    )


def by_stem(paths: Iterable[Path], *, without: str = "") -> dict[str, Path]:
    """Return files by their names without ending, and without what some archives put before it."""
    return {stem(path).removesuffix(without): path for path in paths}


def given_masks(folder: Path | None) -> dict[str, Path]:
    """Return the masks in the folder that the setting ``masks`` names, ``NAME.png`` or ``NAME_mask.png``, by NAME.

    Raises:
        InputError: If the folder is not there.
    """
    return {} if folder is None else by_stem(image_files(checked_masks(folder)), without="_mask")


def checked_masks(folder: Path) -> Path:
    """Return the folder that the setting ``masks`` names.

    Raises:
        InputError: If it is not there.
    """
    if not folder.is_dir():
        raise InputError(f"masks is {folder}, but there is no such folder: give that of the masks, or leave it out")
    return folder


def image(path: Path) -> Part:
    """Return a file that holds an image."""
    return Part(paths=(path,), read=read_image)


def labels(path: Path | None) -> Part | None:
    """Return a file that holds a mask or labels, where there is one."""
    return None if path is None else Part(paths=(path,), read=read_labels)


def only_file(folder: Path, pattern: str, *, what: str) -> Path:
    """Return the one file of a pattern below a folder.

    Raises:
        DataError: If there is none or several.
    """
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise DataError(f"{folder} holds {len(found)} files {pattern}, but one is wanted: {what}")
    return found[0]


def unnamed(paths: Iterable[Path], named: Iterable[Path], table: Path) -> list[LeftOut]:
    """Return the images that no row of a table names."""
    known = set(named)
    return [LeftOut(path.name, f"no row of {table.name} names it") for path in paths if path not in known]
