"""Transforms in files: ITK's own formats, and displacement fields as images.

Every one of them maps points of fixed space to moving space, in LPS millimetres.

========================== ====================================================================================
``.h5``                    ITK composite: field and affine map
``.tfm`` ``.txt`` ``.mat`` ITK, an affine map alone
``.nii`` ``.nii.gz``       5-D NIfTI of vectors: intent 1007 in LPS (ITK, ANTs; written and read) or 1006 in RAS (read)
``.nrrd`` ``.mha``         image of vectors in LPS
========================== ====================================================================================
"""

import gzip
import math
import os
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
import SimpleITK as sitk

from sarnet.errors import DataError, InputError, SarnetError
from sarnet.images.grid import Grid
from sarnet.transforms.transform import Transform, itk_parts, vector_image

_AFFINE_FILES = (".tfm", ".txt", ".mat")
_TRANSFORM_FILES = (".h5", *_AFFINE_FILES)
_NIFTI_FILES = (".nii", ".nii.gz")
_FIELD_FILES = (*_NIFTI_FILES, ".nrrd", ".mha")
_LPS_VECTORS, _RAS_DISPLACEMENTS = 1007, 1006  # NIFTI_INTENT_VECTOR as ITK and ANTs use it, NIFTI_INTENT_DISPVECT


def write_transform(transform: Transform, path: Path | str) -> None:
    """Write a transform as ITK has it: ``.h5`` holds any, ``.tfm``, ``.txt`` and ``.mat`` an affine map alone.

    Args:
        transform: What to write.
        path: Where to; its folder must exist. Replaced in one step if it is there already.

    Raises:
        InputError: If the ending is another, or the transform has a field and the format no place for it.
        DataError: If the file cannot be written.
    """
    path = Path(path)
    ending = _ending(path, _TRANSFORM_FILES)
    if ending != ".h5" and transform.displacement is not None:
        raise InputError(
            f"{path}: a {ending} file holds an affine map alone, but the transform has a displacement field: write .h5"
        )
    itk = transform.to_itk() if ending == ".h5" else transform.affine_itk()
    _write(path, ending, lambda temporary: sitk.WriteTransform(itk, temporary))


def write_displacement(transform: Transform, path: Path | str) -> None:
    """Write the total displacement, field and affine map together, as an image of vectors in LPS millimetres.

    The file alone warps an image as the transform does. NIfTI is written as ITK and ANTs have it: (X, Y, Z, 1, 3), or
    (X, Y, 1, 1, 2) for two axes, with intent 1007; the vectors are LPS although NIfTI's own axes are RAS.

    Args:
        transform: What to write.
        path: Where to (``.nii``, ``.nii.gz``, ``.nrrd`` or ``.mha``); its folder must exist.

    Raises:
        InputError: If the ending is another.
        DataError: If the file cannot be written.
    """
    path = Path(path)
    ending = _ending(path, _FIELD_FILES)
    image = vector_image(transform.total_displacement(), transform.grid)
    if ending in _NIFTI_FILES:
        image.SetMetaData("intent_code", str(_LPS_VECTORS))
    compress = ending != ".nii"
    _write(path, ending, lambda temporary: sitk.WriteImage(image, temporary, useCompression=compress))


def read_transform(path: Path | str, *, grid: Grid | None = None) -> Transform:
    """Read a transform from any of the formats this module names.

    Args:
        path: File of an ITK transform or of a displacement field.
        grid: Grid of the fixed image. Left out, it is the grid of the field in the file; a file without a field then
            gets a grid of one voxel at the world's origin, which is enough to move points and to apply it.

    Raises:
        InputError: If the ending is of no known format.
        DataError: If the file is missing or damaged, is no transform, or does not fit ``grid``.
    """
    path = Path(path)
    ending = _ending(path, (*_TRANSFORM_FILES, *_FIELD_FILES))
    if not path.is_file():
        raise DataError(f"{path}: wanted a transform, but there is no such file: check the path")
    itk = _read_field(path, ending) if ending in _FIELD_FILES else _read_itk(path, ending)
    if itk.GetDimension() not in (2, 3):
        _refuse(path, "a transform of two or three axes", f"one of {itk.GetDimension()}")
    if grid is not None and itk.GetDimension() != grid.dimension:
        _refuse(path, f"a transform of {grid.dimension} axes", f"one of {itk.GetDimension()}")
    try:
        return Transform.from_itk(itk, grid or _own_grid(itk, path))
    except SarnetError as error:
        raise DataError(f"{path}: wanted a usable transform, but {error}: write the file anew") from error


def _own_grid(itk: sitk.Transform, path: Path) -> Grid:
    parts = itk_parts(itk)
    for part in parts:
        if isinstance(part, sitk.DisplacementFieldTransform):
            return Grid.of(part.GetDisplacementField())
    if not all(part.IsLinear() for part in parts):
        _refuse(path, "a field or an affine map", "a transform without a grid", todo="give the grid of the fixed image")
    return Grid.plain((1,) * itk.GetDimension())


def _read_itk(path: Path, ending: str) -> sitk.Transform:
    if ending == ".h5":
        _check_hdf5(path)
    try:
        itk: sitk.Transform = sitk.ReadTransform(str(path))
    except RuntimeError:
        _refuse(path, "an ITK transform", "a file that ITK cannot read as one")
    return itk


