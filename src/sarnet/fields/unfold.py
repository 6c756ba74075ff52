"""Taking the folds out of a field."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.fields.gaussian import gaussian
from sarnet.fields.jacobian import smallest_determinant
from sarnet.fields.warp import check_field

_SMALLEST_VOLUME = 0.01
"""What a voxel may shrink to."""

_SIGMA_VOXELS = 1.0
"""Of the smoothing where a field folds, and of the way from there to where it stays as it is."""

_MOST_ROUNDS = 50


def unfold(displacement: Float[Tensor, "batch axis *space"]) -> Float[Tensor, "batch axis *space"]:
    r"""Smooth a field where it folds, or nearly does, until it no longer does; elsewhere it stays as it is, to the bit.

    .. math:: u \leftarrow u + w\,(G * u - u)

    with ``G`` a Gaussian of one voxel and ``w`` largest at voxels whose volume is below 0.01 and their neighbours, from
    there falling to zero within three voxels. What folds is told by one-sided differences
    (:func:`sarnet.fields.jacobian.smallest_determinant`), so that the field hardly folds either when it is read
    linearly on a finer grid.

    Args:
        displacement: Field in voxels. One that is a single voxel thin has no volume to lose and is returned as it is.

    Returns:
        The field after fifty rounds at most. What folds on a large scale, such as a mirror image, still does.

    Raises:
        ShapeError: If ``displacement`` is not a field.

    References:
        One-sided differences are those of Karacali & Davatzikos, Estimating topology preserving and smooth displacement
        fields, IEEE TMI 23(7), 868, 2004; they look for the nearest field without folds, this smooths.
    """
    check_field(displacement)
    if min(displacement.shape[2:]) < 2:
        return displacement
    widest = F.max_pool2d if displacement.ndim == 4 else F.max_pool3d
    for _ in range(_MOST_ROUNDS):
        folds = smallest_determinant(displacement)[:, None] < _SMALLEST_VOLUME
        if not folds.any():
            break
        share = gaussian(widest(folds.to(displacement.dtype), 3, stride=1, padding=1), _SIGMA_VOXELS)
        displacement = displacement + share * (gaussian(displacement, _SIGMA_VOXELS) - displacement)
    return displacement
