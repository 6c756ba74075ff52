"""Labels: whole numbers, each of them a structure."""

import numpy as np
from jaxtyping import Num

from sarnet.errors import InputError
from sarnet.images.image import Image

WHOLE_NUMBERS = (
    "labels are whole numbers: give a label map; one that was resampled linearly must be made again with nearest"
)
"""What a user reads of values that are none."""


def check_labels(labels: Image, name: str) -> None:
    """Refuse labels that are no whole numbers.

    Args:
        labels: Of any type.
        name: What the user calls them, for the message.

    Raises:
        InputError: If a value is a fraction, NaN or infinity.
    """
    fraction = fraction_among(labels.array)
    if fraction is not None:
        raise InputError(f"{name} has {fraction:g} among its values, but {WHOLE_NUMBERS}")


def fraction_among(values: Num[np.ndarray, "*space"]) -> float | None:
    """Return the first value that is no whole number, NaN and infinity among them; nothing if all are."""
    if values.dtype.kind != "f":
        return None
    wrong = ~np.isfinite(values) | (values != np.round(values))
    return float(values[wrong][0]) if wrong.any() else None
