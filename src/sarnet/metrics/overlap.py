"""How well labels agree."""

import numpy as np
from jaxtyping import Bool, Num
from torch import Tensor

from sarnet.errors import ShapeError


def dice(
    fixed: Num[np.ndarray, "*space"],
    warped: Num[np.ndarray, "*space"],
    *,
    labels: tuple[int, ...] | None = None,
) -> dict[int, float]:
    r"""Return Dice's overlap of every label.

    .. math:: D = \frac{2\,|A \cap B|}{|A| + |B|}

    Args:
        fixed: Labels of the fixed image.
        warped: Labels of the moving image, resampled on the fixed grid.
        labels: Which to score; where left out, every label but 0 that either holds.

    Returns:
        Label to overlap, from 0 (none) to 1 (the same). A label that neither holds is not a number.

    Raises:
        ShapeError: If the maps differ in shape.

    References:
        Dice, Measures of the amount of ecologic association between species, Ecology 26, 1945.
        https://doi.org/10.2307/1932409
    """
    if fixed.shape != warped.shape:
        raise ShapeError(f"fixed has shape {fixed.shape}, but warped {warped.shape}")
    if labels is None:
        present = np.union1d(np.unique(fixed), np.unique(warped))
        labels = tuple(int(label) for label in present if label != 0)
    return {label: _overlap(fixed == label, warped == label) for label in labels}


def mask_dice(fixed: Bool[Tensor, "*space"], warped: Bool[Tensor, "*space"]) -> float:
    """Return the overlap of two masks, as :func:`dice` has it; of two empty ones it is not a number.

    Raises:
        ShapeError: If they differ in shape.
    """
    if fixed.shape != warped.shape:
        raise ShapeError(f"fixed has shape {tuple(fixed.shape)}, but warped {tuple(warped.shape)}")
    return _overlap(fixed.numpy(), warped.numpy())


def _overlap(first: np.ndarray, second: np.ndarray) -> float:
    total = int(first.sum()) + int(second.sum())
    if total == 0:
        return float("nan")
    return 2 * int((first & second).sum()) / total
