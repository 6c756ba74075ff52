"""A finished registration as its files tell it: images on the fixed grid, the field, and what that does to volume."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from jaxtyping import Float

from sarnet.errors import DataError
from sarnet.fields import jacobian_determinant
from sarnet.images import Grid, Image, foreground, normalise, read_image, resample, with_finite_values
from sarnet.registration import Record, RecordedGrid, read_record
from sarnet.report.planes import Focus, focus_on

_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
_VIEW_ACROSS = {"x": "sagittal", "y": "coronal", "z": "axial"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Result:
    """Everything that a report shows, on the fixed grid."""

    record: Record
    fixed: Image
    """Intensities in [0, 1]."""

    before: Image
    """The moving image where its header says it is, in [0, 1]."""

    warped: Image
    """In [0, 1], by the range of ``before`` and its own taken together."""

    displacement: Float[np.ndarray, "*space axis"]
    """In millimetres, components x, y[, z]."""

    jacobian: Image
    """Determinant of the field's Jacobian."""

    uncertainty: Image | None
    """In millimetres, where it was asked for."""

    foreground: Image
    """What of the fixed image is not background: 0 or 1."""

    focus: Focus
    """The middle of that, and all that is not background in the fixed or the moving image."""

    view: str
    """Which plane of the patient an image of two axes is shown as; axial, where its file does not tell."""

    is_picture: bool
    """Whether the fixed image is in a format of pictures, which knows no body."""

    knows_sides: bool
    """Whether the fixed image's file is sure to say which side of the patient is which."""

    @property
    def is_cropped(self) -> bool:
        """Whether some background is left out of the pictures."""
        return any(side.stop - side.start < size for side, size in zip(self.focus.box, self.grid.shape))

    @property
    def grid(self) -> Grid:
        """The fixed grid."""
        return self.fixed.grid

    @property
    def folded(self) -> int:
        """Number of voxels at which the field folds."""
        return int((self.jacobian.array <= 0).sum())


def read_result(folder: Path) -> Result:
    """Read a finished registration.

    Raises:
        DataError: If a file of it or one of its two images is gone or damaged, does not fit the others, or was never a
            file.
    """
    record = read_record(folder)
    path = _input(folder, "fixed", record.inputs.fixed)
    fixed = _as_registered(path, record.grid)
    moving = _as_registered(_input(folder, "moving", record.inputs.moving), record.moving_grid or record.grid)
    warped = _output(folder, record.files.warped)
    displacement = _displacement(_output(folder, record.files.displacement), fixed.grid)
    before = resample(with_finite_values(moving), fixed.grid).array
    after = read_image(warped).array  # a picture has forgotten its place, which is the fixed image's
    if after.shape != fixed.array.shape:
        raise DataError(
            f"{warped} has shape {after.shape}, but the fixed image {path} has {fixed.array.shape}: one of them was "
            "replaced since; register the pair again"
        )
    inside, view = foreground(fixed.array), _view(fixed)
    # one range for both, so that a difference between them is one of the images
    both = normalise(np.concatenate([before, after]))
    return Result(
        record=record,
        fixed=replace(fixed, array=normalise(fixed.array)),
        before=Image(array=both[: len(before)], grid=fixed.grid),
        warped=Image(array=both[len(before) :], grid=fixed.grid),
        displacement=displacement,
        jacobian=_jacobian(displacement, fixed.grid),
        uncertainty=_uncertainty(folder, record, fixed.grid),
        foreground=Image(array=inside.astype(np.uint8), grid=fixed.grid),
        focus=focus_on(inside, inside | foreground(before)),
        view=view or "axial",
        is_picture=path.suffix.lower() in _PICTURES,
        knows_sides=fixed.grid.dimension == 3 or view is not None,
    )


def _input(folder: Path, name: str, recorded: str | None) -> Path:
    if recorded is None:
        raise DataError(
            f"the {name} image of the registration in {folder} came from no file, but a report reads it from one: "
            f"write it to a file and name that in inputs.{name} of registration.json"
        )
    for path in (Path(recorded), folder / recorded):
        if path.exists():
            return path
    raise DataError(
        f"the {name} image of the registration in {folder} is gone: {recorded} does not exist; put it back, or "
        "register the pair again"
    )


def _output(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.exists():
        raise DataError(f"{path} does not exist, but registration.json names it: register the pair again")
    return path


def _as_registered(path: Path, grid: RecordedGrid) -> Image:
    """Read an image by the spacing that it was registered with: that may have been given by hand."""
    image = read_image(path)
    if len(grid.spacing_mm) != image.grid.dimension or np.allclose(grid.spacing_mm, image.grid.spacing, rtol=1e-3):
        return image
    return read_image(path, spacing=grid.spacing_mm)


def _displacement(path: Path, grid: Grid) -> Float[np.ndarray, "*space axis"]:
    try:
        field = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    except RuntimeError as error:
        raise DataError(f"{path} is damaged or no image: register the pair again") from error
    wanted = (*grid.shape, grid.dimension)
    if field.shape != wanted:
        raise DataError(
            f"{path} has shape {field.shape}, but a field on the fixed image's grid has {wanted}: one of them was "
            "replaced since; register the pair again"
        )
    return np.nan_to_num(field.astype(np.float32), posinf=0.0, neginf=0.0)


def _uncertainty(folder: Path, record: Record, grid: Grid) -> Image | None:
    if record.files.uncertainty is None:
        return None
    path = _output(folder, record.files.uncertainty)
    found = read_image(path)
    if found.grid.shape != grid.shape:
        raise DataError(
            f"{path} has shape {found.grid.shape}, but the fixed image {grid.shape}: one of them was replaced since; "
            "register the pair again"
        )
    return replace(found, grid=grid)


def _jacobian(displacement: Float[np.ndarray, "*space axis"], grid: Grid) -> Image:
    field = torch.from_numpy(grid.in_voxels(displacement))[None]
    return Image(array=jacobian_determinant(field)[0].numpy(), grid=grid)


def _view(fixed: Image) -> str | None:
    """Of a slice of a volume; a file of two axes does not say where in the patient they lie."""
    return None if fixed.across is None else _VIEW_ACROSS[fixed.across]
