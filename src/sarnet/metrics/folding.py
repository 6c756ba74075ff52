"""Where a field is not one to one."""

from jaxtyping import Bool, Float
from torch import Tensor

from sarnet.errors import InputError
from sarnet.fields import jacobian_determinant


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
    folded = jacobian_determinant(displacement) <= 0
    if inside is None:
        return 100 * float(folded.float().mean())
    if not inside.any():
        raise InputError("inside holds no voxel to count")
    return 100 * float(folded[inside].float().mean())
