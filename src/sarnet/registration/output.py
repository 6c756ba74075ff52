"""The folder of a registration's results, and files: written beside their place, moved there when they are whole."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from sarnet.errors import InputError
from sarnet.images import write_image
from sarnet.registration.record import RECORD_FILE, Files, Inputs
from sarnet.registration.result import Registration
from sarnet.transforms import write_displacement, write_transform

_BIDS = re.compile(r"((?:[a-z]+-[A-Za-z0-9+]+_)*)from-([A-Za-z0-9+]+)_to-([A-Za-z0-9+]+)")
_PICTURES = (".png", ".jpg", ".jpeg")


def check_result_folder(
    out: Path, *, overwrite: bool, advice: str = "choose another folder, or add --overwrite"
) -> None:
    """Refuse a folder that results cannot go to, before anything is computed.

    Args:
        out: The folder.
        overwrite: Whether it may hold something.
        advice: What to do where it does and may not.

    Raises:
        InputError: If ``out`` is a file, is not empty (unless ``overwrite``), or cannot be made or written.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"out {out} is a file, but must be a folder: choose another")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise InputError(f"out {out} is not empty: {advice}")
    existing = out
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(f"out {out} cannot be written: {existing} does not allow it; choose another folder")


@contextmanager
def result_folder(out: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a temporary folder and, if all goes well, move what was written there to ``out``.

    Whatever goes wrong inside leaves ``out`` as it was. Files in ``out`` that are not written anew stay.

    Raises:
        InputError: As :func:`check_result_folder` does.
    """
    check_result_folder(out, overwrite=overwrite)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    except OSError as error:
        raise InputError(f"out {out} cannot be written: {error.strerror}; choose another folder") from error
    try:
        yield folder
        folder.chmod(0o755)  # mkdtemp's own is for nobody else
        if out.exists():
            for file in folder.iterdir():
                file.replace(out / file.name)
        else:
            folder.replace(out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class BidsNames(NamedTuple):
    """Names of the transform, of its inverse and of the warped image as BIDS has them."""

    transform: str
    inverse: str
    warped: str | None = None
    """Of the warped image, where that has a name by BIDS, too."""

    @classmethod
    def of(cls, entities: str, *, suffix: str | None = None) -> "BidsNames":
        """Make ``…_from-A_to-B_mode-image_xfm.h5`` of ``…_from-A_to-B``, and the other way round for the inverse.

        BIDS names where *images* go: ``from`` is the space of the moving image, ``to`` that of the fixed one.

        Args:
            entities: What the names begin with, up to the two spaces.
            suffix: What kind of image the moving one is, ``T1w`` perhaps: the warped one is then named
                ``…_space-B_T1w.nii.gz``.

        Raises:
            InputError: If ``entities`` is something else, or names one space for both images.
        """
        found = _BIDS.fullmatch(entities)
        if found is None:
            raise InputError(
                f"bids-name is {entities!r}, but wanted entities that end in the spaces of the moving and the fixed "
                "image: sub-01_from-T1w_to-MNI152NLin2009cAsym"
            )
        before, source, target = found.groups()
        if source == target:
            raise InputError(
                f"bids-name is {entities!r}, but names one space, {source!r}, for both images: the transform and its "
                "inverse would be one file; give the fixed image's space, or the atlas's file, another name"
            )
        return cls(
            f"{before}from-{source}_to-{target}_mode-image_xfm.h5",
            f"{before}from-{target}_to-{source}_mode-image_xfm.h5",
            f"{before}space-{target}_{suffix}.nii.gz" if suffix else None,
        )


def write_registration(
    registration: Registration,
    folder: Path,
    *,
    inputs: Inputs,
    command: str | None = None,
    bids_names: BidsNames | None = None,
) -> None:
    """Write the warped image, the transform and its inverse, the displacement, the record and what else there is.

    Args:
        registration: What to write.
        folder: An existing folder.
        inputs: Files that went in; a picture as the moving image gives a PNG as the warped one.
        command: The command line, for the record.
        bids_names: Other names than ``transform.h5``, ``inverse.h5`` and ``warped.nii.gz``.
    """
    picture = inputs.moving is not None and Path(inputs.moving).suffix.lower() in _PICTURES
    ending = ".png" if picture else ".nii.gz"
    labels, masks = registration.warped_labels, registration.own_masks
    names = bids_names or BidsNames("transform.h5", "inverse.h5")
    files = Files(
        warped=names.warped or f"warped{ending}",
        transform=names.transform,
        inverse=names.inverse,
        warped_labels=f"warped_labels{ending}" if labels else None,
        fixed_mask=f"fixed_mask{ending}" if masks else None,
        moving_mask=f"moving_mask{ending}" if masks else None,
        uncertainty="uncertainty.nii.gz" if registration.uncertainty else None,
    )
    write_image(registration.warped, folder / files.warped)
    if labels is not None and files.warped_labels is not None:
        write_image(labels, folder / files.warped_labels)
    if masks is not None and files.fixed_mask is not None and files.moving_mask is not None:
        # a picture of ones is black to the eye
        inside = 255 if picture else 1
        for mask, name in ((masks.fixed, files.fixed_mask), (masks.moving, files.moving_mask)):
            write_image(replace(mask, array=inside * mask.array), folder / name)
    if registration.uncertainty is not None and files.uncertainty is not None:
        write_image(registration.uncertainty, folder / files.uncertainty)
    write_transform(registration.transform, folder / names.transform)
    write_transform(registration.inverse, folder / names.inverse)
    write_displacement(registration.transform, folder / files.displacement)
    record = registration.record.model_copy(update={"inputs": inputs, "files": files, "command": command})
    (folder / RECORD_FILE).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
