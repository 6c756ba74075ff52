"""What prepared data are, where they came from and by which settings: ``prepared.json``."""

import platform
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sarnet import __version__
from sarnet.config import CurationSettings
from sarnet.errors import DataError
from sarnet.images import write_whole

PREPARED = "prepared.json"


class PreparedRecord(BaseModel):
    """Frozen; keys that a newer version may have added are passed over when read."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    source: str
    """Name of the archive's layout."""
    folder: str
    """Where the archive lay, or the file that lists it."""
    settings: CurationSettings
    images: int
    left_out: int
    notes: tuple[str, ...]
    atlas: str | None
    """Name of the average of all images, where one was asked for."""
    version: str = __version__
    python: str = Field(default_factory=platform.python_version)
    written: str = Field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    @classmethod
    def read(cls, out: Path) -> "PreparedRecord":
        """Read the record in a folder of prepared data.

        Raises:
            DataError: If it cannot be read.
        """
        try:
            return cls.model_validate_json((out / PREPARED).read_bytes())
        except (OSError, ValidationError) as error:
            raise DataError(f"{out / PREPARED} cannot be read: delete it, and prepare the folder again") from error

    def write(self, out: Path) -> None:
        """Write it into a folder of prepared data.

        Raises:
            DataError: If that cannot be done.
        """
        write_whole(out / PREPARED, f"{self.model_dump_json(indent=2)}\n".encode())
