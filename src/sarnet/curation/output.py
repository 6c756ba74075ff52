"""The tables beside prepared images: the manifest, what was left out, and the journal."""

from pathlib import Path

from sarnet.curation.entry import JOURNAL, Entry
from sarnet.curation.item import Item, LeftOut, Survey
from sarnet.curation.manifest import MANIFEST, ManifestRow, folds_beside, read_manifest
from sarnet.curation.splits import check_split
from sarnet.curation.tables import as_table
from sarnet.errors import InputError
from sarnet.images import write_whole

LEFT_OUT = "left-out.csv"


def write_tables(rows: list[ManifestRow], entries: list[Entry], left_out: tuple[LeftOut, ...], out: Path) -> bool:
    """Write the tables, those that would be other than they are; tell whether there was one.

    A manifest without an image is none: an earlier one is removed.
    """
    texts = {
        JOURNAL: "".join(entry.model_dump_json() + "\n" for entry in entries),
        LEFT_OUT: as_table(LeftOut._fields, left_out),
    }
    if rows:
        texts[MANIFEST] = as_table(ManifestRow._fields, rows)
    else:
        (out / MANIFEST).unlink(missing_ok=True)
    new = [name for name, text in texts.items() if not _holds(out / name, text)]
    for name in new:
        write_whole(out / name, texts[name].encode())
    return bool(new)


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _row(source: str, item: Item, entry: Entry) -> ManifestRow:
    return ManifestRow(
        image=entry.image,
        mask=entry.mask,
        labels=entry.labels,
        dataset=item.dataset or source,
        patient=item.patient,
        visit=item.visit,
        group=item.group,
        split=item.split,
        size=joined(entry.size),
        spacing_mm=joined(entry.spacing_mm),
        mask_by=entry.mask_by,
        source=entry.sources[0].path,
        source_sha256=entry.sources[0].sha256,
        notes=" ".join(entry.notes),
    )


def joined(numbers: tuple[float, ...] | None) -> str:
    """Return numbers as a cell of a table has them."""
    return " ".join(f"{number:.6g}" for number in numbers or ())


def manifest_rows(source: str, survey: Survey, entries: list[Entry], out: Path) -> list[ManifestRow]:
    """Return the rows of the images that were not left out.

    The source's own split stands. Where it has none, one that was drawn before is kept: a new image of a patient who
    is in a part comes into it, one of another patient into none.

    Raises:
        DataError: If there is an earlier manifest that cannot be read.
    """
    rows = [_row(source, item, entry) for item, entry in zip(survey.items, entries, strict=True) if not entry.reason]
    if not (out / MANIFEST).is_file() or any(row.split for row in rows):
        return rows
    before = read_manifest(out / MANIFEST)
    of_image = {row.image: row.split for row in before}
    of_person = {row.person: row.split for row in before if row.split}
    return [row._replace(split=of_image.get(row.image) or of_person.get(row.person, "")) for row in rows]


def split_notes(rows: list[ManifestRow], out: Path) -> tuple[str, ...]:
    """Say what is wrong with a split, where there is one: training would refuse it; and what it replaced."""
    without = [row.image for row in rows if not row.split]
    if len(without) == len(rows):
        return ()
    before = {row.image: row.split for row in read_manifest(out / MANIFEST)} if (out / MANIFEST).is_file() else {}
    changed = sum(before.get(row.image, "") not in ("", row.split) for row in rows)
    replaced = (f"The source's own split stands: {changed} images were in another part before.",) if changed else ()
    return (*replaced, *_faults_of_split(rows, without, out))


def fold_notes(rows: list[ManifestRow], out: Path) -> tuple[str, ...]:
    """Say which folds list other images than the manifest: they were drawn before these came or went."""
    images = {row.image for row in rows}
    old = [path.name for path in folds_beside(out) if {row.image for row in read_manifest(path)} != images]
    return (
        (f"{', '.join(old)} list other images than these: sarnet data split {out} --folds N --overwrite draws anew.",)
        if old
        else ()
    )


def _faults_of_split(rows: list[ManifestRow], without: list[str], out: Path) -> tuple[str, ...]:
    if without:
        return (
            f"The split is incomplete: {len(without)} images are in no part, {without[0]} the first. Fill in the "
            f"column split, or draw anew: sarnet data split {out} --overwrite",
        )
    try:
        check_split(rows)
    except InputError as error:
        return (f"The split cannot be used: {error}",)
    return ()
