"""Reading what a registration wrote down about itself."""

import json
from pathlib import Path

from pydantic import ValidationError

from sarnet.errors import DataError
from sarnet.registration.record import RECORD_FILE, Record


def read_record(folder: Path) -> Record:
    """Read the record of a finished registration.

    Raises:
        DataError: If the folder has none, or it is damaged or lacks a key.
    """
    path = folder / RECORD_FILE
    try:
        return Record.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} holds no {RECORD_FILE}: wanted the folder of a finished registration, "
            "the --out of sarnet register"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path} cannot be used: {key}: {first['msg']}; register the pair again") from error
    except ValueError as error:  # what is no JSON, and what is no UTF-8
        raise DataError(f"{path} is damaged: {error}; register the pair again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
