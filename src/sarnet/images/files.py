"""Image files: NIfTI, NRRD, MHA, DICOM, PNG, JPEG and TIFF in; the same but DICOM out.

SimpleITK knows the formats. What is here is what it leaves open: which files are one scalar image of two or
three axes, what a voxel of a picture measures, and what a user has to be told. Intensities come as they are
in the file: :mod:`.intensity` normalises them.
"""

import gzip
import logging
import math
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import SimpleITK as sitk
from jaxtyping import Float, Num

from sarnet.errors import DataError, InputError, reason_of
from sarnet.images.dicom import (
    DICOM_READER,
    IMAGER_SPACING,
    PHOTOMETRIC,
    PIXEL_SPACING,
    dicom_spacing,
    only_series,
    read_series,
)
from sarnet.images.grid import Grid
from sarnet.images.image import Image
from sarnet.images.labels import WHOLE_NUMBERS, fraction_among
from sarnet.images.meta_image import check_meta_image
from sarnet.images.whole import write_whole_by
from sarnet.types import LengthUnit

logger = logging.getLogger(__name__)

_WORLD_AXES: tuple[Literal["x", "y", "z"], ...] = ("x", "y", "z")
_WRITABLE = (".nii", ".nii.gz", ".nrrd", ".mha", ".png", ".jpg", ".jpeg", ".tif", ".tiff")
_PICTURES = {".png": np.uint16, ".tif": np.uint16, ".tiff": np.uint16, ".jpg": np.uint8, ".jpeg": np.uint8}
"""Formats of whole numbers, with the deepest that each holds."""

_COLOUR_READERS = ("BMPImageIO", DICOM_READER, "JPEGImageIO", "JPEG2000ImageIO", "PNGImageIO", "TIFFImageIO")
_NIFTI_COLOURS = ("128", "2304")  # datatype codes RGB24 and RGBA32
_NIFTI_COMPLEX = ("32", "1792", "2048")
_PRINT_RESOLUTION = ("BMPImageIO", "JPEGImageIO", "JPEG2000ImageIO", "TIFFImageIO")
_META_READER = "MetaImageIO"
_LUMINANCE = (0.299, 0.587, 0.114)  # ITU-R BT.601


class _Loaded(NamedTuple):
    """What SimpleITK makes of a file or folder."""

    values: sitk.Image
    header: dict[str, str]
    reader: str = DICOM_READER


def read_image(path: str | Path, *, spacing: tuple[float, ...] | None = None, keep_type: bool = False) -> Image:
    """Read one scalar image of two or three axes.

    What a user should know about how that was done is said in ``notes``: colours are turned to grey by their
    luminance, MONOCHROME1 (white is zero) is turned over, a picture's voxels are taken for a millimetre, and
    detector spacing stands in for the patient's where DICOM has nothing else. A volume of a single slice
    becomes an image of two axes.

    Args:
        path: A NIfTI, NRRD, MHA, DICOM, PNG, JPEG or TIFF file, or a folder with the files of one DICOM series.
        spacing: Millimetres along x, y[, z] in place of the file's; one number stands for all axes.
        keep_type: Leave the values in the type of the file: float32 has no integers above 2^24.

    Returns:
        The image in float32 unless ``keep_type``, on its grid in the world (LPS millimetres).

    Raises:
        DataError: If there is no such file, or it cannot be read, is empty, has four axes or vectors for
            values, or if a folder holds none or several series.
        InputError: If ``spacing`` has not one number for every axis, or one that is not positive.

    Notes:
        The resolution of JPEG, TIFF and BMP is of print or of a screen, and is not taken for a physical spacing.
    """
    path = Path(path)
    loaded = _load(path)
    notes: list[str] = []
    array = sitk.GetArrayFromImage(loaded.values)
    if loaded.values.GetNumberOfComponentsPerPixel() > 1:
        array = _luminance(array)
        notes.append(f"{path.name} is in colour: read as grey by luminance.")
    if loaded.header.get(PHOTOMETRIC, "").strip() == "MONOCHROME1":  # which ITK has done by now
        notes.append(f"{path.name} is MONOCHROME1, white is zero: turned over, so that white is high.")
    image = _placed(path, loaded, array if keep_type else array.astype(np.float32), spacing)
    return replace(image, notes=(*notes, *image.notes))


