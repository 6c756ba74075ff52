"""How unevenly a field changes volume."""

import numpy as np
from jaxtyping import Bool, Float

from sarnet.errors import InputError, ShapeError


def sd_log_jacobian(
    determinant: Float[np.ndarray, "*space"], *, inside: Bool[np.ndarray, "*space"] | None = None
) -> float:
    r"""Return the standard deviation of the logarithm of the Jacobian determinant (SDlogJ).

    .. math:: \sigma = \operatorname{std}_{x : \det J(x) > 0} \log \det J(x)

    Zero where volume changes nowhere, or everywhere alike. Where the field folds there is no logarithm: those voxels do
    not count here, their share is :func:`folding_percent`'s.

    Args:
        determinant: Of the transform at each voxel.
        inside: Voxels to count, all where it is left out.

    Raises:
        ShapeError: If ``inside`` has another shape.
        InputError: If there is no voxel to count that does not fold.

    Notes:
        Learn2Reg's scorer adds 3 to the determinant first, so that its numbers are smaller:
        :func:`sarnet.metrics.learn2reg_sd_log_jacobian`.

    References:
        Leow et al., Statistical properties of Jacobian maps, IEEE TMI 26, 2007. https://doi.org/10.1109/TMI.2007.892646
    """
    if inside is not None and inside.shape != determinant.shape:
        raise ShapeError(f"inside has shape {inside.shape}, but determinant {determinant.shape}")
    counted = determinant > 0 if inside is None else (determinant > 0) & inside
    if not counted.any():
        raise InputError("inside holds no voxel to count where the determinant is positive")
    return float(np.log(determinant[counted].astype(np.float64)).std())
