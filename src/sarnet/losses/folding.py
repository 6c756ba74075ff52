"""A penalty on folds."""

from jaxtyping import Float
from torch import Tensor

from sarnet.fields import jacobian_determinant
from sarnet.losses.arithmetic import full_precision

_SMALLEST_VOLUME = 0.05
"""What a voxel may shrink to for free; a little above the fold, so that the penalty begins before it."""


def folding(displacement: Float[Tensor, "batch axis *space"]) -> Float[Tensor, ""]:
    r"""Return how far the volume of a field's voxels falls short of staying positive, a term of this project's own.

    .. math:: \frac{1}{N} \sum_x \max(0,\; 0.05 - \det J(x))

    Zero where nothing folds, or nearly so.

    Args:
        displacement: Field in voxels, at least two voxels along each axis.

    Raises:
        ShapeError: If ``displacement`` is not a field, or an axis has a single voxel.
    """
    return (_SMALLEST_VOLUME - jacobian_determinant(full_precision(displacement))).relu().mean()
