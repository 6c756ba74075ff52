"""Words of the command line that are not options' own."""

import json
import shlex
import sys
from collections.abc import Mapping

from sarnet.errors import InputError

TRANSFORM_HELP = "Result of a registration: .h5, .tfm, .txt, .mat, .lta, .mgz or a field."
SPACING_HELP = "MM[,MM[,MM]]: pixel size of images whose file has none; the same as for sarnet register."
MOVING_SPACING_HELP = "The same of MOVING alone, where its pixels have another size."


def spacing_of(text: str | None) -> tuple[float, ...] | None:
    """Read ``MM`` or ``MM,MM[,MM]``.

    Raises:
        InputError: If it is something else.
    """
    if text is None:
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"spacing is {text!r}, but must be millimetres: 0.8 or 0.8,0.8") from error
    if not all(number > 0 for number in numbers):
        raise InputError(f"spacing is {text!r}, but must be positive")
    return numbers


def as_overrides(chosen: Mapping[str, object]) -> list[str]:
    """Return options as ``KEY=VALUE`` of settings; those that were not given, nothing, are left out.

    A string in JSON is one in TOML: a model named 2019 is no number.
    """
    return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in chosen.items() if value is not None]


def refuse_unread(given: Mapping[str, object], because: str) -> None:
    """Refuse options that would be left unread.

    Args:
        given: Name of an option to what was given: nothing, false or empty where it was not.
        because: Why it would not be read.

    Raises:
        InputError: If one was given.
    """
    for name, value in given.items():
        if value:
            raise InputError(f"{name} was given, but {because}: leave it out")


def command_line() -> str:
    """Return the command as it was typed, for the record."""
    return shlex.join(["sarnet", *sys.argv[1:]])
