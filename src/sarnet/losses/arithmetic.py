"""How every term counts: in single precision at least, and an image of a batch at a time."""

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.errors import ShapeError

_NO_WEIGHT = 1e-6
"""Weights that add up to less than this, of a voxel, are none."""


def full_precision(tensor: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Return ``tensor`` in float32 where it comes in less: half precision loses variances and logarithms."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def mean_by_image(
    values: Float[Tensor, "batch 1 *space"], weight: Float[Tensor, "batch 1 *space"] | None = None
) -> Float[Tensor, "batch"]:
    r"""Return the mean of every image by itself.

    .. math:: \frac{\sum_x w(x)\, v(x)}{\sum_x w(x)}

    The mean over a batch of these is the same however the batch is divided among processes; a quotient of sums over
    the whole batch is not, as soon as two images differ in weight.

    Args:
        values: A value a voxel.
        weight: Weight of every voxel, zero or more; all the same where it is left out. Where nothing weighs anything
            the mean is zero.
    """
    values = values.flatten(1)
    if weight is None:
        return values.mean(dim=1)
    weight = full_precision(weight).flatten(1)
    return (weight * values).sum(dim=1) / weight.sum(dim=1).clamp_min(_NO_WEIGHT)


def check_one_shape(**tensors: Tensor | None) -> None:
    """Refuse tensors that are not voxel by voxel on one grid.

    Args:
        **tensors: The tensors by the names the caller knows them by; those that were left out are None.

    Raises:
        ShapeError: If two shapes differ.
    """
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items() if tensor is not None}
    if len(set(shapes.values())) > 1:
        *names, last = shapes
        raise ShapeError(
            f"{', '.join(names)} and {last} have shapes {list(shapes.values())}, but must be of one shape: "
            "resample them on one grid"
        )
