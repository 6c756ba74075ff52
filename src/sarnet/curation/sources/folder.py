"""Anybody's folder of images: flat, a folder a patient, or images/ beside masks/ and labels/."""

import re
from pathlib import Path

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Source, Survey
from sarnet.curation.sources.layout import checked_masks, image, image_files, labels, stem
from sarnet.curation.sources.series import volumes
from sarnet.errors import ConfigError, DataError

WANTED = (
    "images anywhere in it, with NAME_mask and NAME_labels beside them; or in images/, with those of the same names in "
    "the same folders of masks/ and labels/; of images in folders the first folder's name is the patient, and a DICOM "
    "series in a folder of its own is one image"
)

_ENDINGS = {"masks": "_mask", "labels": "_labels"}
"""What stands after the image's name, by the folder where it may stand as well."""

_Place = tuple[Path, str]
"""An image's folder and name, without which files of several patients would be one's."""


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take every image below the folder.

    The patient is the first folder's name, else the file's; ``settings.pattern`` may say otherwise. A patient's
    images are visits in the order of their names. A folder with the slices of one DICOM series is an image, its name
    the visit where it lies in the patient's. Masks and labels that belong to no image are left out.

    Raises:
        DataError: If there is no image.
        ConfigError: If the pattern is none, or has no group that is known.
        InputError: If the folder of masks is not there.
    """
    root = folder / "images" if (folder / "images").is_dir() else folder
    files = image_files(root)
    apart = {
        "masks": checked_masks(settings.masks) if settings.masks else folder / "masks",
        "labels": folder / "labels",
    }
    folders = [below.absolute() for below in (*apart.values(), folder / "masks")]
    aside = [below for below in folders if not root.absolute().is_relative_to(below)]
    beside = [path for path in files if not any(path.absolute().is_relative_to(below) for below in aside)]
    pattern = _pattern(settings.pattern)
    paths = [path for path in beside if not stem(path).endswith(tuple(_ENDINGS.values()))]
    known = set(paths)  # no image is a mask, should the folder of masks be that of the images
    found = {
        kind: _by_place([path for path in image_files(below) if path not in known], below, _ENDINGS[kind])
        + _by_place([path for path in beside if stem(path).endswith(_ENDINGS[kind])], root, _ENDINGS[kind])
        for kind, below in apart.items()
    }
    chosen = {kind: dict(placed) for kind, placed in found.items()}
    if not paths:
        raise DataError(f"{folder} holds no image: wanted are {WANTED}")
    series = volumes(paths)
    slices = {path for within in series.folders.values() for path in within}
    items = []
    places = set()
    for path in sorted((*series.folders, *(path for path in paths if path not in slices))):
        within = path.relative_to(root) if path != root else Path(folder.resolve().name)
        name = path.name if path in series.folders else stem(path)
        place = (within.parent, name)
        places.add(place)
        whose = _whose(within, name, pattern)
        items.append(
            Item(
                name="_".join((*within.parts[:-1], name)),
                image=image(path),
                mask=labels(chosen["masks"].get(place)),
                labels=labels(chosen["labels"].get(place)),
                patient=whose["patient"],
                visit=whose.get("visit", "0"),
                group=whose.get("group", ""),
            )
        )
    unused = [each for kind, placed in found.items() for each in _unused(placed, chosen[kind], places)]
    return Survey(tuple(items), tuple(unused), series.notes)


def _by_place(paths: list[Path], below: Path, ending: str) -> list[tuple[_Place, Path]]:
    """Masks or labels with the place of the image that each belongs to."""
    return [((path.relative_to(below).parent, stem(path).removesuffix(ending)), path) for path in paths]


def _unused(placed: list[tuple[_Place, Path]], chosen: dict[_Place, Path], places: set[_Place]) -> list[LeftOut]:
    """What of masks or labels has no image, or a rival that is taken."""
    unused = []
    for place, path in placed:
        name = (place[0] / path.name).as_posix()
        if place not in places:
            unused.append(LeftOut(name, "it belongs to no image: none in the same folder has its name"))
        elif chosen[place] != path:
            unused.append(LeftOut(name, f"{chosen[place].name} is taken for the same image"))
    return unused


def _pattern(text: str | None) -> re.Pattern[str] | None:
    if text is None:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ConfigError(f"pattern is {text!r}, but must be a regular expression: {error}") from error
    if "patient" not in pattern.groupindex or not {"patient", "visit", "group"} >= pattern.groupindex.keys():
        raise ConfigError(
            f"pattern is {text!r}, but must have a group (?P<patient>...) and may have (?P<visit>...), (?P<group>...)"
        )
    return pattern


def _whose(within: Path, name: str, pattern: re.Pattern[str] | None) -> dict[str, str]:
    """Patient, visit and group, as far as the path tells."""
    if pattern is None:
        return {"patient": within.parts[0], "visit": name} if len(within.parts) > 1 else {"patient": name}
    found = pattern.search(within.as_posix())
    if found is None:
        raise DataError(f"{within} does not match the pattern {pattern.pattern!r}: correct it, or move the file away")
    return {name: value for name, value in found.groupdict().items() if value is not None}


SOURCE = Source(survey, WANTED)
