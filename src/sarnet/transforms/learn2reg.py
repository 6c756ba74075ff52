"""Learn2Reg's displacement fields: voxels of the fixed grid, for SciPy's ``map_coordinates``."""

import math
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sarnet.errors import DataError, InputError
from sarnet.images.grid import Grid
from sarnet.transforms.frames import voxels
from sarnet.transforms.nifti import NIFTI_FILES, read_nifti, write_nifti
from sarnet.transforms.refusal import ending_of, refuse, write_whole
from sarnet.transforms.transform import Transform

_FILES = (*NIFTI_FILES, ".npz")
_NPY_HEADER_BYTES = 2**16
_ERRORS = (
    *(OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, OverflowError, NotImplementedError),
    *(SyntaxError, tokenize.TokenError, RecursionError, MemoryError),  # NumPy's header is a literal of Python
    *(RuntimeError, zlib.error, zipfile.BadZipFile),
)


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
    _check_volume(path, transform.grid)
    vectors = transform.displacement_between(voxels(transform.grid), voxels(moving))
    if ending == ".npz":
        data = np.ascontiguousarray(vectors.transpose(2, 1, 0, 3))
        write_whole(path, ending, lambda temporary: np.savez_compressed(temporary, data))
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
    _check_volume(path, fixed)
    vectors = _npz(path, fixed) if ending == ".npz" else read_nifti(path).vectors
    if vectors.shape != (*fixed.shape, 3):
        refuse(path, f"a field of {fixed.size} voxels, as the reference has", f"an array {vectors.shape}, z first")
    return vectors


def _check_volume(path: Path, grid: Grid) -> None:
    if grid.dimension != 3:
        raise InputError(f"{path}: Learn2Reg's fields are of volumes, but the transform has two axes: write .h5")


def _npz(path: Path, fixed: Grid) -> Float[np.ndarray, "z y x axis"]:
    wanted = (*fixed.size, 3)
    try:
        with zipfile.ZipFile(path) as archive:
            (info,) = archive.infolist()
        # before memory is taken for what the file promises
        if info.file_size > math.prod(wanted) * np.dtype(np.float64).itemsize + _NPY_HEADER_BYTES:
            refuse(path, f"an array of {wanted}", f"a larger one, of {info.file_size} bytes")
        with np.load(path, allow_pickle=False) as arrays:
            data = arrays[info.filename.removesuffix(".npy")]
            shape, kind = data.shape, data.dtype  # of what is no .npy, NumPy hands out the bytes
    except DataError:
        raise
    except _ERRORS:
        refuse(path, "a whole .npz file with one array", "another kind of file, or one that breaks off")
    if shape != wanted or kind.kind != "f":
        refuse(path, f"an array of {wanted}, of floating point", f"one of {shape}, {kind}")
    if not np.isfinite(data).all():
        refuse(path, "finite displacements", "NaN or infinity")
    return np.ascontiguousarray(data.transpose(2, 1, 0, 3).astype(np.float32))
