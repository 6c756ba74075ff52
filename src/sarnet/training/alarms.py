"""What goes wrong in adversarial training, noticed while there is time to stop it."""

from typing import NamedTuple

_CERTAIN = 0.95
"""Share of images that a discriminator gets right and leaves nothing to learn from."""

_CHECKS = 3
"""So many checks in a row before the discriminator has won: it may do so for a moment."""

_COLLAPSED_VOXELS = 0.05
"""A field of this mean length or less is the identity."""


class Standing(NamedTuple):
    """How the game stands at one check."""

    discriminator_accuracy: float
    """Share of real and warped images that it tells rightly, since the last check; NaN where there is none."""
    mean_voxels: float
    """Mean length of the fields that G found, since the last check."""


def alarms(history: list[Standing]) -> tuple[str, ...]:
    """Return what looks wrong, a sentence each.

    Args:
        history: Every check so far, the newest last.
    """
    found = []
    recent = history[-_CHECKS:]
    if len(recent) == _CHECKS and all(standing.discriminator_accuracy > _CERTAIN for standing in recent):
        found.append(
            f"The discriminator tells {100 * recent[-1].discriminator_accuracy:.0f} % of the images rightly, "
            f"{_CHECKS} checks in a row: G learns nothing from it. Lower discriminator_learning_rate or its maps."
        )
    if len(recent) == _CHECKS and all(standing.mean_voxels <= _COLLAPSED_VOXELS for standing in recent):
        found.append(
            f"The fields are {history[-1].mean_voxels:.3f} voxels long on average: G has collapsed to the identity. "
            "Raise the weight of field or field_length, or lower learning_rate."
        )
    return tuple(found)
