"""A pair of real images with what a result is judged by, and how data sets make pairs of their subjects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
from jaxtyping import Float

from sarnet.errors import InputError
from sarnet.images import Image
from sarnet.registration import Labels

Half = Literal["first", "second", "all"]

_Subject = TypeVar("_Subject")


@dataclass(frozen=True, kw_only=True, eq=False)
class Landmarks:
    """Points marked in both images; rows correspond."""

    fixed: Float[np.ndarray, "point axis"]
    """World LPS millimetres, x first."""
    moving: Float[np.ndarray, "point axis"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pair:
    """Two images, and labels or landmarks that no method sees."""

    fixed: Image
    moving: Image
    labels: Labels | None = None
    structures: tuple[int, ...] = ()
    """Which labels are scored."""
    ignored: int | None = None
    """Label of voxels that nobody could tell: where either map has it, no overlap is counted."""
    landmarks: Landmarks | None = None


@dataclass(frozen=True, kw_only=True)
class Case:
    """A pair by name, not read yet."""

    name: str
    subjects: tuple[str, str]
    """Whose the fixed and the moving image are."""
    load: Callable[[], Pair]


def half(subjects: Sequence[_Subject], which: Half) -> Sequence[_Subject]:
    """Return one half of the subjects, in their order, or all of them; of an odd number the second has one more."""
    middle = len(subjects) // 2
    return {"first": subjects[:middle], "second": subjects[middle:], "all": subjects}[which]


def paired(subjects: Sequence[_Subject], shifts: tuple[int, ...] | Literal["all"]) -> list[tuple[_Subject, _Subject]]:
    """Return fixed and moving subject of every pair: fixed i, moving i + shift, beginning again after the last.

    Args:
        subjects: In their order.
        shifts: For each, as many pairs as subjects; ``"all"``: every ordered pair of two.

    Raises:
        InputError: If a shift leads from each subject to itself.
    """
    n = len(subjects)
    if shifts == "all":
        return [(fixed, moving) for fixed in subjects for moving in subjects if moving is not fixed]
    idle = [shift for shift in shifts if n and shift % n == 0]
    if idle:
        raise InputError(f"shifts has {idle[0]}, which pairs each of {n} subjects with itself: choose another")
    return [(subjects[index], subjects[(index + shift) % n]) for shift in shifts for index in range(n)]
