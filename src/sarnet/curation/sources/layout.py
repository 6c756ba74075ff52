"""What the layouts of archives have in common: images by their names, and those that a table does not name."""

from collections.abc import Collection, Iterable, Mapping
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
    """Return the images below a folder, in the order of their paths; hidden files are none, links to nothing are."""
    return sorted(
        path
        for path in folder.glob(pattern)
        if path.name.lower().endswith(_ENDINGS) and not path.name.startswith(".") and not path.is_dir()
    )


def is_listed(path: Path) -> bool:
    """Tell whether a folder lists such a file, be it a link to nothing: what has that, is left out by its name."""
    return (path.exists() or path.is_symlink()) and not path.is_dir()


def by_stem(paths: Iterable[Path], *, without: str = "") -> dict[str, Path]:
    """Return files by their names without ending, and without what some archives put before it."""
    return {stem(path).removesuffix(without): path for path in paths}


def given_masks(folder: Path | None) -> list[Path]:
    """Return the masks in the folder that the setting ``masks`` names, ``NAME.png`` or ``NAME_mask.png``.

    Raises:
        InputError: If the folder is not there.
    """
    return [] if folder is None else image_files(checked_masks(folder))


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


def of_no_image(masks: Iterable[Path], names: Collection[str]) -> list[LeftOut]:
    """Return the masks whose image, of the same name, is not there."""
    return [
        LeftOut(f"{path.parent.name}/{path.name}", "it belongs to no image: none has its name")
        for path in masks
        if stem(path).removesuffix("_mask") not in names
    ]


def rivals(masks: Iterable[Path], taken: Mapping[str, Path]) -> list[LeftOut]:
    """Return the masks in whose place another of the same image, by whose name it is known, is taken."""
    found = [(path, taken.get(stem(path).removesuffix("_mask"), path)) for path in masks]
    return [
        LeftOut(f"{path.parent.name}/{path.name}", f"{other.parent.name}/{other.name} is taken for the same image")
        for path, other in found
        if other != path
    ]


def unnamed(paths: Iterable[Path], named: Iterable[Path], table: Path) -> list[LeftOut]:
    """Return the images that no row of a table names."""
    known = set(named)
    return [LeftOut(path.name, f"no row of {table.name} names it") for path in paths if path not in known]
