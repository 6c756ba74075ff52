"""Files that appear at once and whole."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sarnet.errors import DataError, reason_of


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file under another name in the same folder, then rename it, and return its path.

    Raises:
        DataError: If the folder does not exist, or the file cannot be written.
    """
    write_whole_by(path, lambda temporary: temporary.write_bytes(content))
    return path


def write_whole_by(path: Path, write: Callable[[Path], object], *, ending: str = "") -> None:
    """Let something write a file under another name in the same folder, then rename it.

    Args:
        path: What it is to be called.
        write: Writes to the path that it is given.
        ending: Of that path, for libraries that go by it.

    Raises:
        DataError: If the folder does not exist, or the file cannot be written.
    """
    if not path.parent.is_dir():
        raise DataError(f"{path} cannot be written: its folder {path.parent} does not exist; make it first")
    # two processes may write to one folder
    temporary = path.with_name(f".{path.name.removesuffix(ending)}.{os.getpid()}{ending}")
    try:
        temporary.touch()  # what the system has against it, in its words instead of a library's many lines
        write(temporary)
        temporary.replace(path)
    except (RuntimeError, OSError) as error:
        raise DataError(f"{path} cannot be written: {reason_of(error)}") from error
    finally:
        with suppress(OSError):  # not there any more, or a name too long to have been there
            temporary.unlink()
