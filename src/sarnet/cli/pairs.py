"""Registering many pairs behind a bar, and printing what came of them: what ``cohort`` and ``atlas`` share."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from sarnet.cli.console import progress_bar, say, say_note
from sarnet.cli.exit_codes import INTERRUPTED
from sarnet.cli.words import as_overrides
from sarnet.cohort import Cluster, Cohort, Row, own_cluster, running_cluster, worst_first
from sarnet.config import RegistrationSettings, read_settings
from sarnet.errors import SarnetError
from sarnet.report import write_index, write_report, write_thumbnail

_FAILURES_SHOWN = 5


def settings_of_all(config: Path | None, override: Sequence[str], chosen: dict[str, Any]) -> RegistrationSettings:
    """Read the settings of every pair: a file, then ``--set``, then options; one thread each unless told otherwise.

    Raises:
        ConfigError: If a setting is unknown or wrong.
    """
    settings = read_settings(RegistrationSettings, config, [*override, *as_overrides(chosen)])
    update: dict[str, Any] = {"threads": settings.threads or 1}  # pairs side by side beat threads on one pair
    if settings.model.endswith(".safetensors"):
        update["model"] = str(Path(settings.model).resolve())  # workers stand elsewhere
    if settings.paper.vgg is not None:
        update["paper"] = settings.paper.model_copy(update={"vgg": settings.paper.vgg.resolve()})
    return settings.model_copy(update=update)


@contextmanager
def cluster_of(scheduler: str | None, *, workers: int | None, most: int, wait_seconds: float) -> Iterator[Cluster]:
    """Use the scheduler, or else start workers on this machine, and say where the dashboard is."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters of it is said in the program's words
    found: AbstractContextManager[Cluster] = (
        running_cluster(scheduler, patience_seconds=wait_seconds) if scheduler else own_cluster(workers, most=most)
    )
    with found as cluster:
        say_note(f"Dask's dashboard, while this runs: {cluster.dashboard()}")
        yield cluster


def register_shown(cohort: Cohort, cluster: Cluster, *, title: str, report: bool, command: str) -> list[Row]:
    """Register what is left of a cohort behind a bar with the time left; write the summary and the index of pages.

    However it ends, the summary tells what is done.
    """
    finish = (write_report, write_thumbnail) if report else ()
    bar = progress_bar()
    done, failed = len(cohort.pairs) - len(cohort.left), 0
    if done:
        say_note(f"{done} of {len(cohort.pairs)} pairs are done already")
    try:
        with bar:
            task = bar.add_task(title, total=len(cohort.left))
            for each in cohort.register(cluster, finish=finish, command=command):
                failed += each.reason is not None
                bar.update(task, advance=1, description=f"{title}, {failed} failed" if failed else title)
    except KeyboardInterrupt:
        write_index(cohort.summarise(), cohort.out)
        say(f"Stopped by hand: what is done is in {cohort.out}; go on with --resume.")
        sys.exit(INTERRUPTED)
    except SarnetError:  # the scheduler is lost, or the disk is full
        with suppress(SarnetError):
            write_index(cohort.summarise(), cohort.out)
        raise
    rows = cohort.summarise()
    write_index(rows, cohort.out)
    return rows


def print_rows(rows: Sequence[Row], out: Path) -> None:
    """Print how many pairs came out how, the worst by name, and where to look."""
    failed = [row for row in rows if row.state == "failed"]
    apart = [row for row in worst_first(rows) if row.outlier]
    done, left = (sum(row.state == state for row in rows) for state in ("done", "left"))
    more = f", {left} without a result: does everybody see {out}?" if left else "."
    say(f"{len(rows)} pairs: {done} registered, {len(failed)} failed{more}", style="bold")
    for row in failed[:_FAILURES_SHOWN]:
        say(f"  {row.id}: {row.reason}")
    if len(failed) > _FAILURES_SHOWN:
        say(f"  and {len(failed) - _FAILURES_SHOWN} more")
    if apart:
        names = ", ".join(f"{row.id} ({' '.join(row.outlier)})" for row in apart[:_FAILURES_SHOWN])
        say(f"{len(apart)} stand apart from the rest: {names}" + (", …" if len(apart) > _FAILURES_SHOWN else "."))
    say(f"All records are in {out / 'summary.csv'}; open {out / 'index.html'} in a browser, the worst are first.")
