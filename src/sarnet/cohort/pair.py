"""A pair of a cohort, and what has to be right about all of them before the first is registered."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sarnet.errors import DataError, InputError
from sarnet.registration import BidsNames, PairFiles

PAIRS_FOLDER = Path("pairs")
"""Where in a cohort's folder the pairs have theirs, but for those that BIDS has a place for."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclass(frozen=True, kw_only=True)
class CohortPair:
    """Two images to be registered, under a name of their own."""

    id: str
    files: PairFiles
    folder: Path
    """Where its results go, relative to the cohort's folder; nobody else's do."""
    bids_names: BidsNames | None = None
    extra: dict[str, str] = field(default_factory=dict)
    """What else its row of the table said, carried into the summary."""


def folder_of(id_: str) -> Path:
    """Return the folder of a pair that BIDS has no place for."""
    return PAIRS_FOLDER / id_


def check_pairs(pairs: Sequence[CohortPair]) -> None:
    """Refuse pairs that cannot all be registered, and say everything that is wrong at once.

    Raises:
        InputError: If there is no pair, two have one id or folder, or an id can be no name of a folder.
        DataError: If files do not exist, and nothing else is wrong: all of them are named.
    """
    if not pairs:
        raise InputError("there is no pair to register: wanted one at least")
    check_ids_and_files(
        [pair.id for pair in pairs],
        (path for pair in pairs for path in pair.files.paths().values()),
        folders={pair.id: pair.folder for pair in pairs},
    )


def check_ids_and_files(
    ids: Sequence[str], files: Iterable[Path], *, folders: Mapping[str, Path] | None = None
) -> None:
    """Refuse ids that are not one for each or cannot be names of folders, folders of two ids, and files that are gone.

    Raises:
        InputError: With all that is wrong, if an id or a folder is.
        DataError: With all files that do not exist, if nothing else is wrong.
    """
    twice = [name for name, count in Counter(ids).items() if count > 1]
    odd = [repr(name) for name in dict.fromkeys(ids) if not _ID.fullmatch(name)]
    shared = [str(folder) for folder, count in Counter((folders or {}).values()).items() if count > 1]
    missing = [str(path) for path in sorted(set(files)) if not path.exists()]
    verb = "file does" if len(missing) == 1 else "files do"
    wrong = {
        "each id must be given once, but several rows have": twice,
        "an id must be able to name a folder (a letter or digit, then letters, digits and . _ + -), but there are": odd,
        "a folder can be of one pair alone, but several would go to": shared,
        f"{len(missing)} {verb} not exist": missing,
    }
    message = "; ".join(f"{what}: {', '.join(which)}" for what, which in wrong.items() if which)
    if twice or odd or shared:
        raise InputError(message)
    if missing:
        raise DataError(message)
