"""The objective: every term by its name, and their weighted sum (eq. 6)."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.config import ObjectiveSettings
from sarnet.errors import InputError


def objective(terms: Mapping[str, Float[Tensor, ""]], weights: ObjectiveSettings) -> Float[Tensor, ""]:
    r"""Return the weighted sum of the terms.

    .. math:: L = \sum_t w_t\, L_t

    The paper has a weight of ten for the cycle and of one for all others; every term is in the form that falls as
    things get better (method, section 6).

    Args:
        terms: Term by name; a term of weight zero may be left out.
        weights: The weight of each.

    Raises:
        InputError: If a term has no weight of its name, one that has a weight is missing, or there is none at all.
    """
    wanted = {name: weight for name, weight in weights.model_dump().items() if weight or name in terms}
    if terms.keys() != wanted.keys():
        different = sorted(terms.keys() ^ wanted.keys())
        raise InputError(f"terms {sorted(terms)} and those with a weight {sorted(wanted)} differ by {different}")
    if not wanted:
        raise InputError("weights are all 0, but an objective needs a term: give one of them a weight")
    return torch.stack([wanted[name] * term for name, term in terms.items()]).sum()
