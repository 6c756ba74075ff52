"""NLM's Montgomery County set: 138 frontal X-rays, a mask of each lung.

::

    CXR_png/MCUCXR_0001_0.png
    ManualMask/leftMask/MCUCXR_0001_0.png
    ManualMask/rightMask/MCUCXR_0001_0.png
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, LeftOut, Part, Source, Survey
from sarnet.curation.sources.layout import ONE_LUNG, by_stem, image, image_files, of_no_image, stem
from sarnet.curation.sources.shenzhen import GROUPS
from sarnet.errors import DataError
from sarnet.images import Image, read_labels

WANTED = (
    "CXR_png/MCUCXR_*.png with ManualMask/leftMask/ and ManualMask/rightMask/; or images/ and masks/ of the same names"
)

_LUNGS = ("leftMask", "rightMask")
_BOTH = "masks"
_MASKS = (*_LUNGS, _BOTH)


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take every X-ray; every one is a patient. The mask of one lung alone is left out.

    Raises:
        DataError: If there is none.
    """
    files = image_files(folder, "**/MCUCXR_*")
    masks = {kind: by_stem(path for path in files if path.parent.name == kind) for kind in _MASKS}
    images = [path for path in files if path.parent.name not in _MASKS]
    if not images:
        raise DataError(f"{folder} holds no file MCUCXR_*: wanted are {WANTED}")
    names = {stem(path) for path in images}
    items = []
    left_out = [*of_no_image((path for kind in masks.values() for path in kind.values()), names)]
    for path in images:
        lungs = tuple(masks[kind][stem(path)] for kind in _LUNGS if stem(path) in masks[kind])
        if stem(path) in masks[_BOTH]:
            lungs = (masks[_BOTH][stem(path)],)
        elif len(lungs) == 1:
            left_out.append(LeftOut(f"{lungs[0].parent.name}/{lungs[0].name}", ONE_LUNG))
            lungs = ()
        items.append(
            Item(
                name=stem(path),
                image=image(path),
                mask=Part(paths=lungs, read=read_union) if lungs else None,
                patient=stem(path),
                group=GROUPS.get(stem(path)[-1], ""),
            )
        )
    return Survey(tuple(items), tuple(left_out))


def read_union(*paths: Path) -> Image:
    """Read masks of one image as one: where any of them is not zero.

    Raises:
        DataError: If one cannot be read, or their sizes differ.
    """
    masks = [read_labels(path) for path in paths]
    sizes = {mask.grid.size for mask in masks}
    if len(sizes) > 1:
        raise DataError(f"{paths[0]} and {paths[1]} have the sizes {sorted(sizes)}, but must be masks of one image")
    inside = np.any([mask.array != 0 for mask in masks], axis=0)
    return replace(masks[0], array=np.uint8(255) * inside)


SOURCE = Source(survey, WANTED)
