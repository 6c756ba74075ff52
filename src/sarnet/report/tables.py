"""Tables of results, from rows of the benchmark alone: Markdown, or one HTML file."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from sarnet.benchmark import Comparison, Figure, PairValue, Row, Summary, bootstrap_interval, compare, summarise
from sarnet.errors import InputError
from sarnet.images import write_whole
from sarnet.report.paper import BEFORE, PAPER, PaperResult
from sarnet.types import PaperTable

_ENDINGS = (".md", ".html")

_FEWEST_SUBJECTS = 6
"""For intervals and tests: of five, no difference has a p of Wilcoxon's test below 0.05, however clear it is."""

_SHOWN_DIGITS = 8
"""Of the hash that names a state of the code."""

_OF_THE_PAPER = ("brain2d", "brain3d")
"""Protocols that its tables have a counterpart of: it has no numbers for hearts and X-rays."""


@dataclass(frozen=True, kw_only=True)
class ResultTable:
    """A table in words."""

    title: str
    headings: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    """The first cell of each names its method."""
    notes: tuple[str, ...]


def result_tables(
    rows: Sequence[Row], *, reference: str | None = None, paper: PaperTable | None = None
) -> list[ResultTable]:
    """Return a table for each protocol: a line for each method, what it was before on top.

    A method with rows of several settings has a line for each, told apart by the beginning of their hash; the folds of
    a cross-validation, whose weights differ, share one.

    Args:
        rows: Of any number of files.
        reference: Method that the others are compared with; the first of each protocol where it is left out.
        paper: Which of the paper's tables stands beside.

    Raises:
        InputError: If there are no rows, a pair stands in a line twice, or ``reference`` is none of their methods.
    """
    if not rows:
        raise InputError("rows are empty: there is nothing to make a table of")
    seen: set[tuple[str, str, str, str]] = set()
    for row in rows:
        key = (row.protocol, row.method, row.settings_group, row.pair)
        if key in seen:
            raise InputError(
                f"rows have the pair {row.pair!r} twice by {row.method}: give each file once, and if weights of a "
                "cross-validation were trained anew, begin a new file"
            )
        seen.add(key)
    protocols = dict.fromkeys(row.protocol for row in rows)
    return [
        _table(
            protocol,
            [row for row in rows if row.protocol == protocol],
            reference,
            paper if protocol in _OF_THE_PAPER else None,
        )
        for protocol in protocols
    ]


def write_tables(tables: Sequence[ResultTable], path: Path) -> Path:
    """Write tables as Markdown or HTML, as the ending says; the file appears at once and whole.

    Raises:
        InputError: As :func:`check_tables_path` does.
        DataError: If it cannot be written.
    """
    check_tables_path(path)
    sections = [f"## {table.title}\n\n{markdown_table(table)}" for table in tables]
    text = "\n".join(sections) if path.suffix == ".md" else _html(tables)
    return write_whole(path, text.encode())


def check_tables_path(path: Path) -> None:
    """Refuse a file that tables cannot be written to: good to know before they are computed.

    Raises:
        InputError: If the ending is neither ``.md`` nor ``.html``.
    """
    if path.suffix not in _ENDINGS:
        raise InputError(f"report {path} has the ending {path.suffix!r}, but must end in .md or .html")


