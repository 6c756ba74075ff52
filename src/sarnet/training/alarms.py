"""What goes wrong in training, noticed while there is time to stop it."""

import math
from collections.abc import Mapping, Sequence

_CERTAIN = 0.95
"""Share of images that a discriminator gets right and leaves nothing to learn from."""

_ROWS = 3
"""So many rows of the log before it is said: either may happen for a moment."""

_COLLAPSED_VOXELS = 0.05
"""A field of this mean length or less is the identity."""


def alarms(rows: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """Return what looks wrong, a sentence each.

    Args:
        rows: Of the log, the newest last. ``discriminator_accuracy`` is the share of real and warped images that D
            classified correctly since the row before, ``mean_voxels`` the mean length of the fields that G found;
            figures that a stage lacks are skipped.
    """
    recent = rows[-_ROWS:]
    if len(recent) < _ROWS:
        return ()
    found = []
    right = [row.get("discriminator_accuracy", math.nan) for row in recent]
    if all(share > _CERTAIN for share in right):
        found.append(
            f"The discriminator classifies {100 * right[-1]:.0f} % of images correctly, in {_ROWS} rows in succession: "
            "G learns nothing from it. Lower discriminator_learning_rate or its maps."
        )
    lengths = [row.get("mean_voxels", math.nan) for row in recent]
    if all(length <= _COLLAPSED_VOXELS for length in lengths):
        found.append(
            f"The fields are {lengths[-1]:.3f} voxels long on average: G has collapsed to the identity. "
            "Lower learning_rate, or raise the weights of field and field_length where there are such."
        )
    return tuple(found)
