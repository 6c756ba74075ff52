"""From an archive to prepared data: what is there, what is done already, the rest, and the manifest of it all."""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from sarnet.config import CurationSettings, build_settings, cores
from sarnet.curation.atlas import ATLAS, write_atlas
from sarnet.curation.entry import JOURNAL, Entry, FileRecord, read_journal, recorded_name, sha256_of
from sarnet.curation.item import Item, LeftOut, Survey
from sarnet.curation.output import LEFT_OUT, fold_notes, joined, manifest_rows, split_notes, write_tables
from sarnet.curation.placing import check_template
from sarnet.curation.pool import curate_all
from sarnet.curation.record import PREPARED, PreparedRecord
from sarnet.curation.sources import SOURCES
from sarnet.curation.sources.layout import checked_masks
from sarnet.errors import ConfigError, DataError, InputError
from sarnet.images import write_whole

_LAYOUT = 3
"""Counts up when the same settings come to mean other files: everything is then prepared anew."""

_NOT_OF_AN_IMAGE = {"selection", "columns", "pattern", "suffix", "dimension", "masks", "atlas"}
"""Settings that choose files: no image is prepared anew for them."""

_NO_TEMPLATE = "none"

_MOST_REASONS = 3

Report = Callable[[str, int, int], None]
"""Called with the last image's name, how many are done and how many there are to do."""


class Prepared(NamedTuple):
    """What a run came to."""

    images: int
    """In the manifest."""
    done_now: int
    """Images that this run looked into, the rest being done before."""
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...]


def settings_for(source: str, overrides: dict[str, object]) -> CurationSettings:
    """Return a source's own settings, and what is asked for otherwise.

    The word ``none`` as template means that there is none, and no atlas unless it is asked for.

    Raises:
        InputError: If there is no such source.
        ConfigError: If a setting is unknown or has a wrong value.
    """
    if source not in SOURCES:
        raise InputError(f"source is {source!r}, but must be one of {', '.join(SOURCES)}")
    if overrides.get("template") == "":
        raise ConfigError("setting 'template' is empty, but must be mni, the name of a file, or none")
    if overrides.get("template") == _NO_TEMPLATE:
        overrides = {"atlas": False, **overrides, "template": None}
    return build_settings(CurationSettings, {**SOURCES[source].defaults, **overrides})


def prepare(
    source: str,
    folder: Path,
    out: Path,
    settings: CurationSettings,
    *,
    workers: int | None = None,
    verify: bool = False,
    report: Report | None = None,
) -> Prepared:
    """Prepare the images of an archive, or those that changed since the last time.

    Whether a file changed is told by its size and time; what an interruption left undone is done. Images of an earlier
    run that this one does not name are removed.

    Args:
        source: Name of the archive's layout.
        folder: Where the archive lies, or the file that lists it.
        out: Folder of the prepared data.
        settings: What becomes of each image.
        workers: Processes; as many as there are cores where it is left out.
        verify: Whether every file is also compared by its hash.
        report: Called after every image.

    Raises:
        InputError: If the source is unknown, ``out`` holds something else or lies in the archive, the template cannot
            be read, or the folder of masks is not there or has none of these images.
        DataError: If there is no archive, every image is left out, or a result cannot be written.
        SarnetError: As the source, or :func:`curate` does.
    """
    if source not in SOURCES:
        raise InputError(f"source is {source!r}, but must be one of {', '.join(SOURCES)}")
    if not folder.exists():
        raise DataError(f"{folder} does not exist: wanted for {source} are {SOURCES[source].wanted}")
    _check_out(out, source, folder)
    if settings.template is not None:
        check_template(settings.template)
    root = folder if folder.is_dir() else folder.parent
    survey = _named_once(_without_dead_links(SOURCES[source].survey(folder, settings)))
    if not survey.items:
        raise DataError(f"{folder} leaves no image to prepare: {_counted(survey.left_out)}")
    notes_on_masks = _masks_found(survey.items, settings)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"out {out} cannot be made: {error.strerror}; choose another folder") from error

    before = read_journal(out)
    _drop_cut_line(out, before)
    told = settings.model_dump(mode="json", exclude=_NOT_OF_AN_IMAGE) | _files_of_settings(settings)
    keys = {item.name: _key(item, told) for item in survey.items}
    current, notes = _current(survey.items, keys, before, root, out, verify=verify)
    missing = [(item, keys[item.name]) for item in survey.items if item.name not in current]
    entries = dict(current)
    with (out / JOURNAL).open("a", encoding="utf-8") as journal:
        for entry in curate_all(missing, root=root, out=out, settings=settings, workers=workers or cores()):
            journal.write(entry.model_dump_json() + "\n")
            journal.flush()  # what is done stays done
            entries[entry.name] = entry
            if report is not None:
                report(entry.name, len(entries) - len(current), len(missing))

    ordered = _told_apart([(item, entries[item.name]) for item in survey.items])
    _remove((*before.values(), *entries.values()), ordered, out)
    faults = tuple(LeftOut(entry.name, entry.reason) for entry in ordered if entry.reason)
    rows = manifest_rows(source, survey, ordered, out)
    result = Prepared(
        images=len(ordered) - len(faults),
        done_now=len(missing),
        left_out=(*survey.left_out, *faults),
        notes=(
            *survey.notes,
            *notes_on_masks,
            *_negative_visits(survey.items),
            *notes,
            *_mixed_spacings(ordered),
            *split_notes(rows, out),
            *fold_notes(rows, out),
        ),
    )
    if missing:
        (out / ATLAS).unlink(missing_ok=True)  # else a run that is stopped here would leave that of other images
    changed = write_tables(rows, ordered, result.left_out, out)
    lacks_atlas = settings.atlas and result.images > 0 and not (out / ATLAS).is_file()
    if changed or lacks_atlas or not (out / PREPARED).is_file():
        if settings.atlas and result.images:
            write_atlas(out, [out / entry.image for entry in ordered if entry.image])
        record = PreparedRecord(
            source=source,
            folder=str(folder.resolve()),
            settings=settings,
            images=result.images,
            left_out=len(result.left_out),
            notes=result.notes,
            atlas=ATLAS if (out / ATLAS).is_file() else None,
        )
        record.write(out)
    if not rows:
        raise DataError(f"{out / LEFT_OUT} names every image, none is prepared: {_counted(faults)}")
    return result


