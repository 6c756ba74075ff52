"""Linear maps that act on every axis by itself."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.errors import ShapeError


def along_axes(
    field: Float[Tensor, "batch channel *space"], matrices: Sequence[Float[Tensor, "_ _"]]
) -> Float[Tensor, "batch channel *other"]:
    r"""Multiply every axis by a matrix of its own.

    .. math:: v_{i j k} = \sum_{l m n} A_{i l} B_{j m} C_{k n}\, u_{l m n}

    Args:
        field: Field or image.
        matrices: One for each array axis of space, with as many columns as the axis has voxels; its rows are the
            voxels of the result.

    Raises:
        ShapeError: If the matrices are not those of the field's axes.

    Notes:
        A filter as a band matrix is several times faster on a processor than the convolutions of torch, which go
        along one axis badly: the product is dense, but it is the best tuned routine there is.
    """
    space = tuple(field.shape[2:])
    columns = tuple(matrix.shape[1] for matrix in matrices)
    if columns != space:
        raise ShapeError(f"matrices have {columns} columns, but field {tuple(field.shape)} has space {space}")
    with torch.autocast(field.device.type, enabled=False):  # it would round what the caller has in full precision
        for axis, matrix in enumerate(matrices, start=2):
            shape = (*field.shape[:axis], len(matrix), *field.shape[axis + 1 :])
            is_last = axis == field.ndim - 1  # else all that lies behind the axis is one long row
            field = field @ matrix.T if is_last else (matrix @ field.flatten(axis + 1)).view(shape)
        return field
