"""An image: values and the grid they lie on."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import SimpleITK as sitk
from jaxtyping import Shaped

from sarnet.errors import ShapeError
from sarnet.images.grid import Grid
from sarnet.types import LengthUnit

_ITK_TYPES = {"bool": "uint8", "float16": "float32"}
"""What ITK holds instead of the types that it has not."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Image:
    """A scalar image of two or three axes with its grid in the world.

    Label maps are images too: their array holds integers, kept in the type they came in.
    """

    array: Shaped[np.ndarray, "*space"]
    """Values in array order (y x or z y x), C-contiguous."""

    grid: Grid
    """Where they lie."""

    notes: tuple[str, ...] = ()
    """What a user should know about how it was read, one sentence each."""

    length_unit: LengthUnit = "mm"
    """What its spacing is in: pixels, where nothing vouches for millimetres."""

    across: Literal["x", "y", "z"] | None = None
    """Of a slice of a volume, the world axis that it lies across; nothing where the file does not tell."""

    def __post_init__(self) -> None:
        if self.array.shape != self.grid.shape:
            raise ShapeError(
                f"array has shape {self.array.shape}, but its grid has {self.grid.shape} (slowest axis first)"
            )

    @classmethod
    def from_itk(cls, image: sitk.Image, *, notes: tuple[str, ...] = ()) -> "Image":
        """Copy a scalar SimpleITK image."""
        return cls(array=sitk.GetArrayFromImage(image), grid=Grid.of(image), notes=notes)

    @classmethod
    def from_array(cls, array: Shaped[np.ndarray, "*space"], *, spacing: tuple[float, ...] | None = None) -> "Image":
        """Wrap an array in array order (y x or z y x) that says nothing of where it lies.

        Args:
            array: Values, copied to C order where they are in another.
            spacing: Millimetres along x, y[, z]; where it is left out a voxel counts one, and lengths are in pixels.
        """
        return cls(
            array=np.ascontiguousarray(array),
            grid=Grid.plain(array.shape, spacing=spacing),
            length_unit="pixels" if spacing is None else "mm",
        )

    def to_itk(self) -> sitk.Image:
        """Copy to a SimpleITK image."""
        array = self.array.astype(_ITK_TYPES.get(self.array.dtype.name, self.array.dtype.newbyteorder("=")), copy=False)
        image = sitk.GetImageFromArray(np.ascontiguousarray(array))
        self.grid.place(image)
        return image
