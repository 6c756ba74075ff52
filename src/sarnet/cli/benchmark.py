"""``sarnet benchmark``."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Column, Table

from sarnet.cli.console import output, progress_bar, say, say_note
from sarnet.cli.words import refuse_unread
from sarnet.config import BenchmarkSettings, read_settings
from sarnet.errors import InputError
from sarnet.types import PaperTable

if TYPE_CHECKING:
    from sarnet.benchmark import Plan, Row, Summary


_QUICK_PAIRS = 3


def benchmark(  # noqa: PLR0917  # an option each, by name alone
    config: Annotated[Path | None, typer.Option(help="TOML file of benchmark settings.")] = None,
    override: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE: change a setting of the file; may be repeated.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only the first three pairs (of every fold), as a trial.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Keep existing rows, compute the others.")] = False,
    report: Annotated[
        list[Path] | None, typer.Option(help="File for tables of the rows, .md or .html; may be repeated.")
    ] = None,
    rows: Annotated[
        list[Path] | None, typer.Option(help="Without --config: file of rows to make tables from; may be repeated.")
    ] = None,
    reference: Annotated[str | None, typer.Option(help="Method that the tables compare the others with.")] = None,
    paper: Annotated[PaperTable | None, typer.Option(help="Show this table of the paper beside the results.")] = None,
) -> None:
    """Register every pair of a data set with every method; write a row for each to a file and print the means.

    With --rows instead of --config nothing is computed: --report makes tables of rows that are there.
    """
    if (config is None) == (rows is None):
        raise InputError("give --config to compute rows, or --rows with --report to make tables of those there are")
    if rows is not None and not report:
        raise InputError("--rows was given, but --report is missing: name the .md or .html file to write")
    if rows is not None:
        unread = {"--set": override, "--quick": quick, "--resume": resume}
        refuse_unread(unread, "with --rows nothing is computed")
    if not report:
        refuse_unread({"--reference": reference, "--paper": paper}, "no --report, which it belongs to")
    if report:
        _check_reports(report)
    if config is not None:
        few = [f"most_pairs={_QUICK_PAIRS}"] if quick else []
        settings = read_settings(BenchmarkSettings, config, [*few, *(override or [])])
        if report and reference is not None:
            _check_reference(reference, settings)
        _run(settings, resume=resume)
        rows = [settings.rows]
    if report and rows:
        _report(rows, report, reference=reference, paper=paper)


def _check_reports(report: list[Path]) -> None:
    """Refuse what could not be written before an hour is spent on what would be in it."""
    from sarnet.report import check_tables_path

    for path in report:
        check_tables_path(path)


def _check_reference(reference: str, settings: BenchmarkSettings) -> None:
    """Refuse a method that has no rows, neither of this run nor of earlier ones in its file."""
    from sarnet.benchmark import read_rows

    known = dict.fromkeys([*settings.methods, *(row.method for row in read_rows(settings.rows))])
    if reference not in known:
        raise InputError(f"reference is {reference!r}, but the methods are {list(known)}: name one")


def _run(settings: BenchmarkSettings, *, resume: bool) -> None:
    """Compute the rows, and print the means."""
    from sarnet.benchmark import append_row, code_hash, plan, read_rows

    planned = plan(settings)
    wanted = set(planned.keys)
    rows = [row for row in read_rows(settings.rows) if row.key in wanted]
    if rows and not resume:
        raise InputError(
            f"rows {settings.rows} holds {len(rows)} of this run's {len(wanted)} rows already: "
            "use --resume to keep them and compute the rest, or choose another file"
        )
    older = sum(row.code != code_hash() for row in rows)
    if older:
        say_note(
            f"{older} of the rows kept are of other code, or do not tell: to compute all anew, choose another file."
        )
    for row in _shown(planned, rows):
        append_row(row, settings.rows)
        rows.append(row)
    _print(settings.protocol, rows)


def _report(files: list[Path], report: list[Path], *, reference: str | None, paper: PaperTable | None) -> None:
    from sarnet.benchmark import read_rows
    from sarnet.report import result_tables, write_tables

    missing = [path for path in files if not path.is_file()]
    if missing:
        raise InputError(f"rows {missing[0]} does not exist")
    tables = result_tables([row for path in files for row in read_rows(path)], reference=reference, paper=paper)
    for path in report:
        say(f"Wrote {write_tables(tables, path)}.")


def _shown(planned: "Plan", rows: list["Row"]) -> "Iterator[Row]":
    """The rows that are left to compute, behind a bar with the time left."""
    done = {row.key for row in rows}
    left = len(planned.keys) - len(done)
    bar = progress_bar()
    task = bar.add_task("registering", total=left)
    try:
        for row in planned.measure(done):
            bar.start()  # not before: what is wrong with the data is said in one line
            bar.update(task, advance=1, description=f"{row.pair} by {row.method}")
            yield row
    finally:
        if bar.live.is_started:
            bar.stop()


_COLUMNS = {
    "before": ("dice_before", ".4f"),
    "Dice": ("dice", ".4f"),
    "HD95": ("hd95", ".2f"),
    "MAD": ("mad", ".3f"),
    "before, mm": ("tre_mm_before", ".2f"),
    "landmarks, mm": ("tre_mm", ".2f"),
    "error / |u|": ("relative_field_error", ".4f"),
    "pair by pair": ("relative_field_error_of_pairs", ".4f"),
    "folding, %": ("folding_percent", ".4f"),
    "inverse consistency, voxels": ("inverse_consistency_voxels", ".3f"),
    "seconds": ("seconds", ".3f"),
    "MB at most": ("peak_memory_mb", ".0f"),
}
"""Heading of a column to the summary's figure and its form."""


def _print(protocol: str, rows: list["Row"]) -> None:
    """A line for each method, a column for each figure that there is."""
    from sarnet.benchmark import summarise

    by_method: dict[str, list[Row]] = {}
    for row in rows:
        by_method.setdefault(row.method, []).append(row)
    summaries = {method: summarise(of_it) for method, of_it in by_method.items()}
    shown = {
        heading: column
        for heading, column in _COLUMNS.items()
        if any(getattr(summary, column[0]) is not None for summary in summaries.values())
    }
    names = Column("method", min_width=max(map(len, summaries), default=0))  # figures may wrap, names may not
    table = Table(names, "pairs", *shown, box=None, padding=(0, 2, 0, 0))
    for method, summary in summaries.items():
        table.add_row(method, str(summary.pairs), *(_figure(summary, *column) for column in shown.values()))
    unit = next(iter(summaries.values())).length_unit if summaries else "mm"
    say(f"{protocol}; Dice, distances and shares are means, seconds the median; HD95 and MAD in {unit}")
    output.print(table)


def _figure(summary: "Summary", name: str, form: str) -> str:
    value = getattr(summary, name)
    return "" if value is None else format(value, form)
