"""Anybody's folder of images: flat, a folder a patient, or images/ beside masks/ and labels/."""

import re
from pathlib import Path

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, Source, Survey
from sarnet.curation.sources.layout import by_stem, image, image_files, labels, stem
from sarnet.errors import ConfigError, DataError

WANTED = (
    "images anywhere in it, with NAME_mask and NAME_labels beside them; or in images/, with those of the same names in "
    "masks/ and labels/; of images in folders the first folder's name is the patient"
)


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take every image below the folder.

    The patient is the first folder's name, else the file's; ``settings.pattern`` may say otherwise. A patient's
    images are visits in the order of their names.

    Raises:
        DataError: If there is no image.
        ConfigError: If the pattern is none, or has no group that is known.
    """
    root = folder / "images" if (folder / "images").is_dir() else folder
    files = image_files(root)
    beside = {kind: [path for path in files if stem(path).endswith(f"_{kind}")] for kind in ("mask", "labels")}
    masks = by_stem(image_files(settings.masks or folder / "masks")) | by_stem(beside["mask"], without="_mask")
    known_labels = by_stem(image_files(folder / "labels")) | by_stem(beside["labels"], without="_labels")
    taken = {*masks.values(), *known_labels.values()}
    pattern = _pattern(settings.pattern)
    paths = [path for path in files if path not in taken]
    if not paths:
        raise DataError(f"{folder} holds no image: wanted are {WANTED}")
    items = []
    for path in paths:
        within = path.relative_to(root)
        whose = _whose(within, pattern)
        items.append(
            Item(
                name="_".join((*within.parts[:-1], stem(path))),
                image=image(path),
                mask=labels(masks.get(stem(path))),
                labels=labels(known_labels.get(stem(path))),
                patient=whose["patient"],
                visit=whose.get("visit", "0"),
                group=whose.get("group", ""),
            )
        )
    return Survey(tuple(items))


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


def _whose(within: Path, pattern: re.Pattern[str] | None) -> dict[str, str]:
    """Patient, visit and group, as far as the path tells."""
    if pattern is None:
        return (
            {"patient": within.parts[0], "visit": stem(within)} if len(within.parts) > 1 else {"patient": stem(within)}
        )
    found = pattern.search(within.as_posix())
    if found is None:
        raise DataError(f"{within} does not match the pattern {pattern.pattern!r}: correct it, or move the file away")
    return {name: value for name, value in found.groupdict().items() if value is not None}


SOURCE = Source(survey, WANTED)
