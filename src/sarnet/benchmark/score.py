"""How well two label maps on one grid agree, label by label, and on the whole."""

from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from sarnet.images import Image
from sarnet.metrics import dice, mean_of_known, surface_distances


class LabelScore(BaseModel):
    """How well one label agrees; nothing where there is nothing to tell it by."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    dice: float | None
    """Of a label that neither map holds, nothing."""
    hd95: float | None
    """95th percentile of the Hausdorff distance, in the unit of the fixed image; nothing where either map lacks it."""
    mad: float | None
    """Mean absolute distance of the outlines, the same."""


class Means(NamedTuple):
    """Means over the labels that have the figure."""

    dice: float | None
    hd95: float | None
    mad: float | None


def score_labels(
    fixed: Image, warped: Image, *, labels: tuple[int, ...] | None = None, ignored: int | None = None
) -> dict[str, LabelScore]:
    """Return Dice and the distance of outlines for every label.

    Args:
        fixed: Labels of the fixed image.
        warped: Labels of the moving image on the same grid.
        labels: Which to score; where left out, every label but 0 that either holds.
        ignored: Label of uncertain voxels: where either map has it, both count as 0. As that cuts outlines, there are
            then no distances.

    Raises:
        ShapeError: If the maps differ in size.
    """
    first, second = fixed.array, warped.array
    is_open = False
    if ignored is not None and first.shape == second.shape:
        told = (first != ignored) & (second != ignored)
        is_open = not told.all()
        first, second = first * told, second * told
    overlap = dice(first, second, labels=labels)
    apart = surface_distances(first, second, spacing=fixed.grid.spacing[::-1], labels=tuple(overlap))
    return {
        str(label): LabelScore(
            dice=_known(overlap[label]),
            hd95=None if is_open else _known(each.hd95),
            mad=None if is_open else _known(each.mad),
        )
        for label, each in apart.items()
    }


def means(scores: dict[str, LabelScore]) -> Means:
    """Average over labels.

    A label that was lost has a Dice of zero and no distance: a mean distance is over those that were kept.
    """
    each = scores.values()
    return Means(
        dice=mean_of_known(score.dice for score in each),
        hd95=mean_of_known(score.hd95 for score in each),
        mad=mean_of_known(score.mad for score in each),
    )


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None
