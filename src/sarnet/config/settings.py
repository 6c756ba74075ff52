"""What all settings have in common, and how they are read: a TOML file, then ``--set key=value``, every key checked."""

import difflib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from sarnet.errors import ConfigError


class Settings(BaseModel):
    """Base of all settings: frozen, and closed to names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _complete_groups(cls, tree: Any) -> Any:
        """A group that is given in part begins with the default it has here, not with that of its kind."""
        if not isinstance(tree, dict):
            return tree
        defaults = {name: info.default for name, info in cls.model_fields.items() if isinstance(info.default, Settings)}
        return {
            name: merged(defaults[name].model_dump(), value) if name in defaults and isinstance(value, dict) else value
            for name, value in tree.items()
        }


_AnySettings = TypeVar("_AnySettings", bound=Settings)


def read_settings(kind: type[_AnySettings], path: Path | None = None, overrides: Sequence[str] = ()) -> _AnySettings:
    """Read settings from a TOML file and from ``stage.key=value`` lines, which win.

    Args:
        kind: Which settings.
        path: TOML file; without one every setting has its default. It may begin with ``base = "other.toml"``, a file
            beside it: what it says itself then wins, group by group.
        overrides: ``key=value`` or ``stage.key=value``; the value as TOML writes it, a bare word is a string.

    Returns:
        The settings, complete and checked. Relative paths in the file are left as they are: relative to where one
        stands.

    Raises:
        ConfigError: If a name is unknown (the nearest known one is named), or a value is of the wrong type or range.
    """
    tree = {} if path is None else _read_tree(path)
    return build_settings(kind, parse_overrides(overrides, tree))


def parse_overrides(overrides: Sequence[str], tree: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a tree of plain values with ``key=value`` or ``stage.key=value`` lines put into it.

    Args:
        overrides: The lines; the value as TOML writes it, a bare word is a string.
        tree: What they change; nothing where it is left out.

    Raises:
        ConfigError: If a line is of another form.
    """
    changed: dict[str, Any] = {} if tree is None else tree
    for line in overrides:
        _override(changed, line)
    return changed


def build_settings(kind: type[_AnySettings], tree: dict[str, Any]) -> _AnySettings:
    """Check a tree of plain values against ``kind``.

    Raises:
        ConfigError: As :func:`read_settings` does.
    """
    _check_names((kind,), tree, ())
    try:
        return kind.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        came = "" if first["type"] == "missing" else f", but {first['input']!r} came"
        raise ConfigError(f"setting {name!r}: {first['msg']}{came}") from error


def merged(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """Return ``base`` with what ``table`` says otherwise, group by group."""
    inner = {
        name: merged(base[name], value)
        for name, value in table.items()
        if isinstance(base.get(name), dict) and isinstance(value, dict)
    }
    return {**base, **table, **inner}


def _read_tree(path: Path, above: tuple[Path, ...] = ()) -> dict[str, Any]:
    """What a file says, upon what its base says."""
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"config {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"config {path} is not TOML: {error}") from error
    if "base" not in tree:
        return tree
    base = tree.pop("base")
    if not isinstance(base, str):
        raise ConfigError(f"config {path}: base is {base!r}, but must be the name of a file beside it")
    chain = (*above, path.resolve())
    if (path.parent / base).resolve() in chain:
        raise ConfigError(f"config {path}: base {base} leads back to itself; leave it out")
    return merged(_read_tree(path.parent / base, chain), tree)


def _override(tree: dict[str, Any], line: str) -> None:
    name, separator, text = line.partition("=")
    if not separator or not name.strip():
        raise ConfigError(f"--set {line!r} is not of the form key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    *stages, key = name.strip().split(".")
    for stage in stages:
        tree = tree.setdefault(stage, {})
        if not isinstance(tree, dict):
            raise ConfigError(f"--set {line!r}: {stage!r} is a value, not a group of settings")
    tree[key] = value


def _check_names(kinds: tuple[type[Settings], ...], tree: dict[str, Any], above: tuple[str, ...]) -> None:
    """Refuse names that none of the kinds knows, in the groups inside, too."""
    known = {name: info.annotation for kind in kinds for name, info in kind.model_fields.items()}
    for name, value in tree.items():
        path = (*above, name)
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {sorted(known)}"
            raise ConfigError(f"{'.'.join(path)!r} is not a setting; {hint}")
        inner = _kinds(known[name])
        if get_origin(known[name]) is dict:
            groups = {(*path, key): group for key, group in value.items()} if isinstance(value, dict) else {}
            for place, group in groups.items():
                if inner and isinstance(group, dict):
                    _check_names(inner, group, place)
        elif inner:
            for group in value if isinstance(value, list) else [value]:
                if isinstance(group, dict):
                    _check_names(inner, group, path)


def _kinds(annotation: Any) -> tuple[type[Settings], ...]:
    """The groups of settings that an annotation holds, itself one or in each of its places."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return (annotation,) if issubclass(annotation, Settings) else ()
    return tuple(kind for inner in get_args(annotation) for kind in _kinds(inner))
