"""FSL's warps: FLIRT's matrices and FNIRT's relative displacement fields, in millimetres of FSL's own."""

from pathlib import Path

import numpy as np

from sarnet.errors import InputError
from sarnet.images.grid import Grid
from sarnet.images.whole import write_whole_by
from sarnet.transforms.frames import fsl
from sarnet.transforms.nifti import NIFTI_FILES, read_nifti, write_nifti
from sarnet.transforms.refusal import check_volume, ending_of, refuse
from sarnet.transforms.transform import Transform

FNIRT_FIELD = 2006
"""FSL's intent code of a displacement field."""

_FILES = (*NIFTI_FILES, ".mat", ".txt")


def write_fsl(transform: Transform, path: Path, moving: Grid) -> None:
    """Write a field for ``applywarp``, or, of an affine map and to ``.mat`` or ``.txt``, a matrix for ``flirt -init``.

    Args:
        transform: Of volumes.
        path: Ends in ``.nii``, ``.nii.gz``, ``.mat`` or ``.txt``.
        moving: Grid of the moving image.

    Raises:
        InputError: If the transform is of images of two axes, or has a field that a matrix cannot hold.
    """
    ending = ending_of(path, _FILES)
    check_volume(path, transform.grid, "FSL's warps")
    before, after = fsl(transform.grid), fsl(moving)
    if ending in NIFTI_FILES:
        vectors = transform.displacement_between(before, after)
        write_nifti(vectors, transform.grid, path, intent=FNIRT_FIELD, five_axes=False)
        return
    if transform.displacement is not None:
        raise InputError(f"{path}: a FLIRT matrix is affine alone, but the transform has a field: write .nii.gz")
    # FLIRT's matrix takes the moving image to the fixed one
    matrix = before @ np.linalg.inv(transform.homogeneous()) @ np.linalg.inv(after)
    text = "\n".join("  ".join(f"{number:.12f}" for number in row) for row in matrix.tolist())
    write_whole_by(path, lambda temporary: temporary.write_text(text + "\n", encoding="utf-8"), ending=ending)


def read_fsl(path: Path, fixed: Grid, moving: Grid) -> Transform:
    """Read such a file.

    Raises:
        DataError: If it is damaged, holds spline coefficients, or is not of the size of ``fixed``.
        InputError: If ``fixed`` has two axes, or the ending is another.
    """
    ending = ending_of(path, _FILES)
    check_volume(path, fixed, "FSL's warps")
    if ending not in NIFTI_FILES:
        forth = np.linalg.inv(fsl(moving)) @ np.linalg.inv(_matrix(path)) @ fsl(fixed)
        return Transform(grid=fixed, matrix=forth[:3, :3], translation=forth[:3, 3])
    field = read_nifti(path)
    if field.intent not in (FNIRT_FIELD, 0):
        refuse(
            path,
            f"a displacement field of FNIRT, intent {FNIRT_FIELD}",
            f"intent {field.intent}",
            todo="make a field of coefficients by fnirtfileutils",
        )
    if field.vectors.shape != (*fixed.shape, 3):
        refuse(path, f"a field of {fixed.size} voxels, as the reference has", f"one of {field.grid.size}")
    return Transform.from_displacement(field.vectors, fixed, fixed_frame=fsl(fixed), moving_frame=fsl(moving))


def _matrix(path: Path) -> np.ndarray:
    try:
        matrix = np.array([[float(word) for word in line.split()] for line in path.read_text("utf-8").splitlines()[:4]])
    except ValueError:  # what is no number, no UTF-8, or rows of different lengths
        matrix = np.zeros(0)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < np.finfo(float).tiny:
        refuse(path, "four rows of four numbers, FLIRT's matrix", "something else")
    return matrix
