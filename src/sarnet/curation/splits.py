"""Dividing patients: into training, validation and test, or into folds; the same for the same seed everywhere."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

import numpy as np

from sarnet.curation.manifest import ManifestRow
from sarnet.errors import InputError

PARTS = ("train", "validation", "test")

Shares = tuple[float, float]
"""Of the patients in training and in validation; the rest is for tests."""

PAPER: Shares = (0.7, 0.1)

_Person = TypeVar("_Person", str, tuple[str, str])


def drawn_order(groups: Mapping[_Person, str], *, seed: int) -> list[_Person]:
    """Return the patients in an order drawn at random, in every stretch of which each group has its share.

    Args:
        groups: The group of each patient; with one group for all it is a plain permutation.
        seed: Of the order.

    Notes:
        The i-th drawn of a group of n comes at the place (i + 1/2) / n of the whole.
    """
    rng = np.random.default_rng(seed)
    places: dict[_Person, tuple[float, str]] = {}
    for group in sorted(set(groups.values())):
        members = sorted(person for person, of in groups.items() if of == group)
        for place, index in enumerate(rng.permutation(len(members))):
            places[members[index]] = ((place + 0.5) / len(members), group)
    return sorted(places, key=lambda person: places[person])


def split_patients(groups: Mapping[_Person, str], *, seed: int, shares: Shares = PAPER) -> dict[_Person, str]:
    """Give each patient a part: train, validation or test.

    Args:
        groups: The group of each patient, which every part has its share of; one group for all where none matters.
        seed: Of the order that the patients are drawn in; the same seed gives the same split on every machine.
        shares: Shares of the patients in training and validation.

    Raises:
        InputError: If the shares leave nothing for tests, or there are fewer patients than parts.
    """
    if not (min(shares) > 0 and sum(shares) < 1):  # nor are they, where one is not a number
        raise InputError(f"shares are {shares}, but must be positive and leave something for tests")
    if len(groups) < len(PARTS):
        raise InputError(
            f"images come from {len(groups)} patients, but a split needs three at least: check the column patient, or "
            "say in a column split what is train, validation and test"
        )
    order = drawn_order(groups, seed=seed)
    first, second = (max(1, round(share * len(order))) for share in shares)
    first = min(first, len(order) - 2)  # of few patients, one is left for each of the other parts
    second = min(second, len(order) - first - 1)
    return {
        person: "train" if place < first else "validation" if place < first + second else "test"
        for place, person in enumerate(order)
    }


def fold_patients(groups: Mapping[_Person, str], *, seed: int, folds: int) -> list[dict[_Person, str]]:
    """Give each patient a part in each of several splits, so that each is tested once.

    Of the patients that are not tested an eighth, those drawn next, are for validation: with five folds that is 70 %,
    10 % and 20 %.

    Args:
        groups: As of :func:`split_patients`.
        seed: Of the order that the patients are drawn in.
        folds: How many splits.

    Raises:
        InputError: If there are fewer than two folds, or too few patients for so many.
    """
    if folds < 2:
        raise InputError(f"folds is {folds}, but must be 2 at least")
    if len(groups) < max(folds, len(PARTS)):
        raise InputError(f"images come from {len(groups)} patients, but {folds} folds need {max(folds, len(PARTS))}")
    order = drawn_order(groups, seed=seed)
    edges = [round(fold * len(order) / folds) for fold in range(folds + 1)]
    splits = []
    for start, stop in pairwise(edges):
        rest = order[stop:] + order[:start]
        held_out = max(1, math.floor(len(rest) / 8 + 0.5))
        parts = dict.fromkeys(rest[held_out:], "train")
        parts |= dict.fromkeys(rest[:held_out], "validation")
        splits.append(parts | dict.fromkeys(order[start:stop], "test"))
    return splits


def patients_of(rows: Sequence[ManifestRow], *, balance: bool) -> dict[tuple[str, str], str]:
    """Return each patient of a manifest with the group that a split is to balance.

    Args:
        rows: The images.
        balance: Whether to balance the column group, of each patient's first image; else all are of one.

    Raises:
        InputError: If a patient to be balanced has no group.
    """
    groups: dict[tuple[str, str], str] = {}
    for row in rows:
        groups.setdefault(row.person, row.group if balance else "")
    if balance and not all(groups.values()):
        without = [person[1] for person, group in groups.items() if not group]
        raise InputError(
            f"{len(without)} patients have no group to balance by, {without[0]!r} the first: fill in the column group; "
            "that of prepared data, which every run writes anew, in the source's table, and prepare them again"
        )
    return groups


def check_split(rows: Sequence[ManifestRow]) -> None:
    """Refuse a split that has a patient in two parts, or an image in none.

    Raises:
        InputError: If there is such a patient or image.
    """
    given_parts((row.person, row.split, row.image) for row in rows)


def given_parts(images: Iterable[tuple[_Person, str, object]]) -> dict[_Person, str]:
    """Return the part of each patient as a table has it.

    Args:
        images: The patient, the part and the name of each image.

    Raises:
        InputError: If a patient is in two parts, or an image in none.
    """
    part_of: dict[_Person, str] = {}
    for person, part, image in images:
        if part not in PARTS:
            raise InputError(f"{image} has the split {part!r}, but wanted is one of {PARTS}: correct the column split")
        first = part_of.setdefault(person, part)
        if first != part:
            patient = person if isinstance(person, str) else person[1]
            raise InputError(
                f"patient {patient!r} is in the splits {first!r} and {part!r}, but must be in one only: correct the "
                "column split"
            )
    return part_of
