"""From a head to a brain: by a mask that is given, or by deepbet's packaged network."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from sarnet.config import CurationSettings
from sarnet.errors import DataError, MissingExtraError
from sarnet.images import Image, read_labels, write_image


def extract_brain(image: Image, mask: Image | None, settings: CurationSettings) -> tuple[Image, Image | None]:
    """Return the image, zero outside of the brain, and the brain's mask.

    Args:
        image: A head, or what is a brain already.
        mask: Its mask (255 is inside), where there is one: it goes before deepbet's.
        settings: ``brain`` says how.

    Raises:
        DataError: If a mask is wanted and there is none, or deepbet finds no brain.
        MissingExtraError: If deepbet is wanted and not installed.
    """
    if settings.brain == "done":
        return image, mask
    if settings.brain == "deepbet" and mask is None:
        mask = _deepbet(image)
    if mask is None:
        raise DataError("has no mask, but its brain is to be cut out by one: give masks, or brain=deepbet")
    lowest = min(float(image.array.min()), 0.0)
    return replace(image, array=np.where(mask.array != 0, image.array - lowest, np.float32(0))), mask


def _deepbet(image: Image) -> Image:
    try:
        from deepbet import run_bet  # noqa: PLC0415  an extra, and slow to import
    except ModuleNotFoundError as error:
        raise MissingExtraError.of(
            "brain extraction needs deepbet", extra="brain", instead="set brain=mask or done"
        ) from error
    with tempfile.TemporaryDirectory() as folder:
        head, cut = Path(folder) / "head.nii.gz", Path(folder) / "mask.nii.gz"
        write_image(image, head)
        run_bet([str(head)], mask_paths=[str(cut)], no_gpu=True)
        mask = read_labels(cut)
    if not mask.array.any():
        raise DataError("shows no brain that deepbet would find")
    return replace(image, array=np.uint8(255) * (mask.array != 0))
