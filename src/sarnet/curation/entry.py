"""What became of each image, a line of ``provenance.jsonl``: by it a run goes on, and a second has nothing to do."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sarnet.errors import DataError

JOURNAL = "provenance.jsonl"


class FileRecord(BaseModel):
    """A file as it was: size and time tell quickly whether it still is, the hash surely."""

    model_config = ConfigDict(frozen=True)

    path: str
    """Relative to the archive's or the prepared data's folder; absolute where it lies elsewhere."""
    bytes: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path, root: Path) -> "FileRecord":
        """Record a file.

        Raises:
            OSError: If it cannot be read.
        """
        stat = path.stat()
        name = recorded_name(path, root)
        return cls(path=name, bytes=stat.st_size, mtime_ns=stat.st_mtime_ns, sha256=sha256_of(path))

    def looks_same(self, root: Path) -> bool:
        """Tell whether size and time are what they were."""
        try:
            stat = os.stat(os.path.join(root, self.path))  # noqa: PTH116, PTH118  thousands of them: paths are slow
        except OSError:
            return False
        return (stat.st_size, stat.st_mtime_ns) == (self.bytes, self.mtime_ns)

    def is_same(self, root: Path) -> bool:
        """Tell whether every byte is what it was."""
        try:
            return sha256_of(root / self.path) == self.sha256
        except OSError:
            return False


class Entry(BaseModel):
    """What became of an image: what it was made of, and what was written or why nothing was."""

    model_config = ConfigDict(frozen=True)

    name: str
    key: str
    """Hash of the settings and of what the source says about how it is read."""
    sources: tuple[FileRecord, ...]
    """The image's files first."""
    outputs: tuple[FileRecord, ...] = ()
    image: str = ""
    """Of this and the next two: the path relative to the prepared data's folder, empty where there is none."""
    mask: str = ""
    labels: str = ""
    size: tuple[int, ...] = ()
    """Voxels along x, y[, z]."""
    spacing_mm: tuple[float, ...] | None = None
    """Along x, y[, z]; nothing where nobody knows."""
    mask_by: str = ""
    """``manual``, or the model that drew it and its hash."""
    notes: tuple[str, ...] = ()
    reason: str = ""
    """Why it was left out; empty where it was not."""
    same_as: str = ""
    """Name of the image that has the same content, where that is the reason."""

    def is_current(self, key: str, source_files: tuple[str, ...], root: Path, out: Path) -> bool:
        """Tell whether nothing changed: neither settings nor files, by their sizes and times."""
        return (
            self.key == key
            and tuple(record.path for record in self.sources) == source_files
            and self.unchanged(root, out, FileRecord.looks_same)
        )

    def unchanged(self, root: Path, out: Path, same: Callable[[FileRecord, Path], bool]) -> bool:
        """Tell whether every source below ``root`` and every output below ``out`` is the same."""
        return all(same(record, root) for record in self.sources) and all(same(record, out) for record in self.outputs)


def recorded_name(path: Path, root: Path) -> str:
    """Return a file's path as records have it: relative to the root, or absolute where it lies elsewhere."""
    return (path.relative_to(root) if path.is_relative_to(root) else path.absolute()).as_posix()


def sha256_of(path: Path) -> str:
    """Return the hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_journal(folder: Path) -> dict[str, Entry]:
    """Return the entries of prepared data by name, the last of each; none where there is no journal.

    A last line that was cut off by an interruption is no entry.

    Raises:
        DataError: If another line is damaged.
    """
    path = folder / JOURNAL
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    entries: dict[str, Entry] = {}
    for number, line in enumerate(lines, start=1):
        try:
            entry = Entry.model_validate_json(line)
        except ValidationError as error:
            if number == len(lines):
                continue
            raise DataError(
                f"{path} is damaged in line {number}: remove it, and everything is prepared anew"
            ) from error
        entries[entry.name] = entry
    return entries
