"""The files that an image is, where they are several."""

import os
import re
from pathlib import Path

_DATA_FILE = re.compile(rb"^[ \t]*(?:ElementDataFile\s*[=:]|data ?file:)[ \t]*(.+?)\s*$", re.MULTILINE | re.IGNORECASE)
_HEADERS = (".mhd", ".nhdr")
_HEADER_BYTES = 2**16


def parts(path: Path) -> tuple[Path, ...]:
    """Return the files that an image is: it alone, the files of a folder, or a header and the file of its values.

    Headers are those of MetaImage, NRRD, and NIfTI or Analyze with an ``.img`` beside; a header that lists many files
    of values, or a pattern of them, stands alone.

    Args:
        path: The file that is read, or a folder with a DICOM series.

    Raises:
        OSError: If it is not there.
    """
    if path.is_dir():
        return tuple(sorted(part for part in path.iterdir() if part.is_file()))
    values = _values_of(path)
    return (path, values) if values is not None and values.is_file() else (path,)


def _values_of(path: Path) -> Path | None:
    if path.suffix.lower() == ".hdr":
        return path.with_suffix(".img")
    if path.suffix.lower() not in _HEADERS:
        return None
    with path.open("rb") as file:
        named = _DATA_FILE.search(file.read(_HEADER_BYTES))
    return path.parent / os.fsdecode(named[1]) if named else None