def _check_out(out: Path, source: str, folder: Path) -> None:
    if folder.is_dir() and out.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            f"out {out} lies in the archive {folder}, but must not become a part of it: choose another folder"
        )
    if (out / PREPARED).is_file():
        told = PreparedRecord.read(out)
        if (told.source, told.folder) != (source, str(folder.resolve())):
            raise InputError(
                f"out {out} holds what was prepared from {told.source} {told.folder}: choose another folder, or remove "
                "that one"
            )
    elif out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / JOURNAL).is_file())):
        raise InputError(f"out {out} is there and was not made by 'sarnet data prepare': choose another folder")


def _without_dead_links(survey: Survey) -> Survey:
    """Leave out images of which a file is a link to nothing: a folder lists it as it does the others."""
    there, left_out = [], []
    for item in survey.items:
        dead = [f"its {kind} {how}" for kind, part in item.parts.items() for how in map(_dead, part.paths) if how]
        if dead:
            left_out.append(LeftOut(item.name, f"{dead[0]} a link to a file that is not there"))
        else:
            there.append(item)
    return survey._replace(items=tuple(there), left_out=(*survey.left_out, *left_out))


def _dead(path: Path) -> str:
    """How a file, or the folder of a series, comes to a link to nothing; empty where there is none."""
    if not path.exists():
        return "is"
    # GDCM lists a folder up to such a link alone: the volume would want slices
    return "has" if path.is_dir() and not all(file.exists() for file in path.iterdir()) else ""


def _named_once(survey: Survey) -> Survey:
    """Leave out what has a name that an earlier image has."""
    once: dict[str, Item] = {}
    twice = []
    for item in survey.items:
        if once.setdefault(item.name, item) is not item:
            first = once[item.name].image.paths[0].name
            twice.append(LeftOut(item.image.paths[0].name, f"{first} has the same name {item.name} already"))
    return survey._replace(items=tuple(once.values()), left_out=(*survey.left_out, *twice))


def _masks_found(items: Sequence[Item], settings: CurationSettings) -> tuple[str, ...]:
    """Say how many images have no mask in the folder that the settings name.

    Raises:
        InputError: If all have none, or there is no such folder.
    """
    if settings.masks is None:
        return ()
    folder = checked_masks(settings.masks)
    found = sum(item.mask is not None and item.mask.paths[0].is_relative_to(folder) for item in items)
    if not found:
        raise InputError(
            f"masks is {folder}, but has none of these images: wanted are NAME.png or NAME_mask.png, or another "
            "format, where the image has the NAME (adni: the image id; folder: in the same folders), and of other "
            "sources the masks that they come with"
        )
    return (f"{found} of {len(items)} images have a mask in {folder}.",) if found < len(items) else ()


def _negative_visits(items: Sequence[Item]) -> tuple[str, ...]:
    negative = sum(_is_negative(item.visit) for item in items)
    return (f"{negative} images have a negative visit: kept, as earlier than day 0.",) if negative else ()


