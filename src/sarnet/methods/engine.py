"""The comparators' engines: packages that only an extra installs."""

from importlib import metadata

from sarnet.errors import MissingExtraError


def engine_version(package: str) -> str:
    """Return the version of an engine that is installed.

    Args:
        package: Its name on PyPI.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError as error:
        raise MissingExtraError.of(f"this method needs {package}", extra="methods") from error
