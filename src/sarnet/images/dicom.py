"""What of DICOM is not left to ITK: which files of a folder are one series, whether it is whole, and its spacing."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from sarnet.errors import DataError

DICOM_READER = "GDCMImageIO"
"""ITK's name for the part of it that reads DICOM."""

PHOTOMETRIC = "0028|0004"
PIXEL_SPACING = "0028|0030"
IMAGER_SPACING = "0018|1164"
_DESCRIPTION = "0008|103e"
_POSITION = "0020|0032"

_SAME_PLACE_MM = 1e-3

_SAME_SHARE = 0.1
"""Of the usual distance between slices: what differs by less is taken for the same."""


def only_series(folder: Path) -> list[Path]:
    """Return the files of the one series in a folder, in the order of their slices.

    Raises:
        DataError: If the folder holds no DICOM file, or several series.
    """
    uids = sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder))
    if not uids:
        raise DataError(f"{folder} is a folder without DICOM files: wanted those of one series, or the name of a file")
    series = {uid: sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid) for uid in uids}
    if len(series) > 1:
        listed = "; ".join(f"{uid} ({_description(files[0])}, {len(files)} files)" for uid, files in series.items())
        raise DataError(
            f"{folder} holds {len(series)} DICOM series, but one is wanted: move one of them to a folder of its own, "
            f"or name a single file. They are: {listed}"
        )
    return [Path(file) for file in series[uids[0]]]


def read_series(folder: Path, files: list[Path]) -> tuple[sitk.Image, dict[str, str]]:
    """Read the slices of a series as one volume, and the header of the first.

    Raises:
        DataError: If the volume has not three axes, slices lie at one place or shifted against each other, or one is
            missing or there twice: ITK would close up such a hole and shift the rest of the body.
    """
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(file) for file in files])
    reader.MetaDataDictionaryArrayUpdateOn()
    volume = reader.Execute()
    if volume.GetDimension() != 3:
        raise DataError(f"{folder} has {volume.GetDimension()} axes, but one volume is wanted: write it to a file")
    headers = [{key: reader.GetMetaData(i, key) for key in reader.GetMetaDataKeys(i)} for i in range(len(files))]
    _check_positions(folder, headers, volume)
    return volume, headers[0]


def dicom_spacing(header: Mapping[str, str], key: str) -> tuple[float, float] | None:
    """Return the millimetres along x and y that an attribute gives, if it does; DICOM has y, between rows, first."""
    try:
        rows, columns = (float(number) for number in header.get(key, "").split("\\"))
    except ValueError:
        return None
    return (columns, rows) if rows > 0 and columns > 0 else None


def _description(file: str) -> str:
    """What a DICOM file says its series is."""
    reader = sitk.ImageFileReader()
    reader.SetFileName(file)
    reader.ReadImageInformation()
    return str(reader.GetMetaData(_DESCRIPTION)).strip() if reader.HasMetaDataKey(_DESCRIPTION) else "no description"


def _check_positions(folder: Path, headers: list[dict[str, str]], volume: sitk.Image) -> None:
    if not all(_POSITION in header for header in headers):
        return
    positions = np.array([[float(number) for number in header[_POSITION].split("\\")] for header in headers])
    gaps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    usual = float(np.median(gaps))
    if gaps.min() < _SAME_PLACE_MM:
        raise DataError(
            f"{folder} holds several images of one place, a series in time or of several contrasts, but one volume is "
            "wanted: move its files to a folder of its own"
        )
    worst = int(np.abs(gaps - usual).argmax())
    if abs(gaps[worst] - usual) > _SAME_SHARE * usual:
        raise DataError(
            f"{folder} holds a series whose slices are {usual:g} mm apart, but slices {worst + 1} and {worst + 2} are "
            f"{gaps[worst]:g} mm: one is missing or double; complete the series, or resample it to an even spacing"
        )
    last = np.array(volume.TransformIndexToPhysicalPoint((0, 0, len(headers) - 1)))
    shifted = float(np.linalg.norm(last - positions[-1]))
    if shifted > _SAME_SHARE * usual:
        raise DataError(
            f"{folder} holds a series whose slices are shifted against each other, by {shifted:.1f} mm from the first "
            "to the last (a tilted gantry), but an image's axes are at right angles: resample it to such a grid"
        )
