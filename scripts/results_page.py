#!/usr/bin/env python3
"""Write docs/results.md from docs/results.md.j2 and the files of rows in docs/results.

    python scripts/results_page.py [PAGE.md]

The template has the words, the rows have every figure: ``table(file, reference)`` is a table of all methods of a file,
``less(file, reference)`` one of how far the reference is ahead of every other method by overlap and outlines,
``terms(file)`` one of what each term of the objective buys; ``first(file, figure)`` is the order of the methods by a
figure, ``below(file, method, other)`` on how many pairs one is worse than the other. ``of(file, method).dice`` (or any
other figure of a summary), the Dice of single labels by ``structures(file, method, "4", "43")``, Dice without some
pairs by ``dice_without(file, method, pairs)``, ``mean(file, "dice", pair="1")`` of what a script wrote, and
``change(file, figure, term)``, the mean change without a term, are numbers in the text; so is ``seeds(mode)``, the gain
of Dice of every seed's weights over those they began with, which ``gains(mode)`` has one by one. ``p(file, reference,
method)`` is a corrected probability, ``lead(file, reference, method)`` a difference of Dice with its interval,
``highest_p(file, reference, methods)`` the largest that the reference is not ahead; ``not_ahead(file, reference)`` are
the methods of which it is not shown to be ahead, ``no_difference(file, reference)`` those of which no difference is
shown, ``lowered(file, figure)`` the terms without which a figure falls. ``minutes(file, other)`` is how long all their
registrations took, ``iterations(file, method)`` how many a pair took.
``measured(file)`` is the file.
"""

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sarnet.benchmark import Comparison, Figure, Row, Summary, compare, read_rows, summarise
from sarnet.images import write_whole
from sarnet.report import markdown_table, result_tables
from sarnet.types import PaperTable

DOCS = Path(__file__).resolve().parent.parent / "docs"
RESULTS = DOCS / "results"

STATED = {"training": "nothing yet: the weights they begin with", "nothing": "**the whole objective**"}
"""Lines of the table of terms that state figures; all others state what changes against the whole objective."""
COMPARED: dict[Figure, tuple[str, int]] = {"dice": ("Dice", 3), "hd95": ("HD95", 2), "mad": ("MAD", 2)}
"""Figure to its heading and digits."""
TERM_FIGURES = {
    "error / \\|u\\|": ("relative_field_error", 4),
    "lung Dice": ("lung_dice", 4),
    "inverse consistency, pixels": ("inverse_consistency_voxels", 3),
    "brain slices: Dice": ("brain2d_dice", 4),
    "brain slices: folding, %": ("brain2d_folding_percent", 2),
}
"""Heading to the figure in a row and its digits."""


