"""How far a registration and the one the other way round are from undoing each other."""

from jaxtyping import Bool, Float
from torch import Tensor

from sarnet.errors import InputError


def inverse_consistency_voxels(
    round_trip: Float[Tensor, "batch axis *space"], *, inside: Bool[Tensor, "batch *space"] | None = None
) -> float:
    r"""Return the mean distance of a point from where both ways, one after the other, bring it back to.

    .. math:: E = \frac{1}{|\Omega|} \sum_{x \in \Omega} \left| u(x) + v\left(x + u(x)\right) \right|

    Args:
        round_trip: The field ``u`` that registers the moving image to the fixed one, followed by ``v``, which registers
            the fixed to the moving and was found by itself, never by inverting ``u``; in voxels of the fixed grid.
        inside: Voxels to count (the body, :math:`\Omega`), all where it is left out.

    Returns:
        The error in voxels; zero where each way undoes the other.

    Raises:
        InputError: If ``inside`` holds no voxel.

    References:
        Christensen & Johnson, Consistent image registration, IEEE TMI 20, 2001. https://doi.org/10.1109/42.932742
    """
    lengths = round_trip.norm(dim=1)
    if inside is None:
        return float(lengths.mean())
    if not inside.any():
        raise InputError("inside holds no voxel to count")
    return float(lengths[inside].mean())
