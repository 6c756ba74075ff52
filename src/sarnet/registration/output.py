"""The folder of a registration's results: written beside its place, moved there when it is whole."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sarnet.errors import InputError
from sarnet.images import write_image
from sarnet.registration.record import RECORD_FILE, Files, Inputs
from sarnet.registration.result import Registration
from sarnet.transforms import write_displacement, write_transform

_PICTURES = (".png", ".jpg", ".jpeg")


def check_result_folder(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder that results cannot go to, before anything is computed.

    Raises:
        InputError: If ``out`` is a file, is not empty (unless ``overwrite``), or cannot be made or written.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"out {out} is a file, but must be a folder: choose another")
    if out.is_dir() and any(out.iterdir()) and not overwrite:
        raise InputError(f"out {out} is not empty: choose another folder, or add --overwrite")
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


def write_registration(registration: Registration, folder: Path, *, inputs: Inputs, command: str | None = None) -> None:
    """Write the warped image, the transform, the total displacement, the record and the warped labels.

    Args:
        registration: What to write.
        folder: An existing folder.
        inputs: Files that went in; a picture as the moving image gives a PNG as the warped one.
        command: The command line, for the record.
    """
    picture = inputs.moving is not None and Path(inputs.moving).suffix.lower() in _PICTURES
    ending = ".png" if picture else ".nii.gz"
    labels = registration.warped_labels
    files = Files(warped=f"warped{ending}", warped_labels=f"warped_labels{ending}" if labels else None)
    write_image(registration.warped, folder / files.warped)
    if labels is not None and files.warped_labels is not None:
        write_image(labels, folder / files.warped_labels)
    write_transform(registration.transform, folder / files.transform)
    write_displacement(registration.transform, folder / files.displacement)
    record = registration.record.model_copy(update={"inputs": inputs, "files": files, "command": command})
    (folder / RECORD_FILE).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
