"""The terms of the objective, one a file, as functions of tensors that fall as things get better."""

from sarnet.losses.field import field_error, normalised_field_error
from sarnet.losses.lncc import lncc
from sarnet.losses.smoothness import smoothness

__all__ = [
    "field_error",
    "lncc",
    "normalised_field_error",
    "smoothness",
]
