"""Writing a split into a manifest, or several beside it."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from sarnet.curation.manifest import manifest_of, read_manifest, write_manifest
from sarnet.curation.splits import PAPER, Shares, check_split, fold_patients, patients_of, split_patients
from sarnet.errors import InputError


class Division(NamedTuple):
    """A split that was written."""

    path: Path
    patients: Counter[str]
    """How many are in each part."""
    images: Counter[str]


def divide(
    manifest: Path,
    *,
    seed: int,
    shares: Shares = PAPER,
    folds: int | None = None,
    balance: bool = False,
    overwrite: bool = False,
) -> list[Division]:
    """Divide the patients of a manifest into training, validation and test.

    The split goes into the manifest's column; each of several folds into a copy of it, ``fold-1.csv`` and so on.

    Args:
        manifest: The CSV, or the folder of prepared data.
        seed: Of the order that the patients are drawn in.
        shares: Shares of the patients in training and validation.
        folds: So many splits instead, in each of which others are tested.
        balance: Whether every part has its share of each group.
        overwrite: Whether a split that is there is drawn anew; folds that are there are removed.

    Raises:
        InputError: If there is a split and it is not to be overwritten; a patient in two of its parts is named. If
            there are folds. As :func:`split_patients` and :func:`fold_patients` have it, too.
        DataError: If the manifest cannot be read or written.
    """
    path = manifest_of(manifest)
    rows = read_manifest(path)
    if folds is None and not overwrite and any(row.split for row in rows):
        try:
            check_split(rows)
        except InputError as error:
            raise InputError(f"{path} is split already, but {error}; or draw a split anew by --overwrite") from error
        raise InputError(f"{path} is split already, and no patient is in two parts: --overwrite draws a split anew")
    earlier = [] if folds is None else _folds_beside(path)
    if earlier and not overwrite:
        raise InputError(
            f"{earlier[0].parent} holds {len(earlier)} folds already, {earlier[0].name} the first: --overwrite removes "
            "them and draws anew"
        )
    patients = patients_of(rows, balance=balance)
    if folds is None:
        drawn = {path: split_patients(patients, seed=seed, shares=shares)}
    else:
        splits = fold_patients(patients, seed=seed, folds=folds)
        drawn = {path.with_name(f"fold-{number}.csv"): fold for number, fold in enumerate(splits, start=1)}
    for to, parts in drawn.items():
        write_manifest(to, [row._replace(split=parts[row.person]) for row in rows])
    for stale in earlier:
        if stale not in drawn:
            stale.unlink()
    return [
        Division(to, Counter(parts.values()), Counter(parts[row.person] for row in rows)) for to, parts in drawn.items()
    ]


def _folds_beside(manifest: Path) -> list[Path]:
    return sorted(path for path in manifest.parent.glob("fold-*.csv") if re.fullmatch(r"fold-\d+\.csv", path.name))
