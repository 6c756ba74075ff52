"""What the figures of a registration mean, in words."""

from sarnet.config import MeasuredSimilarity
from sarnet.types import LengthUnit

_UNCHANGED: dict[MeasuredSimilarity, float] = {"lncc": 0.005, "nmi": 0.002}
"""Less of a change than this is none; brain slices of two contrasts go from 0.03 to 0.14 by mutual information."""

SIMILARITY_NAMES: dict[str, str] = {"lncc": "local correlation", "nmi": "mutual information over joint entropy"}
"""As the record has them: 0 to 1, 1 is perfect."""

_COLLAPSED_VOXELS = 0.05
"""A field of this mean length or less does nothing."""

_FOLDING_PERCENT = 0.1
"""Folding that is worth a sentence."""


def verdict(
    *,
    similarity: MeasuredSimilarity,
    similarity_before: float,
    similarity_after: float,
    folding_percent: float | None,
    mean_displacement_voxels: float | None,
    dice_before: float | None = None,
    dice_after: float | None = None,
) -> tuple[str, ...]:
    """Return sentences on a result, the headline first.

    Args:
        similarity: What the images were compared by.
        similarity_before: That in [0, 1] of the images as they came.
        similarity_after: The same after registration.
        folding_percent: Share of voxels that fold, nothing where there is no field: an affine map cannot.
        mean_displacement_voxels: Mean length of the network's field, nothing where there is none.
        dice_before: Mean overlap of labels as they came, where there are any.
        dice_after: The same after registration.
    """
    gain = similarity_after - similarity_before
    least = _UNCHANGED[similarity]
    change = (
        f"{SIMILARITY_NAMES[similarity]} {similarity_before:.3f} before, {similarity_after:.3f} after (1 is perfect)"
    )
    if gain > least:
        sentences = [f"Improved: {change}."]
    elif gain >= -least:
        sentences = [f"Unchanged: {change}."]
    else:
        sentences = [f"Worse: {change}. Do not use this result without checking it."]
    if dice_before is not None and dice_after is not None:
        sentences.append(f"The labels' mean overlap (Dice) {_course(dice_before, dice_after)}.")
    if folding_percent is not None:
        sentences.append(_folding(folding_percent))
    if mean_displacement_voxels is not None and mean_displacement_voxels <= _COLLAPSED_VOXELS:
        sentences.append(
            f"The network's field is close to zero ({mean_displacement_voxels:.3f} voxels on average): either the "
            "affine start needs no more, or the network found nothing that it knows in these images."
        )
    return tuple(sentences)


def trust(
    *, inverse_consistency_mm: float, voxel_mm: float, uncertainty_mm: float | None, length_unit: LengthUnit = "mm"
) -> tuple[str, ...]:
    """Return sentences on how far a result can be trusted, for those who asked.

    Args:
        inverse_consistency_mm: By how much a point is off, on average, that went there and came back.
        voxel_mm: Finest spacing of the grid on which the images were compared.
        uncertainty_mm: Mean of the map of uncertainty, where that was asked for.
        length_unit: What the lengths are in, where it is no millimetres.
    """
    is_far = inverse_consistency_mm > voxel_mm
    consistency = (
        f"Registered both ways and composed, points are off by {inverse_consistency_mm:.2f} {length_unit} on average"
    )
    sentences = [f"{consistency}: the two disagree by more than a voxel." if is_far else f"{consistency}."]
    if uncertainty_mm is not None:
        sentences.append(
            f"By repetitions at other exposures, the uncertainty is {uncertainty_mm:.2f} {length_unit} on average."
        )
    return tuple(sentences)


def _course(before: float, after: float) -> str:
    if f"{before:.3f}" == f"{after:.3f}":
        return f"stayed at {after:.3f}"
    return f"{'rose' if after > before else 'fell'} from {before:.3f} to {after:.3f}"


def _folding(percent: float) -> str:
    if percent == 0:
        return "The field folds nowhere."
    if percent <= _FOLDING_PERCENT:
        return f"The field folds in {percent:.3f} % of the foreground, which is negligible."
    return f"The field folds in {percent:.2f} % of the foreground: it is not one to one there."
