"""Everything this package raises on purpose.

::

    SarnetError
    ├── InputError (ValueError)       an argument the caller chose is at fault
    │   ├── ShapeError                array sizes that do not fit together
    │   ├── GridError                 physical grids that do not fit together
    │   └── OverlapError              images or masks that have no place in common
    ├── ConfigError (ValueError)      a setting that does not exist or has a wrong value
    ├── DataError (OSError)           a file that is missing, unreadable or not what it should be
    ├── WeightsError (ValueError)     weights or a checkpoint of another kind
    └── MissingExtraError (ImportError)  a package that only an extra installs

Each message says which argument it is about, what was wanted, what came and what to do. The command line turns every
one of them into a single line and exit code 2; whatever else reaches the user is a fault of ours and keeps its
traceback.
"""


class SarnetError(Exception):
    """Base class of every error this package raises on purpose."""


class InputError(SarnetError, ValueError):
    """An argument the caller chose cannot be used."""


class ShapeError(InputError):
    """Arrays or tensors whose sizes do not fit together."""


class GridError(InputError):
    """Physical grids (size, spacing, origin, direction) that do not fit together."""


class OverlapError(InputError):
    """Images or masks that have no place in common where anything could be compared."""


class ConfigError(SarnetError, ValueError):
    """A setting that does not exist, or a value it cannot take."""


class DataError(SarnetError, OSError):
    """A file that is missing, unreadable, or not what its name promises."""


class WeightsError(SarnetError, ValueError):
    """Weights or a checkpoint that do not belong to the network they are loaded into."""


class MissingExtraError(SarnetError, ImportError):
    """A package that only an optional extra of this one installs."""

    @classmethod
    def of(cls, needs: str, *, extra: str, instead: str = "") -> "MissingExtraError":
        """Say what is missing, and the line that installs it.

        Args:
            needs: What needs which package.
            extra: Of this package.
            instead: What else can be done.
        """
        line = f"{needs}, but it is missing: run pip install '.[{extra}]' in the checkout of sarnet"
        return cls(f"{line}, or {instead}" if instead else line)


def reason_of(error: Exception) -> str:
    """Return in a line what the system or a library has against something, without where in its sources it says so."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if line and not line.startswith("Exception thrown") and ".cxx:" not in line]
    return " ".join(said).replace("ITK ERROR: ", "").replace("sitk::ERROR: ", "") or type(error).__name__
