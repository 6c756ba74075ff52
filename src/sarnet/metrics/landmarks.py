"""How far landmarks end from where they belong."""

import numpy as np
from jaxtyping import Float

from sarnet.errors import ShapeError


def target_registration_error_mm(
    found_world: Float[np.ndarray, "point axis"], wanted_world: Float[np.ndarray, "other axes"]
) -> Float[np.ndarray, " point"]:
    r"""Return the distance of every landmark of the fixed image, carried over, from its partner in the moving image.

    .. math:: E_k = \left| T(p_k) - q_k \right|

    Args:
        found_world: ``T(p)``: the fixed image's landmarks where the transform leads them, in millimetres.
        wanted_world: ``q``: the same landmarks as marked in the moving image.

    Returns:
        An error in millimetres for each.

    Raises:
        ShapeError: If the two differ in shape.

    References:
        Fitzpatrick et al., Predicting error in rigid-body point-based registration, IEEE TMI 17, 1998.
        https://doi.org/10.1109/42.736021
    """
    if found_world.shape != wanted_world.shape:
        raise ShapeError(f"found_world has shape {found_world.shape}, but wanted_world {wanted_world.shape}")
    return np.asarray(np.linalg.norm(found_world - wanted_world, axis=1))
