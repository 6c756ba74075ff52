#!/usr/bin/env python3
"""Write docs/results.md from docs/results.md.j2 and the files of rows in docs/results.

    python scripts/results_page.py [PAGE.md]

The template has the words, the rows have every figure: ``table(file, reference)`` is a table of all methods of a file,
``of(file, method).dice`` (or any other figure of a summary) a number in the text, ``less(file, reference)`` a table of
how far the reference is ahead of every other method, and ``mean(file, "dice", pair="1")`` or ``measured(file)`` one of
what a script wrote; ``terms(file)`` is the table of what each term of the objective buys.
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sarnet.benchmark import Row, Summary, compare, read_rows, summarise
from sarnet.images import write_whole
from sarnet.report import markdown_table, result_tables

DOCS = Path(__file__).resolve().parent.parent / "docs"
RESULTS = DOCS / "results"

WHOLE = {"training": "nothing yet: the weights they begin with", "nothing": "**the whole objective**"}
"""Lines of the table of terms that state figures; all others state what changes against the whole objective."""
TERM_FIGURES = {
    "relative_field_error": "error / \\|u\\|",
    "lung_dice": "lung Dice",
    "inverse_consistency_voxels": "both ways, pixels",
    "brain2d_dice": "brain slices: Dice",
    "brain2d_folding_percent": "brain slices: folding, %",
}


def main() -> None:
    """Write the page."""
    environment = Environment(  # noqa: S701  # Markdown, from this repository alone
        loader=FileSystemLoader(DOCS), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.globals.update(table=_table, of=_of, less=_less, mean=_mean, measured=_measured, terms=_terms)
    environment.filters.update(fixed=lambda value, digits=3: f"{value:.{digits}f}")
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "results.md"
    write_whole(page, environment.get_template("results.md.j2").render().encode())


def _table(name: str, reference: str | None = None, paper: str | None = None) -> str:
    """All methods of a file of rows, with what its protocol makes of them, and the file."""
    (table,) = result_tables(_rows(name), reference=reference, paper=paper)
    return f"{markdown_table(table)}* Rows: [{name}](results/{name})."


def _less(name: str, reference: str) -> str:
    """The reference's Dice less every other method's, with the test's probability."""
    rows: dict[str, list[Row]] = {}
    for row in _rows(name):
        rows.setdefault(row.method, []).append(row)
    lines = [f"| {reference} less | Dice, 95 % interval | p, Holm |", "| --- | ---: | ---: |"]
    for each in compare(rows, reference=reference, figure="dice"):
        mean, low, high = each.difference
        lines.append(f"| {each.method} | {mean:+.3f} [{low:+.3f}, {high:+.3f}] | {each.p_corrected:.3f} |")
    return "\n".join(lines)


def _of(name: str, method: str) -> Summary:
    """What one method's rows come to."""
    return summarise([row for row in _rows(name) if row.method == method])


def _measured(name: str) -> Any:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def _mean(name: str, figure: str, **where: Any) -> float:
    """The mean of a figure, or the share of what is true, over the entries that agree with ``where``."""
    found = [each[figure] for each in _measured(name) if all(each[key] == value for key, value in where.items())]
    return float(np.mean(found))


def _terms(name: str) -> str:
    """A line a training: the whole objective's figures, and how far they change without a term, seed by seed."""
    found = _measured(name)
    lines = [f"| trained by | {' | '.join(TERM_FIGURES.values())} |", "|---|" + "---:|" * len(TERM_FIGURES)]
    for without in dict.fromkeys(each["without"] for each in found):
        cells = [WHOLE.get(without, f"without {without.replace('_', ' ')}")]
        for figure in TERM_FIGURES:
            of_seed, whole = (
                {each["seed"]: each[figure] for each in found if each["without"] == chosen}
                for chosen in (without, "nothing")
            )
            values = [of_seed[seed] - (0 if without in WHOLE else whole[seed]) for seed in of_seed]
            cells.append(_with_range(values, ".4f" if without in WHOLE else "+.4f"))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _with_range(values: list[float], form: str) -> str:
    middle = format(np.mean(values), form)
    return middle if len(values) == 1 else f"{middle} ({min(values):{form}} to {max(values):{form}})"


def _rows(name: str) -> list[Row]:
    return read_rows(RESULTS / name)


if __name__ == "__main__":
    main()
