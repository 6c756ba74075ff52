"""Resampling an image through a transform."""

from typing import Literal

import numpy as np
import SimpleITK as sitk

from sarnet.errors import GridError, InputError
from sarnet.images.grid import Grid
from sarnet.images.image import Image
from sarnet.images.intensity import border_value
from sarnet.transforms.transform import Transform

Reading = Literal["linear", "nearest", "label"]
"""How an image is read between its voxels; ``label`` is ``nearest`` for maps of integers."""

_ITK = {"linear": sitk.sitkLinear, "nearest": sitk.sitkNearestNeighbor, "label": sitk.sitkNearestNeighbor}


def apply(
    transform: Transform,
    moving: Image,
    reference: Grid,
    *,
    interpolation: Reading,
    outside: float | None = None,
) -> Image:
    r"""Resample a moving image on a grid in fixed space.

    .. math:: (M \circ T)(p) = M(T(p))

    Args:
        transform: Where in moving space each point of fixed space comes from.
        moving: Image of any intensity unit, or a label map.
        reference: Grid of the result, most often ``transform.grid``.
        interpolation: ``"linear"`` gives float32; ``"nearest"`` and ``"label"`` keep the type and every value as it is,
            integers above 2^24 among them.
        outside: Value of what comes from beyond the moving image. Left out, it is 0 for labels, and for all else the
            constant background that surrounds the image or else its lowest value.

    Returns:
        The warped image on ``reference``.

    Raises:
        GridError: If the three have different numbers of axes.
        InputError: If ``interpolation`` is unknown, ``moving`` is no label map where it should be one, or ``outside``
            does not fit its type.
    """
    if interpolation not in _ITK:
        raise InputError(f"interpolation is {interpolation!r}, but must be one of {sorted(_ITK)}")
    axes = (transform.grid.dimension, moving.grid.dimension, reference.dimension)
    if len(set(axes)) > 1:
        raise GridError(f"transform, moving and reference have {axes[0]}, {axes[1]} and {axes[2]} axes, but must agree")
    array = moving.array
    if interpolation == "label" and array.dtype.kind == "f" and not np.array_equal(array, np.round(array)):
        raise InputError("moving holds values that are no integers, but 'label' is for label maps: use 'nearest'")
    if outside is None:
        outside = 0.0 if interpolation == "label" else border_value(array)
    if interpolation != "linear" and np.array(outside).astype(array.dtype) != outside:
        raise InputError(f"outside is {outside}, but moving holds {array.dtype}: choose a value of that type")

    image = moving.to_itk()
    if interpolation == "linear":
        image = sitk.Cast(image, sitk.sitkFloat32)
    warped = sitk.Resample(image, reference.empty_itk(), transform.to_itk(), _ITK[interpolation], float(outside))
    kind = np.float32 if interpolation == "linear" else array.dtype  # ITK has no bool
    return Image(array=sitk.GetArrayFromImage(warped).astype(kind, copy=False), grid=reference, notes=moving.notes)
