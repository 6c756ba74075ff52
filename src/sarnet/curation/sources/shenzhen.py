"""NLM's Shenzhen set: 662 frontal X-rays, masks of both lungs for 566 of them.

::

    CXR_png/CHNCXR_0001_0.png          the last digit: 0 normal, 1 tuberculosis
    mask/CHNCXR_0001_0_mask.png        published apart: put the folder anywhere below
"""

from pathlib import Path

from sarnet.config import CurationSettings
from sarnet.curation.item import Item, Source, Survey
from sarnet.curation.sources.layout import by_stem, image, image_files, labels, of_no_image, rivals, stem
from sarnet.errors import DataError

WANTED = "CXR_png/CHNCXR_*.png, and the masks CHNCXR_*_mask.png anywhere below; or images/ and masks/ of the same names"

GROUPS = {"0": "normal", "1": "tuberculosis"}
"""What the last digit of a name says, in Montgomery's set, too."""


def survey(folder: Path, settings: CurationSettings) -> Survey:
    """Take every X-ray; every one is a patient.

    Raises:
        DataError: If there is none.
    """
    files = image_files(folder, "**/CHNCXR_*")
    in_folders = {"mask", "masks"}
    drawn = [path for path in files if path.parent.name in in_folders or stem(path).endswith("_mask")]
    masks = by_stem(drawn, without="_mask")
    images = sorted(set(files) - set(drawn))
    if not images:
        raise DataError(f"{folder} holds no file CHNCXR_*: wanted are {WANTED}")
    names = {stem(path) for path in images}
    left_out = of_no_image(drawn, names)
    left_out += rivals(drawn, {name: path for name, path in masks.items() if name in names})
    return Survey(
        tuple(
            Item(
                name=stem(path),
                image=image(path),
                mask=labels(masks.get(stem(path))),
                patient=stem(path),
                group=GROUPS.get(stem(path)[-1], ""),
            )
            for path in images
        ),
        tuple(left_out),
    )


SOURCE = Source(survey, WANTED)
