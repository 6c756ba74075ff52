"""Files that appear at once and whole."""

import os
from pathlib import Path

from sarnet.errors import DataError


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file under another name in the same folder, then rename it, and return its path.

    Raises:
        DataError: If it cannot be written.
    """
    # two processes may write to one folder
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path
