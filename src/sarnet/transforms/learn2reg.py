"""Learn2Reg's displacement fields: voxels of the fixed grid, for SciPy's ``map_coordinates``."""

import math
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from sarnet.images.grid import Grid
from sarnet.images.whole import write_whole_by
from sarnet.transforms.frames import voxels
from sarnet.transforms.nifti import NIFTI_FILES, read_nifti, write_nifti
from sarnet.transforms.refusal import check_volume, ending_of, refuse, unreadable
from sarnet.transforms.transform import Transform

_FILES = (*NIFTI_FILES, ".npz")
_NPY = re.compile(
    rb"\x93NUMPY(?:\x01\x00..|[\x02\x03]\x00....)"
    rb"\{'descr': '([<>]f[248])', 'fortran_order': (True|False), 'shape': \(((?:\d{1,9}, ?)*\d{0,9})\), ?\}\s*\n",
    re.DOTALL,
)
"""What stands before the numbers of an ``.npy`` file; matched rather than evaluated, as NumPy would."""

_NPY_HEADER_BYTES = 2**16
_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What ``numpy.savez`` and ``numpy.savez_compressed`` write."""

_ENCRYPTED = 1

_NO_ZIP = (
    OSError,  # a file that is not there, an entry that begins before it does
    zipfile.BadZipFile,  # a directory, a name or a checksum that does not fit
    zlib.error,  # what does not unpack
    EOFError,  # what breaks off
    UnicodeDecodeError,  # a name in no encoding
    NotImplementedError,  # zipfile's word for what it does not read: later versions, patches, strong encryption
)
"""What ``zipfile`` raises at a file that it cannot read: each becomes an error that names the file and the reason."""

_Read = TypeVar("_Read")


def write_learn2reg(transform: Transform, path: Path, moving: Grid) -> None:
    """Write ``disp`` of shape (X, Y, Z, 3) with ``warped[i, j, k] = moving[(i, j, k) + disp[i, j, k]]``.

    Args:
        transform: Of volumes.
        path: Ends in ``.nii``, ``.nii.gz`` or ``.npz``.
        moving: Grid of the moving image.

    Raises:
        InputError: If the transform is of images of two axes, or the ending is another.
    """
    ending = ending_of(path, _FILES)
    check_volume(path, transform.grid, "Learn2Reg's fields")
    vectors = transform.displacement_between(voxels(transform.grid), voxels(moving))
    if ending == ".npz":
        data = np.ascontiguousarray(vectors.transpose(2, 1, 0, 3))
        write_whole_by(path, lambda temporary: np.savez_compressed(temporary, data), ending=ending)
    else:
        write_nifti(vectors, transform.grid, path, intent=0, five_axes=False)


def read_learn2reg(path: Path, fixed: Grid, moving: Grid) -> Transform:
    """Read such a file.

    Raises:
        DataError: If it is damaged, or not of the size of ``fixed``.
        InputError: If ``fixed`` has two axes, or the ending is another.
    """
    vectors = read_learn2reg_voxels(path, fixed)
    return Transform.from_displacement(vectors, fixed, fixed_frame=voxels(fixed), moving_frame=voxels(moving))


def read_learn2reg_voxels(path: Path, fixed: Grid) -> Float[np.ndarray, "z y x axis"]:
    """Read such a file as it counts: voxels, components x first, on the grid of the fixed image.

    Raises:
        DataError: As :func:`read_learn2reg` does.
        InputError: The same.
    """
    ending = ending_of(path, _FILES)
    check_volume(path, fixed, "Learn2Reg's fields")
    vectors = _npz(path, fixed) if ending == ".npz" else read_nifti(path).vectors
    if vectors.shape != (*fixed.shape, 3):
        refuse(path, f"a field of {fixed.size} voxels, as the reference has", f"an array {vectors.shape}, z first")
    return vectors


def _npz(path: Path, fixed: Grid) -> Float[np.ndarray, "z y x axis"]:
    wanted = (*fixed.size, 3)
    # before memory is taken for what the file promises
    content = _only_member(path, most_bytes=math.prod(wanted) * np.dtype(np.float64).itemsize + _NPY_HEADER_BYTES)
    header = _NPY.match(content)
    if header is None:
        refuse(path, "an array of floating point in its .npz", "something else")
    kind = np.dtype(header[1].decode())
    shape = tuple(int(size) for size in header[3].split(b",") if size.strip())
    if shape != wanted:
        refuse(path, f"an array of {wanted}", f"one of {shape}")
    values = content[header.end() :]
    if len(values) != math.prod(wanted) * kind.itemsize:
        refuse(path, f"a whole array of {wanted}", f"one that breaks off after {len(values)} bytes")
    data = np.frombuffer(values, kind).reshape(wanted, order="F" if header[2] == b"True" else "C")
    if not np.isfinite(data).all():
        refuse(path, "finite displacements", "NaN or infinity")
    return np.ascontiguousarray(data.transpose(2, 1, 0, 3).astype(np.float32))


def _only_member(path: Path, *, most_bytes: int) -> bytes:
    """The one file in an archive, unpacked."""
    members = _unzip(path, zipfile.ZipFile.infolist)
    if len(members) != 1:
        refuse(path, "an .npz file with one array", f"one with {len(members)}")
    (member,) = members
    if member.file_size > most_bytes:
        refuse(path, f"an array of at most {most_bytes} bytes", f"a larger one, of {member.file_size} bytes")
    if member.compress_type not in _PACKINGS or member.flag_bits & _ENCRYPTED:
        refuse(path, "an .npz file as NumPy packs it", "one that is encrypted or packed otherwise")
    return _unzip(path, lambda archive: archive.read(member))


def _unzip(path: Path, read: Callable[[zipfile.ZipFile], _Read]) -> _Read:
    try:
        with zipfile.ZipFile(path) as archive:
            return read(archive)
    except _NO_ZIP as error:
        unreadable(path, "a whole .npz file", error)