def _table(protocol: str, rows: list[Row], reference: str | None, paper: PaperTable | None) -> ResultTable:
    by_method = _by_method(rows)
    first = reference or next(iter(by_method))
    if first not in by_method:
        raise InputError(f"reference is {first!r}, but {protocol} has the methods {list(by_method)}")
    summaries = {method: summarise(each) for method, each in by_method.items()}
    figure: Figure = "dice" if any(summary.dice is not None for summary in summaries.values()) else "tre_mm"
    has_figure = any(getattr(summary, figure) is not None for summary in summaries.values())
    comparable = _comparable(by_method, first) if has_figure else {}
    compared = compare(comparable, reference=first, figure=figure) if len(comparable) > 1 else []
    comparisons = {each.method: each for each in compared}
    unit = rows[0].length_unit
    has_interval = len(_subjects(rows)) >= _FEWEST_SUBJECTS
    headings = [
        "method",
        "pairs",
        "subjects",
        "Dice, 95 % interval" if has_interval else "Dice",
        f"HD95, {unit}",
        f"MAD, {unit}",
        "landmarks, mm",
    ]
    headings += ["error / |u|", "folding, %", "inverse consistency, voxels", "seconds"]
    headings += [f"{first} less this, 95 % interval", "p", "p, Holm"]
    before = _before(rows)
    lines = [before] if any(before[1:]) else []
    lines += [
        _line(method, by_method[method], summary, comparisons.get(method)) for method, summary in summaries.items()
    ]
    headings, lines = _without_empty(headings, lines)
    if paper is not None:
        headings += ["paper: Dice", "paper: HD95, mm", "paper: MAD", "paper: seconds"]
        known = {"before": BEFORE, **PAPER[paper]}
        lines = [[*line, *_paper(known.get(line[0]))] for line in lines]
    return ResultTable(
        title=protocol,
        headings=tuple(headings),
        lines=tuple(map(tuple, lines)),
        notes=_notes(rows, first=first, unit=unit, compared=compared, figure=figure, paper=paper),
    )


def _by_method(rows: list[Row]) -> dict[str, list[Row]]:
    """Name of a line to its rows."""
    settings: dict[str, set[str]] = {}
    for row in rows:
        settings.setdefault(row.method, set()).add(row.settings_group)
    named: dict[str, list[Row]] = {}
    for row in rows:
        name = f"{row.method} ({row.settings_group[:6]})" if len(settings[row.method]) > 1 else row.method
        named.setdefault(name, []).append(row)
    return named


def _comparable(by_method: dict[str, list[Row]], first: str) -> dict[str, list[Row]]:
    """The methods that share pairs of enough subjects with the first."""
    own = {row.pair for row in by_method[first]}
    shared = {method: _subjects([row for row in rows if row.pair in own]) for method, rows in by_method.items()}
    return {method: by_method[method] for method, subjects in shared.items() if len(subjects) >= _FEWEST_SUBJECTS}


def _before(rows: list[Row]) -> list[str]:
    """What all pairs began with."""
    one = summarise(list({row.pair: row for row in rows}.values()))
    figures = [_number(one.dice_before, 3), _number(one.hd95_before, 2), _number(one.mad_before, 2)]
    return ["before", "", "", *figures, _number(one.tre_mm_before, 2), *[""] * 7]


def _line(method: str, rows: list[Row], summary: Summary, comparison: Comparison | None) -> list[str]:
    compared = ["", "", ""]
    if comparison is not None:
        difference, low, high = (f"{value:+.3f}" for value in comparison.difference)
        compared = [f"{difference} [{low}, {high}]", _p(comparison.p_value), _p(comparison.p_corrected)]
    return [
        method,
        str(summary.pairs),
        str(len(_subjects(rows))),
        _with_interval(rows, summary.dice),
        _number(summary.hd95, 2),
        _number(summary.mad, 2),
        _number(summary.tre_mm, 2),
        _number(summary.relative_field_error, 3),
        _number(summary.folding_percent, 3),
        _number(summary.inverse_consistency_voxels, 3),
        _number(summary.seconds, 2),
        *compared,
    ]


def _with_interval(rows: list[Row], mean: float | None) -> str:
    if mean is None or len(_subjects(rows)) < _FEWEST_SUBJECTS:
        return _number(mean, 3)
    _, low, high = bootstrap_interval([PairValue(row.subjects, row.dice) for row in rows if row.dice is not None])
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def _subjects(rows: list[Row]) -> set[str]:
    """Whose images are fixed ones."""
    return {row.subjects[0] for row in rows}