def _check_hdf5(path: Path) -> None:
    """Refuse what is no whole HDF5 file, before its library writes a page about it to the terminal."""
    with path.open("rb") as file:
        head = file.read(48)
    if head[:8] != b"\x89HDF\r\n\x1a\n":
        _refuse(path, "an HDF5 file", "another kind of file")
    # the superblock says how long the file is; its place depends on the superblock's version
    place = 40 if len(head) > 8 and head[8] < 2 else 28
    if len(head) < 48 or path.stat().st_size < struct.unpack_from("<Q", head, place)[0]:
        _refuse(path, "a whole HDF5 file", "one that breaks off")


def _read_field(path: Path, ending: str) -> sitk.Transform:
    try:
        image, is_ras = _read_nifti(path) if ending in _NIFTI_FILES else (sitk.ReadImage(str(path)), False)
    except RuntimeError:
        _refuse(path, "a displacement field", "a file that ITK cannot read as an image")
    axes, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    if components != axes:
        _refuse(path, "as many values a voxel as axes", f"an image of {axes} axes with {components} values a voxel")
    vectors = sitk.GetArrayFromImage(image).astype(np.float64)
    if is_ras:
        vectors[..., :2] *= -1
    if not np.isfinite(vectors).all():
        _refuse(path, "finite displacements", "NaN or infinity")
    return sitk.DisplacementFieldTransform(vector_image(vectors, Grid.of(image)))


def _read_nifti(path: Path) -> tuple[sitk.Image, bool]:
    """Read a field as it stands in the file, and tell whether its vectors are RAS."""
    try:
        content = bytearray(gzip.decompress(path.read_bytes()) if path.suffix.lower() == ".gz" else path.read_bytes())
    except (OSError, EOFError, zlib.error):
        _refuse(path, "a NIfTI file", "one that cannot be unpacked")
    header = _nifti_header(content)
    if header is None:
        _refuse(path, "a NIfTI file", "another kind of file")
    if len(content) < header.bytes:  # ITK would read zeros for what is missing
        _refuse(path, f"a whole NIfTI file of {header.bytes} bytes (unpacked)", f"{len(content)}")
    if header.intent not in (_LPS_VECTORS, _RAS_DISPLACEMENTS):
        wanted = f"a NIfTI field of intent {_LPS_VECTORS} or {_RAS_DISPLACEMENTS}"
        _refuse(path, wanted, f"intent {header.intent}", todo="set the intent that tells the frame of its vectors")
    if header.intent == _LPS_VECTORS:
        return sitk.ReadImage(str(path)), False
    # ITK 5.4 turns RAS vectors to LPS, but mixes up those of two components; older ones turn none. So it is told that
    # these are plain vectors
    struct.pack_into(header.intent_format, content, header.intent_place, _LPS_VECTORS)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "field.nii"
        copy.write_bytes(content)
        return sitk.ReadImage(str(copy)), True


class _NiftiHeader(NamedTuple):
    """What of a NIfTI header is needed here."""

    intent: int
    intent_format: str
    intent_place: int
    bytes: int
    """Length of a whole file."""


def _nifti_header(content: bytearray) -> _NiftiHeader | None:
    """Read the header of either version in either byte order; ``None`` if this is none."""
    layouts = {348: ("h", 68, "8h", 40, 72, "f", 108), 540: ("i", 504, "8q", 16, 14, "q", 168)}
    for order in "<>":
        length = struct.unpack_from(order + "i", content)[0] if len(content) >= 540 else 0
        if length in layouts:
            kind, intent_place, dim, dim_place, bits_place, offset, offset_place = layouts[length]
            intent = struct.unpack_from(order + kind, content, intent_place)[0]
            axes, *size = struct.unpack_from(order + dim, content, dim_place)
            bits = struct.unpack_from(order + "h", content, bits_place)[0]
            start = int(struct.unpack_from(order + offset, content, offset_place)[0])
            return _NiftiHeader(intent, order + kind, intent_place, start + math.prod(size[:axes]) * bits // 8)
    return None


def _ending(path: Path, known: tuple[str, ...]) -> str:
    for ending in known:
        if path.name.lower().endswith(ending):
            return ending
    raise InputError(f"{path}: wanted a file that ends in one of {', '.join(known)}, but came {path.name!r}")


def _write(path: Path, ending: str, write: Callable[[str], None]) -> None:
    """Write beside ``path`` and move the whole file there, so that no half of one is ever found."""
    if not path.parent.is_dir():
        raise DataError(f"{path}: wanted a folder to write to, but {path.parent} is none: make it first")
    temporary = path.with_name(f".{path.name}.{os.getpid()}{ending}")  # ITK goes by the ending
    try:
        write(str(temporary))
        temporary.replace(path)
    except (RuntimeError, OSError) as error:
        raise DataError(f"{path}: could not be written ({str(error).strip().splitlines()[-1]})") from error
    finally:
        temporary.unlink(missing_ok=True)


def _refuse(path: Path, wanted: str, came: str, *, todo: str = "check the file") -> NoReturn:
    raise DataError(f"{path}: wanted {wanted}, but came {came}: {todo}")