def read_labels(path: str | Path, *, spacing: tuple[float, ...] | None = None) -> Image:
    """Read a map of integer labels, value for value.

    Args:
        path: A file or folder as for :func:`read_image`.
        spacing: The same.

    Returns:
        The labels in the integer type of the file; those of a file of floating point in the smallest signed
        type from int16 on that holds them.

    Raises:
        DataError: As for :func:`read_image`, and if a value is not whole, or the file is in colour.
        InputError: As for :func:`read_image`.
    """
    path = Path(path)
    loaded = _load(path)
    if loaded.values.GetNumberOfComponentsPerPixel() > 1:
        raise DataError(
            f"{path} is in colour, but labels are one whole number per voxel: convert the colours to numbers first"
        )
    array = sitk.GetArrayFromImage(loaded.values)
    if array.dtype.kind == "f":
        array = _whole_numbers(path, array)
    return _placed(path, loaded, array, spacing)


def write_image(image: Image, path: str | Path) -> None:
    """Write an image in the format that the name's ending says.

    The file appears at once and whole: it is written under another name in the same folder, then renamed.

    PNG, TIFF and JPEG hold whole numbers. Values are rounded to 8 bits if they fit in 0 to 255, otherwise to
    16 bits if they fit in 0 to 65535 (not JPEG); otherwise, and where of fractions next to nothing would be left,
    they are stretched from their range to 0 to 255, and the log says so. These formats forget origin and
    direction; JPEG and TIFF forget the spacing too.

    Args:
        image: What to write. Labels and masks keep their type but in pictures; booleans become uint8.
        path: Name ending in .nii, .nii.gz, .nrrd, .mha, .png, .jpg, .jpeg, .tif or .tiff; an existing file is
            replaced.

    Raises:
        DataError: If the ending is none of these, the folder does not exist, the picture would have three
            axes, or the file cannot be written.
    """
    path = Path(path)
    suffix = next((s for s in reversed(_WRITABLE) if path.name.lower().endswith(s)), None)
    if suffix is None:
        raise DataError(f"{path} cannot be written: wanted a name that ends in one of {', '.join(_WRITABLE)}")
    if suffix in _PICTURES:
        if image.grid.dimension != 2:
            raise DataError(
                f"{path} cannot be written: a picture has two axes, but the image has three, {image.array.shape}; "
                "write .nii.gz, .nrrd or .mha"
            )
        image = replace(image, array=_as_picture(image.array, _PICTURES[suffix], path))

    def write(temporary: Path) -> None:
        with _quiet_itk():
            sitk.WriteImage(image.to_itk(), str(temporary), useCompression=suffix not in (".jpg", ".jpeg"))

    write_whole_by(path, write, ending=suffix)


def _load(path: Path) -> _Loaded:
    if not path.exists():
        raise DataError(f"{path} does not exist")
    try:
        with _quiet_itk():
            if not path.is_dir():
                return _load_file(path)
            files = only_series(path)
            return _load_file(files[0]) if len(files) == 1 else _Loaded(*read_series(path, files))
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise DataError(
                f"{path} has sheared axes, but the axes of an image must be at right angles: resample it to such a grid"
            ) from error
        raise DataError(f"{path} cannot be read: {reason_of(error)}") from error


