"""Writing a split into a manifest, or several beside it."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

from sarnet.curation.manifest import folds_beside, manifest_of, read_manifest
from sarnet.curation.splits import PAPER, Shares, check_split, fold_patients, patients_of, split_patients
from sarnet.curation.tables import as_table, read_table
from sarnet.errors import InputError
from sarnet.images import write_whole


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
    earlier = [] if folds is None else folds_beside(path.parent)
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
        _write_split(path, to, [parts[row.person] for row in rows])
    for stale in earlier:
        if stale not in drawn:
            stale.unlink()
    return [
        Division(to, Counter(parts.values()), Counter(parts[row.person] for row in rows)) for to, parts in drawn.items()
    ]


def _write_split(table: Path, to: Path, parts: list[str]) -> None:
    """Write a table with its column split filled in: what else it has, a list of one's own perhaps, stays."""
    rows = [row | {"split": part} for row, part in zip(read_table(table, ()), parts, strict=True)]
    columns = list(rows[0])
    write_whole(to, as_table(columns, ([row[column] for column in columns] for row in rows)).encode())
