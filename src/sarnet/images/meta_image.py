"""What a MetaImage header may hold: MetaIO crashes on some that are damaged, instead of refusing them."""

import re
from pathlib import Path

from sarnet.errors import DataError

_HEADER_BYTES = 2**16
_MOST_AXES = 10
_LINE = re.compile(rb"^\s*(NDims|ElementDataFile)\s*[=:]\s*(.*?)\s*$", re.MULTILINE)


def check_meta_image(path: Path) -> None:
    """Refuse a number of axes that MetaIO has no room for, and names of files that are patterns of ``printf``.

    Raises:
        DataError: If the header holds such.
    """
    with path.open("rb") as file:
        lines = dict(_LINE.findall(file.read(_HEADER_BYTES)))
    axes, data = lines.get(b"NDims", b"1"), lines.get(b"ElementDataFile", b"")
    if not (axes.isdigit() and 0 < int(axes) <= _MOST_AXES):
        raise DataError(f"{path} is damaged: wanted NDims of 1 to {_MOST_AXES}, but came {_shown(axes)}; copy it again")
    if b"%" in data:
        raise DataError(f"{path}: wanted its values in one file, but came the pattern {_shown(data)}; write .nii.gz")


def _shown(value: bytes) -> str:
    return repr(value[:40].decode("latin-1"))