def _load_file(path: Path) -> _Loaded:
    name = sitk.ImageFileReader.GetImageIOFromFileName(str(path))
    if not name:
        raise DataError(
            f"{path} is damaged or in no known format: wanted a NIfTI, NRRD, MHA, DICOM, PNG, JPEG or TIFF file"
        )
    if name == _META_READER:
        check_meta_image(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO(name)
    reader.ReadImageInformation()
    header = {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
    size, components = reader.GetSize(), reader.GetNumberOfComponents()
    if len(size) not in (2, 3):
        raise DataError(
            f"{path} has {len(size)} axes, {size}, but an image has two or three: write one volume of it to a file"
        )
    if min(size) < 1:
        raise DataError(f"{path} is empty: its size is {size}, but every axis needs a voxel")
    if sum(s > 1 for s in size) < 2:
        raise DataError(f"{path} is only a line: its size is {size}, but an image needs two axes of several voxels")
    if "complex" in sitk.GetPixelIDValueAsString(reader.GetPixelID()) or header.get("datatype") in _NIFTI_COMPLEX:
        raise DataError(f"{path} holds complex numbers, but an image has real values: write its magnitude to a file")
    if components > 1 and not _is_colour(name, header, components):
        raise DataError(
            f"{path} holds vectors of {components} components, but an image has one value per voxel: extract one "
            "component, or give it as a transform if it is a displacement field"
        )
    if name == "NiftiImageIO":
        _check_whole(path, header)
    return _Loaded(reader.Execute(), header, name)


def _check_whole(path: Path, header: dict[str, str]) -> None:
    """Refuse a NIfTI file that was cut off: ITK would read zeros for what is missing."""
    values = math.prod(max(int(header[f"dim[{axis}]"]), 1) for axis in range(1, 8))
    wanted = int(float(header["vox_offset"])) + values * int(header["bitpix"]) // 8
    if path.name.lower().endswith(".nii"):
        has = path.stat().st_size
    elif path.name.lower().endswith(".nii.gz"):
        has = _unpacked_size(path, wanted)
    else:  # a pair of .hdr and .img
        return
    if has < wanted:
        raise DataError(f"{path} is cut off: {wanted} bytes were wanted (unpacked), {has} are there; copy it again")


def _unpacked_size(path: Path, wanted: int) -> int:
    """Bytes in a gzip file, as far as it can be unpacked."""
    with path.open("rb") as file:
        file.seek(-4, os.SEEK_END)
        if int.from_bytes(file.read(), "little") == wanted % 2**32:  # the size stands at the end of a whole file
            return wanted
    has = 0
    try:
        with gzip.open(path) as file:
            while block := file.read(2**20):
                has += len(block)
    except (EOFError, OSError, zlib.error):
        pass  # what was unpacked so far is what there is
    return has


def _is_colour(reader: str, header: dict[str, str], components: int) -> bool:
    """Tell colours from vectors: only some formats say which of them they hold."""
    if components > 4:
        return False
    return (
        reader in _COLOUR_READERS
        or header.get("datatype") in _NIFTI_COLOURS
        or header.get("NRRD_kinds[pixel]", "").lower().startswith("rgb")
    )


def _luminance(colours: Num[np.ndarray, "*space channel"]) -> Float[np.ndarray, "*space"]:
    """Weigh red, green and blue; of grey with an alpha, take the grey."""
    if colours.shape[-1] == 2:
        return np.asarray(colours[..., 0], dtype=np.float32)
    return np.asarray(colours[..., :3] @ np.array(_LUMINANCE), dtype=np.float32)


def _placed(path: Path, loaded: _Loaded, array: np.ndarray, spacing: tuple[float, ...] | None) -> Image:
    """Put values where the file says they lie, at the spacing that the file vouches for, or else that is given."""
    image = _with_physical_spacing(path, loaded, Image(array=array, grid=Grid.of(loaded.values)))
    is_told = image.length_unit == "mm"
    if spacing is None:
        return _as_plane(path, image)
    image = _as_plane(path, image if is_told else replace(image, notes=(), length_unit="mm"))
    given = _with_spacing(image.grid, spacing)
    if not is_told:
        return replace(image, grid=given)
    if np.allclose(given.spacing, image.grid.spacing, rtol=1e-3):
        return image
    own = " x ".join(f"{each:g}" for each in image.grid.spacing)
    return replace(image, notes=(*image.notes, f"{path.name} tells its spacing, {own} mm, which is kept."))


def _with_physical_spacing(path: Path, loaded: _Loaded, image: Image) -> Image:
    """Return the image with the spacing that the file vouches for, and what to say about that."""
    plane = image.grid.spacing[:2]
    note = None
    unit: LengthUnit = "mm"
    if loaded.reader == DICOM_READER:
        patient, detector = dicom_spacing(loaded.header, PIXEL_SPACING), dicom_spacing(loaded.header, IMAGER_SPACING)
        if patient:
            plane = patient
        elif detector:
            plane = detector
            note = f"gives the spacing on the detector, {plane[0]:g} x {plane[1]:g} mm: the patient's is smaller."
        elif plane == (1.0, 1.0):
            note, unit = "gives no spacing: a voxel is taken for 1 mm.", "pixels"
    elif loaded.reader in _PRINT_RESOLUTION or (loaded.reader == "PNGImageIO" and plane == (1.0, 1.0)):
        plane = (1.0, 1.0)
        note, unit = "gives no physical spacing: a voxel is taken for 1 mm.", "pixels"
    return replace(
        image,
        grid=replace(image.grid, spacing=(*plane, *image.grid.spacing[2:])),
        notes=(f"{path.name} {note}",) if note else (),
        length_unit=unit,
    )


def _with_spacing(grid: Grid, spacing: tuple[float, ...]) -> Grid:
    if len(spacing) not in (1, grid.dimension) or not all(np.isfinite(s) and s > 0 for s in spacing):
        raise InputError(
            f"spacing is {spacing}, but the image has {grid.dimension} axes: wanted one positive number or one for each"
        )
    return replace(grid, spacing=spacing * grid.dimension if len(spacing) == 1 else spacing)


def _as_plane(path: Path, image: Image) -> Image:
    """Make a volume of one slice an image of two axes, in the two world axes that the slice lies along."""
    grid = image.grid
    if grid.dimension == 2 or 1 not in grid.size:
        return image
    flat = grid.size.index(1)
    kept = [axis for axis in range(3) if axis != flat]
    direction = np.array(grid.direction).reshape(3, 3)
    normal = int(np.abs(direction[:, flat]).argmax())
    world = [axis for axis in range(3) if axis != normal]
    within = direction[np.ix_(world, kept)]
    notes, across = image.notes, None
    if np.allclose(within @ within.T, np.eye(2), atol=1e-4):
        origin = tuple(grid.origin[axis] for axis in world)
        across = _WORLD_AXES[normal]
        if normal != 2:
            notes += (f"{path.name} is a single slice across the {across} axis: its world is the other two.",)
    else:
        within, origin = np.eye(2), (0.0, 0.0)
        notes += (f"{path.name} is a single oblique slice: its position and direction in the world are left out.",)
    plane = Grid(
        size=tuple(grid.size[axis] for axis in kept),
        spacing=tuple(grid.spacing[axis] for axis in kept),
        origin=origin,
        direction=tuple(within.ravel().tolist()),
    )
    return replace(image, array=image.array.squeeze(axis=2 - flat), grid=plane, notes=notes, across=across)


def _whole_numbers(path: Path, array: Float[np.ndarray, "*space"]) -> Num[np.ndarray, "*space"]:
    fraction = fraction_among(array)
    if fraction is not None:
        raise DataError(f"{path} has {fraction:g} among its values, but {WHOLE_NUMBERS}")
    low, high = float(array.min()), float(array.max())
    for kind in (np.int16, np.int32, np.int64):
        # below the bound, not at it: in floating point the largest int64 rounds up to one that does not fit
        if np.iinfo(kind).min <= low and high < float(np.iinfo(kind).max) + (kind is not np.int64):
            return np.asarray(array.astype(kind))
    raise DataError(f"{path} has labels from {low:g} to {high:g}, but wanted such as fit in 64 bits")


_FEW_STEPS = 16
"""A range of fewer whole numbers than this would leave of fractions next to nothing."""


def _as_picture(array: Num[np.ndarray, "*space"], deepest: type, path: Path) -> Num[np.ndarray, "*space"]:
    """Round to 8 or 16 bits what fits there, and stretch to 8 bits what does not."""
    low, high = _finite_range(array)
    values = np.clip(np.where(np.isnan(array), low, array.astype(float)), low, high)
    has_fractions = high - low < _FEW_STEPS and bool((values != np.round(values)).any())
    if low >= 0 and not has_fractions:
        for kind in (np.uint8, deepest):
            if high <= np.iinfo(kind).max:
                return np.asarray(np.round(values).astype(kind))
    logger.warning("%s: values from %g to %g are stretched to 0 to 255", path.name, low, high)
    return np.asarray(np.round((values - low) * (255 / ((high - low) or 1))).astype(np.uint8))


def _finite_range(array: Num[np.ndarray, "*space"]) -> tuple[float, float]:
    finite = array[np.isfinite(array)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


@contextmanager
def _quiet_itk() -> Iterator[None]:
    """Keep ITK's warnings off the error stream: what matters of them is in the notes and errors here."""
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)
