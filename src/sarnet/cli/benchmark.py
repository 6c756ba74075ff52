"""``sarnet benchmark``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sarnet.cli.console import messages, output
from sarnet.config import BenchmarkSettings, read_settings


def benchmark(
    config: Annotated[Path, typer.Option(help="TOML file of benchmark settings.")],
    override: Annotated[
        list[str] | None, typer.Option("--set", help="KEY=VALUE: change a setting of the file; may be repeated.")
    ] = None,
) -> None:
    """Register every pair of a data set: a row for each goes to a file, the means to the screen."""
    settings = read_settings(BenchmarkSettings, config, override or [])

    from sarnet.benchmark import append_row, measure_brain2d, measure_simulated, summarise

    measure = {"brain2d": measure_brain2d, "simulated-xray": measure_simulated}[settings.protocol]
    rows = []
    with messages.status("registering") as status:
        for row in measure(settings):
            append_row(row, settings.rows)
            rows.append(row)
            status.update(f"{len(rows)} pairs, last {row.pair}: Dice {row.dice_before:.3f} -> {row.dice:.3f}")
    summary = summarise(rows)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("protocol", f"{settings.protocol}, {summary.pairs} pairs, adapt {rows[0].adapt}, {rows[0].model}")
    table.add_row("Dice", f"{summary.dice_before:.4f} before, {summary.dice:.4f} after")
    if summary.relative_field_error is not None:
        table.add_row(
            "field error / |u|",
            f"{summary.relative_field_error:.4f} (pair by pair {summary.relative_field_error_of_pairs:.4f})",
        )
    table.add_row("time", f"{summary.seconds:.3f} s (median)")
    table.add_row("folding", f"{summary.folding_percent:.4f} %")
    output.print(table)
