"""JSRT: 247 X-rays, 154 of them with a nodule, and the masks of SCR.

::

    All247images/JPCLN001.IMG                      2048 x 2048, 12 bits in 16, big-endian, no header, white is zero
    scratch/fold1/masks/left lung/JPCLN001.gif     1024 x 1024; or .png
    scratch/fold1/masks/right lung/JPCLN001.gif
"""

from pathlib import Path

import numpy as np
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Part, Source, Survey
from sarnet.curation.sources.layout import ONE_LUNG, image, of_no_image, stem
from sarnet.errors import DataError
from sarnet.images import Image

WANTED = "JPCLN*.IMG and JPCNN*.IMG (or .png) anywhere below, SCR's masks in 'left lung/' and 'right lung/'"

_SIDE = 2048
_HIGHEST = 4095
_SPACING_MM = 0.175
_GROUPS = {"JPCLN": "nodule", "JPCNN": "no nodule"}
_LUNGS = ("left lung", "right lung")
_DRAWN = {*_LUNGS, "heart", "left clavicle", "right clavicle", "masks"}
"""Folders of SCR: what lies in them is no X-ray."""


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take every X-ray, the raw file where it is there in two forms; every one is a patient.

    The mask of one lung alone is left out.

    Raises:
        DataError: If there is none.
    """
    files = sorted(path for path in folder.glob("**/JPC[LN]N*") if not path.is_dir())
    lungs = {side: {stem(path): path for path in files if path.parent.name == side} for side in _LUNGS}
    pictures = {
        stem(path): path
        for path in files
        if path.suffix.lower() == ".png" and not _DRAWN.intersection(path.relative_to(folder).parts)
    }
    raw = {stem(path): path for path in files if path.suffix.lower() == ".img"}
    found = {
        **{name: image(path) for name, path in pictures.items()},
        **{name: _raw(path) for name, path in raw.items()},
    }
    if not found:
        raise DataError(f"{folder} holds no JPC*.IMG: wanted are {WANTED}")
    items = []
    left_out = [*of_no_image((path for side in lungs.values() for path in side.values()), found)]
    for name, part in sorted(found.items()):
        masks = tuple(lungs[side][name] for side in _LUNGS if name in lungs[side])
        if len(masks) == 1:
            left_out.append(LeftOut(f"{masks[0].parent.name}/{masks[0].name}", ONE_LUNG))
        items.append(
            Item(
                name=name,
                image=part,
                mask=Part(paths=masks, read=read_drawn, reduced=True) if len(masks) == len(_LUNGS) else None,
                patient=name,
                group=_GROUPS[name[:5]],
                spacing=(_SPACING_MM, _SPACING_MM) if name in raw else None,
            )
        )
    return Survey(tuple(items), tuple(left_out))


def _raw(path: Path) -> Part:
    return Part(paths=(path,), read=read_raw)


def read_raw(path: Path) -> Image:
    """Read an ``.IMG`` file, turned over so that white is high.

    Raises:
        DataError: If it cannot be read, or has not 12 bits for each of 2048 x 2048 pixels.
    """
    try:
        values = np.fromfile(path, dtype=">u2")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    size = path.stat().st_size
    if size != 2 * _SIDE**2:
        said = "8 bits a pixel, but the archive's have 12 in 16" if size == _SIDE**2 else "another file, or cut off"
        raise DataError(f"{path} has {size} bytes, but {2 * _SIDE**2} are wanted: {said}")
    if values.max() > _HIGHEST:
        raise DataError(f"{path} has the value {values.max()}, but 12 bits end at {_HIGHEST}: is it little-endian?")
    array = (_HIGHEST - values.astype(np.float32)).reshape(_SIDE, _SIDE)
    return Image.from_array(array, spacing=(_SPACING_MM, _SPACING_MM))


def read_drawn(*paths: Path) -> Image:
    """Read SCR's masks, GIF or PNG, as one: where any of them is not zero.

    Raises:
        DataError: If one cannot be read, or their sizes differ.
    """
    arrays = []
    for path in paths:
        try:
            with Picture.open(path) as picture:
                arrays.append(np.asarray(picture.convert("L")) != 0)
        except (OSError, UnidentifiedImageError) as error:
            raise DataError(f"{path} cannot be read: {error}") from error
    if len({array.shape for array in arrays}) > 1:
        raise DataError(f"{paths[0]} and {paths[1]} differ in size, but must be masks of one image")
    return Image.from_array(np.uint8(255) * np.any(arrays, axis=0))


SOURCE = Source(survey, WANTED)
