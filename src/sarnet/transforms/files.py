"""Transforms in files: which module reads or writes what, and the fields that are images.

Every one of them maps points of fixed space to moving space: what resamples the moving image on the fixed grid.

=============== ========================================================= ==========================================
format          files                                                     what
=============== ========================================================= ==========================================
``itk``         ``.h5``; ``.tfm`` ``.txt`` ``.mat`` (an affine map alone) ITK's own, LPS mm
``itk-field``   ``.nii`` ``.nii.gz`` (intent 1007) ``.nrrd`` ``.mha``     total displacement, LPS mm
``nifti-ras``   ``.nii`` ``.nii.gz`` (intent 1006)                        total displacement, RAS mm
``learn2reg``   ``.nii`` ``.nii.gz`` ``.npz``                             total displacement, voxels
``fsl``         ``.nii`` ``.nii.gz`` (intent 2006); ``.mat`` ``.txt``     relative warp, FSL's mm; FLIRT's matrix
``freesurfer``  ``.mgz``; ``.lta`` (an affine map alone)                  warp in RAS mm; RAS to RAS
=============== ========================================================= ==========================================
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import SimpleITK as sitk

from sarnet.errors import DataError, InputError, SarnetError
from sarnet.images.grid import Grid
from sarnet.images.meta_image import check_meta_image
from sarnet.images.whole import write_whole_by
from sarnet.transforms.compose import compose
from sarnet.transforms.frames import ras
from sarnet.transforms.freesurfer import FREESURFER_FILES, read_freesurfer, write_freesurfer
from sarnet.transforms.fsl import FNIRT_FIELD, read_fsl, write_fsl
from sarnet.transforms.itk_file import AFFINE_FILES, read_itk
from sarnet.transforms.learn2reg import read_learn2reg, write_learn2reg
from sarnet.transforms.nifti import NIFTI_FILES, read_nifti, write_nifti
from sarnet.transforms.refusal import check_room, ending_of, refuse
from sarnet.transforms.transform import Transform, vector_image

Format = Literal["itk", "itk-field", "nifti-ras", "learn2reg", "fsl", "freesurfer"]
FORMATS: tuple[Format, ...] = get_args(Format)

_TRANSFORM_FILES = (".h5", *AFFINE_FILES)
_IMAGE_FILES = (".nrrd", ".mha")
_FIELD_FILES = (*NIFTI_FILES, *_IMAGE_FILES)
_SLICERS_KEY = "displacement field type"
_LPS_VECTORS, _RAS_DISPLACEMENTS = 1007, 1006  # NIFTI_INTENT_VECTOR as ITK and ANTs use it, NIFTI_INTENT_DISPVECT

_BY_INTENT: dict[int, Format] = {_LPS_VECTORS: "itk-field", _RAS_DISPLACEMENTS: "nifti-ras"}
_READ: dict[str, tuple[str, ...]] = {
    "itk": _TRANSFORM_FILES,
    "itk-field": _FIELD_FILES,
    "nifti-ras": NIFTI_FILES,
    "freesurfer": FREESURFER_FILES,
}

_BOTH_GRIDS: dict[str, Callable[[Path, Grid, Grid], Transform]] = {"learn2reg": read_learn2reg, "fsl": read_fsl}
_FOR_MOVING: dict[str, Callable[[Transform, Path, Grid], None]] = {
    "learn2reg": write_learn2reg,
    "fsl": write_fsl,
    "freesurfer": write_freesurfer,
}


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
    ending = ending_of(path, _TRANSFORM_FILES)
    if ending != ".h5" and transform.displacement is not None:
        raise InputError(
            f"{path}: a {ending} file holds an affine map alone, but the transform has a displacement field: write .h5"
        )
    itk = transform.to_itk() if ending == ".h5" else transform.affine_itk()
    write_whole_by(path, lambda temporary: sitk.WriteTransform(itk, str(temporary)), ending=ending)


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
    ending = ending_of(path, _FIELD_FILES)
    total = transform.total_displacement()
    if ending in NIFTI_FILES:
        write_nifti(total, transform.grid, path, intent=_LPS_VECTORS)
        return
    image = vector_image(total, transform.grid)
    write_whole_by(path, lambda temporary: sitk.WriteImage(image, str(temporary), useCompression=True), ending=ending)


def write_format(transform: Transform, path: Path | str, form: Format, *, moving: Grid | None = None) -> None:
    """Write a transform as another program wants it.

    Args:
        transform: On the grid of the fixed image.
        path: Where to, with an ending of that format.
        form: One of :data:`FORMATS`.
        moving: Grid of the moving image: for ``learn2reg``, ``fsl`` and ``freesurfer``, which count in it.

    Raises:
        InputError: If the format is unknown, has no place for the transform, or lacks ``moving``.
        DataError: If the file cannot be written.
    """
    path = Path(path)
    _check_format(form)
    if form == "itk":
        write_transform(transform, path)
        return
    if transform.displacement is None and transform.grid.size == (1,) * transform.grid.dimension:
        raise InputError(f"{path}: {form} lies on the grid of the fixed image, but an affine map has none: give it")
    if form == "itk-field":
        write_displacement(transform, path)
    elif form == "nifti-ras":
        ending_of(path, NIFTI_FILES)
        frame = ras(transform.grid)
        vectors = transform.displacement_between(frame, frame)
        write_nifti(vectors, transform.grid, path, intent=_RAS_DISPLACEMENTS)
    else:
        _FOR_MOVING[form](transform, path, _needed(path, form, "moving", moving))


def read_transform(
    path: Path | str, *, grid: Grid | None = None, form: Format | None = None, moving: Grid | None = None
) -> Transform:
    """Read a transform from any of the formats this module names.

    Args:
        path: File of a transform or of a displacement field.
        grid: Grid of the fixed image. Left out, it is the grid of the field in the file; a file without a field then
            gets a grid of one voxel at the world's origin, which is enough to move points and to apply it.
        form: Its format; left out, the ending and the intent tell it, but for ``learn2reg`` and ``fsl``, which want
            both grids, and for a NIfTI field without intent, whose frame it says.
        moving: Grid of the moving image, for those two.

    Raises:
        InputError: If the ending is of no known format, or a grid is missing.
        DataError: If the file is missing or damaged, is no transform, or does not fit ``grid``.
    """
    path = Path(path)
    if form is not None:
        _check_format(form)
    both = _BOTH_GRIDS.get(form or "")
    known = _READ.get(form or "", (*_TRANSFORM_FILES, *_FIELD_FILES, *FREESURFER_FILES))
    ending = path.suffix if both else ending_of(path, known)
    if not path.is_file():
        raise DataError(f"{path}: wanted a transform, but there is no such file: check the path")
    with np.errstate(all="ignore"):  # a number too large becomes infinity, and that is refused
        if both:
            return both(path, _needed(path, str(form), "reference", grid), _needed(path, str(form), "moving", moving))
        if ending in _TRANSFORM_FILES:
            return read_itk(path, ending, grid)
        if ending in FREESURFER_FILES:
            found = read_freesurfer(path)
        else:
            found = _read_nifti_field(path, form) if ending in NIFTI_FILES else _read_image(path)
    if grid is not None and found.grid.dimension != grid.dimension:
        refuse(path, f"a transform of {grid.dimension} axes", f"one of {found.grid.dimension}")
    return found if grid is None else compose(found, grid=grid)


def _check_format(form: str) -> None:
    if form not in FORMATS:
        raise InputError(f"format is {form!r}, but must be one of {', '.join(FORMATS)}")


def _needed(path: Path, form: str, name: str, grid: Grid | None) -> Grid:
    if grid is None:
        raise InputError(f"{path}: {form} counts in the grids of both images, but {name} is missing: give that image")
    return grid


def _read_nifti_field(path: Path, form: Format | None) -> Transform:
    field = read_nifti(path)
    told = _BY_INTENT.get(field.intent)
    if form and told and told != form:
        refuse(path, f"a field of {form}", f"intent {field.intent}, which is {told}", todo="leave its format out")
    if field.intent == FNIRT_FIELD or not (told or form):
        hint = "it is FSL's: say so, with both images" if field.intent == FNIRT_FIELD else "say its format"
        wanted = f"a NIfTI field of intent {_LPS_VECTORS} or {_RAS_DISPLACEMENTS}, which tells the frame"
        refuse(path, wanted, f"intent {field.intent}", todo=f"{hint} (sarnet convert --from)")
    frame = ras(field.grid) if (told or form) == "nifti-ras" else np.eye(field.grid.dimension + 1)
    return Transform.from_displacement(field.vectors, field.grid, fixed_frame=frame, moving_frame=frame)


def _read_image(path: Path) -> Transform:
    """Read vectors in LPS millimetres, which is what ITK makes of NRRD's and MetaImage's."""
    if path.suffix.lower() == ".mha":
        check_meta_image(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        with _quiet():
            reader.ReadImageInformation()
        axes, components = reader.GetDimension(), reader.GetNumberOfComponents()
        if components != axes or axes not in (2, 3):
            came = f"an image of {axes} axes with {components} values a voxel"
            refuse(path, "as many values a voxel as axes", came)
        if reader.HasMetaDataKey(_SLICERS_KEY) and reader.GetMetaData(_SLICERS_KEY).strip() == "modeling":
            refuse(path, "a field that resamples images", "one that moves points", todo="save it by 3D Slicer as .h5")
        # a byte at least for every number
        check_room(path, int(np.prod(reader.GetSize(), dtype=object)) * components, packed=True)
        with _quiet():
            image = reader.Execute()
    except RuntimeError:
        refuse(path, "a displacement field", "a file that ITK cannot read as an image")
    try:
        field = sitk.GetArrayFromImage(image).astype(np.float32)
        return Transform.identity(Grid.of(image)).with_displacement(field)
    except SarnetError as error:
        refuse(path, "finite displacements on a grid", str(error))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what MetaIO says of a damaged file, line after line, off the terminal: we say it in one."""
    before, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(before)
        os.close(nowhere)