def main() -> None:
    """Write the page."""
    environment = Environment(  # noqa: S701  # Markdown, from this repository alone
        loader=FileSystemLoader(DOCS), undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    environment.globals.update(
        table=_table,
        of=_of,
        less=_less,
        first=_first,
        below=_below,
        structures=_structures,
        mean=_mean,
        measured=_measured,
        terms=_terms,
        change=_change,
        seeds=_seeds,
        gains=_gains,
        highest_p=_highest_p,
        dice_without=_dice_without,
        lowered=_lowered,
        p=_p,
        lead=_lead,
        not_ahead=_not_ahead,
        no_difference=_no_difference,
        minutes=_minutes,
        iterations=_iterations,
    )
    environment.filters.update(fixed=lambda value, digits=3: f"{value:.{digits}f}")
    page = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS / "results.md"
    write_whole(page, environment.get_template("results.md.j2").render().encode())


def _table(name: str, reference: str | None = None, paper: PaperTable | None = None) -> str:
    """All methods of a file of rows, with what its protocol makes of them, and the file."""
    (table,) = result_tables(_rows(name), reference=reference, paper=paper)
    return f"{markdown_table(table)}* Rows: [{name}](results/{name})."


def _less(name: str, reference: str) -> str:
    """The reference's Dice, HD95 and MAD less every other method's, with the tests' probabilities."""
    rows = _by_method(name)
    headings, cells = [f"{reference} less"], {method: [method] for method in rows if method != reference}
    for figure, (heading, digits) in COMPARED.items():
        headings += [f"{heading}, 95 % interval", "p, Holm"]
        for each in compare(rows, reference=reference, figure=figure):
            mean, low, high = (f"{value:+.{digits}f}" for value in each.difference)
            cells[each.method] += [f"{mean} [{low}, {high}]", _probability(each.p_corrected)]
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *cells.values()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _first(name: str, figure: Figure, *methods: str, lowest: bool = False) -> str:
    """The methods of a file in the order of a figure, the best first, with its value; of some of them, if named."""
    summaries = {method: _of(name, method) for method in dict.fromkeys(row.method for row in _rows(name))}
    values = {method: getattr(summaries[method], figure) for method in methods or summaries}
    ordered = sorted(values, key=values.__getitem__, reverse=not lowest)
    return ", ".join(f"{method} {values[method]:.{COMPARED[figure][1]}f}" for method in ordered)


def _below(name: str, method: str, other: str) -> str:
    """On how many pairs a method's Dice is below another's, and how far at most."""
    dice = {(row.method, row.pair): row.dice for row in _rows(name)}
    differences = [dice[method, pair] - dice[other, pair] for each, pair in dice if each == method]
    lower = [difference for difference in differences if difference < 0]
    return f"{len(lower)} of {len(differences)} pairs below, by {-min(lower, default=0):.3f} at most"


def _of(name: str, method: str) -> Summary:
    """What one method's rows come to."""
    return summarise([row for row in _rows(name) if row.method == method])


def _structures(name: str, method: str, *labels: str, fixed: str | None = None) -> float:
    """A method's Dice of single structures: the mean over each pair, then over pairs, or those of one fixed image."""
    own = [row for row in _rows(name) if row.method == method and fixed in {None, row.subjects[0]}]
    pairs = [[row.dice_by_label.get(label) for label in labels] for row in own]
    known = [[value for value in pair if value is not None] for pair in pairs]
    return float(np.mean([np.mean(pair) for pair in known if pair]))


def _measured(name: str) -> Any:
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


def _mean(name: str, figure: str, **where: Any) -> float:
    """The mean of a figure, or the share of what is true, over the entries that agree with ``where``."""
    found = [each[figure] for each in _measured(name) if all(each[key] == value for key, value in where.items())]
    return float(np.mean(found))


def _terms(name: str) -> str:
    """A line a training: the whole objective's figures, and how far they change without a term, seed by seed."""
    found = _measured(name)
    lines = [f"| trained by | seeds | {' | '.join(TERM_FIGURES)} |", "|---|---:|" + "---:|" * len(TERM_FIGURES)]
    for without in dict.fromkeys(each["without"] for each in found):
        cells = [STATED.get(without, f"without {without.replace('_', ' ')}")]
        for figure, digits in TERM_FIGURES.values():
            values = _by_seed(found, without, figure)
            if without not in STATED:
                whole = _by_seed(found, "nothing", figure)
                values = {seed: value - whole[seed] for seed, value in values.items() if seed in whole}
            sign = "" if without in STATED else "+"
            cells.append(_with_range(list(values.values()), f"{sign}.{digits}f"))
        lines.append(f"| {' | '.join([cells[0], str(len(values)), *cells[1:]])} |")
    return "\n".join(lines)


def _change(name: str, figure: str, without: str) -> float:
    """What a figure changes by without a term, as a share of the whole objective's, over the seeds of both."""
    found = _measured(name)
    each, whole = (_by_seed(found, chosen, figure) for chosen in (without, "nothing"))
    return float(np.mean([each[seed] / whole[seed] - 1 for seed in each.keys() & whole.keys()]))


def _gains(mode: str) -> list[float]:
    """What each seed's training gains over the weights it began with, on the pairs of weights.jsonl."""
    began, *reached = (_of("weights.jsonl", f"{each}{mode}").dice for each in ("initial-", "", "seed-1-", "seed-2-"))
    return [dice - began for dice in reached]


def _seeds(mode: str) -> str:
    """The gains in words."""
    return _with_range(_gains(mode), "+.3f")


def _highest_p(name: str, reference: str, *methods: str) -> float:
    """The largest corrected probability of all methods, or of those named; one, where the reference is behind."""
    found = _compared(name, reference)
    return max(found[each].p_corrected if found[each].difference.mean > 0 else 1.0 for each in methods or found)


def _dice_without(name: str, method: str, pairs: tuple[str, ...]) -> float:
    """A method's mean Dice without some of the pairs."""
    left = [row for row in _rows(name) if row.method == method and row.pair not in pairs]
    mean = summarise(left).dice
    assert mean is not None
    return mean


def _lowered(name: str, figure: str) -> str:
    """The terms without which a figure is lower than by the whole objective in every seed."""
    found = _measured(name)
    whole = _by_seed(found, "nothing", figure)
    terms = dict.fromkeys(each["without"] for each in found if each["without"] not in STATED)
    lower = [
        term for term in terms if all(value < whole[seed] for seed, value in _by_seed(found, term, figure).items())
    ]
    return ", ".join(term.replace("_", " ") for term in lower)


def _no_difference(name: str, reference: str) -> str:
    """The methods from whose Dice the reference's is not shown to differ: corrected p of 0.05 and more."""
    return ", ".join(f"`{each.method}`" for each in _compared(name, reference).values() if each.p_corrected >= 0.05)


def _not_ahead(name: str, reference: str) -> str:
    """The same, and those that the reference is behind of."""
    compared = _compared(name, reference).values()
    return ", ".join(f"`{each.method}`" for each in compared if each.p_corrected >= 0.05 or each.difference.mean <= 0)


def _p(name: str, reference: str, method: str) -> str:
    """Of the reference against one method by Dice, corrected for all of the file."""
    return _probability(_compared(name, reference)[method].p_corrected)


def _lead(name: str, reference: str, method: str) -> str:
    """By how much the reference's Dice is above one method's, with its interval."""
    mean, low, high = (f"{value:+.3f}" for value in _compared(name, reference)[method].difference)
    return f"{mean} [{low}, {high}]"


@cache
def _compared(name: str, reference: str) -> dict[str, Comparison]:
    return {each.method: each for each in compare(_by_method(name), reference=reference, figure="dice")}


def _minutes(*names: str) -> float:
    """What all registrations of some files took together."""
    return sum(row.seconds for name in names for row in _rows(name)) / 60


def _iterations(name: str, method: str) -> float:
    """How many iterations a method's last stage took, the median."""
    return float(np.median([row.iterations for row in _rows(name) if row.method == method]))


def _by_seed(found: list[dict[str, Any]], without: str, figure: str) -> dict[int, float]:
    return {each["seed"]: each[figure] for each in found if each["without"] == without}


def _with_range(values: list[float], form: str) -> str:
    middle = format(np.mean(values), form)
    return middle if len(values) == 1 else f"{middle} ({min(values):{form}} to {max(values):{form}})"


def _probability(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _by_method(name: str) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in _rows(name):
        found.setdefault(row.method, []).append(row)
    return found


@cache
def _rows(name: str) -> tuple[Row, ...]:
    return tuple(read_rows(RESULTS / name))


if __name__ == "__main__":
    main()
