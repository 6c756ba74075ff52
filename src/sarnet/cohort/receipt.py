"""The receipt in a pair's folder: what went in and what came out, to tell whether both are still there."""

import hashlib
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sarnet.cohort.pair import CohortPair
from sarnet.errors import DataError
from sarnet.images import parts
from sarnet.registration import read_record

RECEIPT_FILE = "receipt.json"


class Stamp(BaseModel):
    """What tells a file from another one, and from a later one of the same name."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    path: str
    size_bytes: int
    listing_sha256: str
    """Of the name, size and time of the file, of its data file if it is a header, or of every file of a folder."""

    @classmethod
    def of(cls, path: Path) -> "Stamp":
        """Look at a file, or at a folder of DICOM files.

        Raises:
            DataError: If it is not there.
        """
        try:
            states = [(part.name, part.stat()) for part in parts(path)]
        except OSError as error:
            raise DataError(f"{path} does not exist") from error
        listing = "\n".join(f"{name}/{state.st_size}/{state.st_mtime_ns}" for name, state in states)
        return cls(
            path=str(path.absolute()),  # not resolved: workers may have other links to the same place
            size_bytes=sum(state.st_size for _, state in states),
            listing_sha256=hashlib.sha256(os.fsencode(listing)).hexdigest(),
        )


class Receipt(BaseModel):
    """Written last into the folder of a pair."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    id: str
    inputs: dict[str, Stamp]
    """By role, as the files were before they were read: ``fixed``, ``moving``, ``fixed_mask``, ..."""
    sizes_bytes: dict[str, int]
    """Of every other file in the folder."""


def stamps(pair: CohortPair) -> dict[str, Stamp]:
    """Look at the files of a pair, by their roles.

    Raises:
        DataError: If one is not there.
    """
    return {role: Stamp.of(path) for role, path in pair.files.paths().items()}


def write_receipt(pair: CohortPair, inputs: dict[str, Stamp], folder: Path) -> None:
    """Complete the folder of a pair."""
    receipt = Receipt(id=pair.id, inputs=inputs, sizes_bytes=_sizes(folder))
    (folder / RECEIPT_FILE).write_text(receipt.model_dump_json(indent=1) + "\n", encoding="utf-8")


def is_valid(pair: CohortPair, folder: Path) -> bool:
    """Tell whether a pair's folder is complete, every file as long as it was, of the files that are there now.

    Each of these has to have the role that it had.

    The record is read, the others are not: reading a hundred thousand results would take as long as making them.
    """
    try:
        receipt = Receipt.model_validate_json((folder / RECEIPT_FILE).read_bytes())
        read_record(folder)
        is_whole = receipt.sizes_bytes.items() <= _sizes(folder).items()  # what others put there is theirs
        return is_whole and receipt.id == pair.id and receipt.inputs == stamps(pair)
    except (OSError, ValidationError):  # a DataError is an OSError
        return False


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(folder.iterdir()) if path.name != RECEIPT_FILE}
