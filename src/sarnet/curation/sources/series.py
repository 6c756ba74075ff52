"""DICOM files that are the slices of one volume, where no archive's layout tells."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import SimpleITK as sitk

_UID, _POSITION, _ORIENTATION, _MODALITY = "0020|000e", "0020|0032", "0020|0037", "0008|0060"
_FLAT = ("CR", "DX", "MG", "PX", "RF", "XA", "US", "ES")
"""Modalities whose files are pictures each: views, frames."""


class Volumes(NamedTuple):
    """Which files of a folder are images together."""

    folders: dict[Path, list[Path]]
    """Each with its slices, a volume."""
    notes: tuple[str, ...]
    """Which folders have files of one series that are images each."""


def volumes(paths: Iterable[Path]) -> Volumes:
    """Find the folders whose ``.dcm`` files are one volume: of one series, and nothing says that they are no slices.

    That is said by the modality (radiographs, ultrasound), by two files at one position, and by several orientations.
    Only folders with several such files are looked into.
    """
    together: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        if path.suffix.lower() == ".dcm":
            together[path.parent].append(path)
    found: dict[Path, list[Path]] = {}
    several, flat = [], []
    for folder, within in together.items():
        headers = {path: _header(path) for path in within} if len(within) > 1 else {}
        slices = {path: header for path, header in headers.items() if header.get(_UID)}
        series = Counter(header[_UID] for header in slices.values())
        if len(slices) == len(series):  # none, or each a series
            continue
        if len(series) > 1:
            several.append(folder)
        elif _are_slices(list(slices.values())):
            found[folder] = list(slices)
        else:
            flat.append(folder)
    said = {
        "several DICOM series: each file is an image; a series in a folder of its own would be one volume.": several,
        "a DICOM series that is no stack, by its modality, positions or directions: each file is an image.": flat,
    }
    told = (f"{len(of)} folders ({of[0].name} the first) hold {what}" for what, of in said.items() if of)
    return Volumes(found, tuple(told))


def _are_slices(headers: list[dict[str, str]]) -> bool:
    positions = Counter(header[_POSITION] for header in headers if _POSITION in header)
    directions = {header.get(_ORIENTATION) for header in headers}
    flat = any(header.get(_MODALITY) in _FLAT for header in headers)
    return not flat and len(directions) == 1 and max(positions.values(), default=1) == 1


def _header(path: Path) -> dict[str, str]:
    """What a file says of its series; nothing, where it cannot be read: that is said when the image is."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")
    try:
        reader.ReadImageInformation()
    except RuntimeError:
        return {}
    return {key: reader.GetMetaData(key).strip() for key in reader.GetMetaDataKeys()}