def _is_negative(visit: str) -> bool:
    try:
        return float(visit) < 0
    except ValueError:
        return False


def _files_of_settings(settings: CurationSettings) -> dict[str, object]:
    """Hashes of the files that settings name: another template, or network, of the same name makes other images."""
    named = {"template": settings.template, "mask_model": settings.mask_model}
    return {f"{name}_sha256": sha256_of(Path(file)) for name, file in named.items() if file and Path(file).is_file()}


def _drop_cut_line(out: Path, entries: dict[str, Entry]) -> None:
    """Write the journal anew where an interruption cut its last line off: the next would be appended to that."""
    journal = out / JOURNAL
    if journal.is_file() and not journal.read_bytes().endswith(b"\n"):
        write_whole(journal, "".join(entry.model_dump_json() + "\n" for entry in entries.values()).encode())


def _key(item: Item, settings: dict[str, object]) -> str:
    """What the result depends on beside the files."""
    told = {
        "layout": _LAYOUT,
        "settings": settings,
        "kinds": {kind: [part.read.__name__, len(part.files)] for kind, part in item.parts.items()},
        "spacing": item.spacing,
    }
    if item.sides_mm:
        told["sides_mm"] = item.sides_mm
    if item.mask_by:
        told["mask_by"] = item.mask_by
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _current(
    items: Sequence[Item], keys: dict[str, str], before: dict[str, Entry], root: Path, out: Path, *, verify: bool
) -> tuple[dict[str, Entry], tuple[str, ...]]:
    """The entries that still hold, and a note where hashes say otherwise than sizes and times."""
    current: dict[str, Entry] = {}
    for item in items:
        entry = before.get(item.name)
        files = tuple(recorded_name(file, root) for part in item.parts.values() for file in part.files)
        twin_is_there = entry is not None and (not entry.same_as or entry.same_as in keys)
        if entry is not None and twin_is_there and entry.is_current(keys[item.name], files, root, out):
            current[item.name] = entry
    if not verify:
        return current, ()
    with ThreadPoolExecutor(cores()) as pool:  # hashing releases the interpreter
        same = pool.map(lambda entry: entry.unchanged(root, out, FileRecord.is_same), current.values())
        changed = [entry.name for entry, is_same in zip(list(current.values()), same, strict=True) if not is_same]
    held = {name: entry for name, entry in current.items() if name not in changed}
    told = [f"{len(held)} images verified by the hashes of their files."] if held else []
    told += [
        f"{name} was prepared anew: its files had other content than their sizes and times said." for name in changed
    ]
    return held, tuple(told)


def _told_apart(entries: Iterable[tuple[Item, Entry]]) -> list[Entry]:
    """Leave out images whose files have the content of an earlier one's: two patients would share a picture."""
    first: dict[tuple[str, ...], str] = {}
    apart = []
    for item, entry in entries:
        if entry.image and not entry.reason:
            content = tuple(record.sha256 for record in entry.sources[: len(item.image.files)])
            twin = first.setdefault(content, entry.name)
            if twin != entry.name:
                reason = f"its file has the same content as that of {twin}"
                entry = Entry(name=entry.name, key=entry.key, sources=entry.sources, reason=reason, same_as=twin)  # noqa: PLW2901
        apart.append(entry)
    return apart


def _remove(written: Iterable[Entry], entries: Iterable[Entry], out: Path) -> None:
    """Remove the files of images that are no longer there, or left out; those of others were never ours."""
    kept = {record.path for entry in entries for record in entry.outputs}
    for entry in written:
        for record in entry.outputs:
            if record.path not in kept:
                (out / record.path).unlink(missing_ok=True)


def _mixed_spacings(entries: Iterable[Entry]) -> tuple[str, ...]:
    counts: dict[str, int] = {}
    for entry in entries:
        if not entry.reason:
            told = joined(entry.spacing_mm) or "unknown"
            counts[told] = counts.get(told, 0) + 1
    if len(counts) < 2:
        return ()
    most = sorted(counts, key=lambda told: -counts[told])
    listed = "; ".join(f"{told} ({counts[told]})" for told in most[:4])
    return (f"Spacings differ, {len(counts)} of them: {listed}{'; ...' if len(most) > 4 else ''} mm.",)


def _counted(left_out: Sequence[LeftOut]) -> str:
    """Reasons, each with how many have it."""
    reasons = [each.reason for each in left_out]
    told = [f"{reasons.count(reason)} x {reason}" for reason in dict.fromkeys(reasons)]
    return "; ".join((*told[:_MOST_REASONS], *(["..."] if len(told) > _MOST_REASONS else []))) or "it holds none"
