"""The tables beside prepared images: the manifest, what was left out, and the journal."""

from pathlib import Path

from sarnet.curation.entry import JOURNAL, Entry
from sarnet.curation.item import Item, LeftOut, Survey
from sarnet.curation.manifest import MANIFEST, ManifestRow, read_manifest
from sarnet.curation.tables import as_table
from sarnet.images import write_whole

LEFT_OUT = "left-out.csv"


def write_tables(source: str, survey: Survey, entries: list[Entry], left_out: tuple[LeftOut, ...], out: Path) -> bool:
    """Write the tables, those that would be other than they are; tell whether there was one."""
    rows = [_row(source, item, entry) for item, entry in zip(survey.items, entries, strict=True) if not entry.reason]
    texts = {
        JOURNAL: "".join(entry.model_dump_json() + "\n" for entry in entries),
        LEFT_OUT: as_table(LeftOut._fields, left_out),
        MANIFEST: as_table(ManifestRow._fields, _with_splits(rows, out)),
    }
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


def _with_splits(rows: list[ManifestRow], out: Path) -> list[ManifestRow]:
    """Keep a split that was drawn before, as long as it knows every image."""
    if not (out / MANIFEST).is_file():
        return rows
    drawn = {row.image: row.split for row in read_manifest(out / MANIFEST)}
    if all(drawn.get(row.image) for row in rows):
        return [row._replace(split=drawn[row.image]) for row in rows]
    return rows
