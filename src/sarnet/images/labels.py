"""Labels: whole numbers, each of them a structure."""

import numpy as np

from sarnet.errors import InputError
from sarnet.images.image import Image


def check_labels(labels: Image, name: str) -> None:
    """Refuse labels of floating point that are no whole numbers.

    Args:
        labels: Of any type.
        name: What the user calls them, for the message.

    Raises:
        InputError: If a value is a fraction, NaN or infinity.
    """
    values = labels.array
    if values.dtype.kind != "f":
        return
    wrong = ~np.isfinite(values) | (values != np.round(values))
    if wrong.any():
        raise InputError(
            f"{name} has {values[wrong][0]:g} among its values, but labels are whole numbers: give a label map; one "
            "that was resampled linearly must be made again with nearest"
        )
