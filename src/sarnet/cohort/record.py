"""What all pairs of a cohort share, kept in its folder so that a later run can be compared."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from sarnet.errors import DataError

COHORT_FILE = "cohort.json"


class CohortRecord(BaseModel):
    """What all pairs of a cohort share: two runs that differ in it are not mixed."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    version: str
    weights_sha256: str | None
    both_ways: bool
    spacing: tuple[float, ...] | None
    """Given by hand."""
    settings: dict[str, Any]
    """Of the registration, but for the threads, by which results differ in rounding alone."""

    def differences(self, other: "CohortRecord") -> list[str]:
        """Say in what ``other`` differs, setting by setting."""
        mine, theirs = _flat(self.model_dump(mode="json")), _flat(other.model_dump(mode="json"))
        return [
            f"{name.removeprefix('settings.')} = {mine.get(name)!r}, now {theirs.get(name)!r}"
            for name in dict.fromkeys([*mine, *theirs])
            if mine.get(name) != theirs.get(name)
        ]


def read_cohort_record(out: Path) -> CohortRecord | None:
    """Read the record of a cohort's folder; of one that holds no cohort, nothing.

    Raises:
        DataError: If it is damaged.
    """
    try:
        return CohortRecord.model_validate_json((out / COHORT_FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValidationError) as error:
        raise DataError(f"{out / COHORT_FILE} cannot be read: choose another folder") from error


def _flat(tree: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        flat |= _flat(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: value}
    return flat