def _without_empty(headings: list[str], lines: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    kept = [column for column in range(len(headings)) if any(line[column] for line in lines)]
    return [headings[column] for column in kept], [[line[column] for column in kept] for line in lines]


def _paper(result: PaperResult | None) -> list[str]:
    if result is None:
        return [""] * 4
    return [_number(result.dice, 3), _number(result.hd95_mm, 1), _number(result.mad, 1), _number(result.seconds, 1)]


def _notes(
    rows: list[Row], *, first: str, unit: str, compared: list[Comparison], figure: str, paper: PaperTable | None
) -> tuple[str, ...]:
    notes = ["Dice, distances and folding are means over pairs, seconds the median."]
    if any(row.inverse_consistency_voxels is not None for row in rows):
        notes.append("Inverse consistency: registered in both directions, the mean length of the two fields composed.")
    if any(row.hd95 is not None for row in rows):
        text = f"HD95 and MAD weight outlines by length or area (DeepMind's definitions); in {unit}"
        notes.append(f"{text}: the data set records no spacing." if unit == "pixels" else f"{text}.")
    lost = _lost(rows)
    if lost:
        notes.append(
            f"Not in HD95 and MAD, for they have no distance: labels that vanished, which count as a Dice of 0: {lost}."
        )
    if compared:
        name = "Dice" if figure == "dice" else "landmark error"
        smallest = max(len(compared) * 2.0 ** (1 - each.subjects) for each in compared)
        notes.append(
            f"p: Wilcoxon's signed-rank test of {first} against each method on subjects' mean {name}, two-sided; Holm: "
            f"corrected for all methods (the smallest value possible here is {_p(min(1, smallest))})."
        )
        notes.append("Intervals: bootstrap over subjects, in both roles where a subject is also the moving one.")
        if any(row.subjects[0] != row.subjects[1] for row in rows):
            notes.append("The tests do not know that subjects also are the moving ones: intervals are safer than p.")
    elif len({row.method for row in rows}) > 1:
        notes.append(f"No tests: {first} shares pairs of fewer than {_FEWEST_SUBJECTS} subjects with any other method.")
    if paper is not None:
        notes.append(
            f"The paper's {paper.replace('table', 'table ')} has other images, structures and hardware (GPU; CPU for "
            "Elastix): compare the order of methods, not the numbers."
        )
    notes.append(_of_code(rows))
    told = "; ".join(dict.fromkeys(row.hardware for row in rows if row.hardware))
    return (*notes, f"Measured on {told}.") if told else tuple(notes)


def _of_code(rows: list[Row]) -> str:
    """The states of the code that made the rows."""
    named = [code[:_SHOWN_DIGITS] for code in dict.fromkeys(row.code for row in rows) if code]
    if not named:
        return "Rows are of an earlier state of the code, which they do not record."
    if any(row.code is None for row in rows):
        named.append("an earlier one that they do not record")
    several = "several states of the code" if len(named) > 1 else "one state of the code"
    return f"Rows are of {several}: {', '.join(named)}."


def _lost(rows: list[Row]) -> str:
    counts: dict[str, int] = {}
    for row in rows:
        distances = row.hd95_by_label.items()
        gone = [label for label, distance in distances if distance is None and row.dice_by_label[label] == 0]
        counts[row.method] = counts.get(row.method, 0) + len(gone)
    return ", ".join(f"{method} {count}" for method, count in counts.items() if count)


def markdown_table(table: ResultTable) -> str:
    """Return a table in Markdown with its notes, without its title."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    aligned = [" --- " if column == 0 else " ---: " for column in range(len(table.headings))]
    body = [line(table.headings), f"|{'|'.join(aligned)}|", *map(line, table.lines)]
    return "\n".join([*body, "", *(f"* {note}" for note in table.notes), ""])


def _html(tables: Sequence[ResultTable]) -> str:
    template = resources.files("sarnet.report").joinpath("tables.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(template).render(tables=tables)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
