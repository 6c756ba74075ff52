"""First-order smoothness of a field."""

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.losses.arithmetic import full_precision


def smoothness(controls: Float[Tensor, "batch axis *space"]) -> Float[Tensor, ""]:
    r"""Return the mean squared difference of neighbouring values (diffusion), a term of this project's own.

    .. math:: \sum_a \frac{1}{N_a} \sum_{x, i} \left(u_i(x + e_a) - u_i(x)\right)^2

    with the number :math:`N_a` of neighbours along axis ``a``, times that of components.

    Zero for a translation. Neighbours are one step of the given grid apart: of control values in voxels of their own
    grid it is the square of the field's slope. An axis of one value has none.

    Args:
        controls: Field or control values, in voxels of their own grid.
    """
    controls = full_precision(controls)
    total = controls.new_zeros(())
    for axis in range(2, controls.ndim):
        if controls.shape[axis] > 1:
            total = total + torch.diff(controls, dim=axis).square().mean()
    return total
