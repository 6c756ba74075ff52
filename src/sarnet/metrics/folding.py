"""Where a field is not one to one."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sarnet.errors import InputError
from sarnet.fields import jacobian_determinant

_SLAB_VOXELS = 16
"""Along the first axis, to be looked at in one go: the derivatives of a whole volume would take a gigabyte."""


def folding_percent(
    displacement: Float[Tensor, "batch axis *space"], *, inside: Bool[Tensor, "batch *space"] | None = None
) -> float:
    """Return the share of voxels whose Jacobian determinant is zero or below, in percent.

    Args:
        displacement: Field in voxels.
        inside: Voxels to count, all where it is left out.

    Raises:
        InputError: If ``inside`` holds no voxel.
    """
    if inside is None:
        inside = torch.ones_like(displacement[:, 0], dtype=torch.bool)
    count = int(inside.sum())
    if not count:
        raise InputError("inside holds no voxel to count")
    folded = 0
    for first in range(0, displacement.shape[2], _SLAB_VOXELS):
        before = min(first, 1)  # a voxel more on either side, for the slopes
        slab = displacement[:, :, first - before : first + _SLAB_VOXELS + 1]
        determinant = jacobian_determinant(slab)[:, before : before + _SLAB_VOXELS]
        folded += int((determinant <= 0)[inside[:, first : first + _SLAB_VOXELS]].sum())
    return 100 * folded / count
