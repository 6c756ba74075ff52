"""Fields of vectors in NIfTI files."""

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from jaxtyping import Float
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import logger as nibabel_logger
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from sarnet.errors import DataError, GridError
from sarnet.images.grid import Grid
from sarnet.images.whole import write_whole_by
from sarnet.transforms.frames import ras
from sarnet.transforms.refusal import check_room, ending_of, refuse, unreadable

NIFTI_FILES = (".nii", ".nii.gz")

_ERRORS = (
    *(OSError, EOFError, ValueError, OverflowError, zlib.error, struct.error),
    *(ImageFileError, HeaderDataError, WrapStructError),
)
"""What nibabel raises at bytes that are not as they were written."""

_ORTHONORMAL = 1e-3


class NiftiField(NamedTuple):
    """Vectors as they stand in the file, components first to last, in array order."""

    vectors: Float[np.ndarray, "*space axis"]
    grid: Grid
    intent: int


def read_nifti(path: Path) -> NiftiField:
    """Read (X, Y, Z, 1, 3), (X, Y, 1, 1, 2) or (X, Y, Z, 3).

    Raises:
        DataError: If the file is damaged or holds something else.
    """
    try:
        with _quiet():
            image = nib.load(path)  # the header alone
            if not isinstance(image, nib.Nifti1Pair):
                refuse(path, "a NIfTI file", "another kind of file")
            shape, kind = image.shape, image.get_data_dtype()
            axes = shape[-1] if len(shape) in (4, 5) else 0
            if axes not in (2, 3) or any(size != 1 for size in shape[axes:-1]):
                refuse(path, "as many values a voxel as axes", f"an image of shape {shape}")
            if kind.kind not in "fiu":
                refuse(path, "real numbers", f"{kind}")
            check_room(path, int(np.prod(shape, dtype=object)) * kind.itemsize, packed=path.name.endswith(".gz"))
            data = np.asarray(image.dataobj, np.float32)
            grid = _grid_of(path, image.affine, shape[:axes])
            intent = int(image.header["intent_code"])
    except DataError:
        raise
    except _ERRORS as error:
        unreadable(path, "a whole NIfTI file", error)
    vectors = data.reshape(*shape[:axes], axes)
    if not np.isfinite(vectors).all():
        refuse(path, "finite displacements", "NaN or infinity")
    return NiftiField(np.ascontiguousarray(vectors.transpose(*range(axes)[::-1], axes)), grid, intent)


def write_nifti(
    vectors: Float[np.ndarray, "*space axis"], grid: Grid, path: Path, *, intent: int, five_axes: bool = True
) -> None:
    """Write a field of vectors, as they are, with an intent.

    Args:
        vectors: In array order.
        grid: Where they lie.
        path: Ends in ``.nii`` or ``.nii.gz``.
        intent: NIfTI's code of what they are.
        five_axes: (X, Y, Z, 1, 3), NIfTI's own way; otherwise (X, Y, Z, 3).
    """
    n = grid.dimension
    data = vectors.transpose(*range(n)[::-1], n).astype(np.float32, copy=False)
    if five_axes:
        data = data.reshape(*(*grid.size, 1)[:3], 1, n)
    affine = np.eye(4)
    plane = [*range(n), 3]
    affine[np.ix_(plane, plane)] = ras(grid) @ grid.index_to_world()
    if n == 2:
        affine[:3, 2] = (0, 0, np.sign(np.linalg.det(affine[:2, :2])))  # a right-handed third axis
    image = nib.Nifti1Image(data, affine)
    image.header.set_intent(intent)
    image.header.set_xyzt_units("mm")
    image.set_qform(affine, 1)
    image.set_sform(affine, 1)
    write_whole_by(path, lambda temporary: nib.save(image, temporary), ending=ending_of(path, NIFTI_FILES))


def grid_of_affine(affine_ras: Float[np.ndarray, "4 4"], size: tuple[int, ...]) -> Grid:
    """Return the grid that a matrix from voxels to RAS millimetres places.

    Raises:
        GridError: If its axes are not at right angles.
    """
    n = len(size)
    plane = [*range(n), 3]
    matrix = np.diag([-1.0, -1.0, 1.0, 1.0])[np.ix_(plane, plane)] @ affine_ras[np.ix_(plane, plane)]
    spacing = np.linalg.norm(matrix[:n, :n], axis=0)
    if not (np.isfinite(matrix).all() and (spacing > 0).all()):
        raise GridError(f"the matrix from voxels to millimetres is {affine_ras.tolist()}, but must not flatten space")
    direction = matrix[:n, :n] / spacing
    if np.abs(direction.T @ direction - np.eye(n)).max() > _ORTHONORMAL:
        raise GridError("its axes are sheared, but the axes of a grid must be at right angles")
    return Grid(
        size=tuple(int(each) for each in size),
        spacing=tuple(spacing.tolist()),
        origin=tuple(matrix[:n, n].tolist()),
        direction=tuple(direction.ravel().tolist()),
    )


def _grid_of(path: Path, affine: np.ndarray, size: tuple[int, ...]) -> Grid:
    try:
        return grid_of_affine(affine, size)
    except GridError as error:
        refuse(path, "a field on a grid", str(error))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what nibabel mends of a header off the terminal; without handlers of its own, it would still be shown."""
    before = nibabel_logger.disabled
    nibabel_logger.disabled = True
    try:
        yield
    finally:
        nibabel_logger.disabled = before
