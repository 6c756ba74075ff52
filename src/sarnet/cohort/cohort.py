"""A cohort's folder: opened or taken up again, filled by workers, summed up."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from sarnet.cohort.cluster import Cluster, check_dask
from sarnet.cohort.job import Job, Outcome, WorkerState, worker_state
from sarnet.cohort.pair import CohortPair, check_pairs
from sarnet.cohort.receipt import RECEIPT_FILE, is_valid
from sarnet.cohort.record import COHORT_FILE, CohortRecord, read_cohort_record
from sarnet.cohort.summary import SUMMARY_FILE, Failure, Row, failure_file, summarise, write_summary
from sarnet.cohort.workers import check_workers, death
from sarnet.config import RegistrationSettings
from sarnet.errors import DataError, InputError
from sarnet.images import write_whole
from sarnet.registration import check_result_folder

_LOCK_FILE = ".lock"


class Done(NamedTuple):
    """A pair that has been dealt with."""

    pair: CohortPair
    reason: str | None
    """Why it has no result, if it has none."""


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """A folder of pairs that nobody else writes to."""

    out: Path
    pairs: tuple[CohortPair, ...]
    left: tuple[CohortPair, ...]
    """Those without a valid result."""
    settings: RegistrationSettings
    record: CohortRecord

    def register(
        self, cluster: Cluster, *, finish: tuple[Callable[[Path], object], ...] = (), command: str | None = None
    ) -> Iterator[Done]:
        """Register what is left, pairs in any order; each is whole in its folder when it is yielded, or its failure is.

        Args:
            cluster: Where.
            finish: What else a worker writes into a pair's folder before that is moved into place: functions that can
                be pickled.
            command: The command line, for the records.

        Yields:
            Every pair that was left.

        Raises:
            InputError: If the scheduler cannot be reached, or a worker has another version or other weights.
            DataError: If the folder cannot be written any more: the pairs that are done stay so.
        """
        expected = WorkerState(self.record.version, self.record.weights_sha256)
        check_workers(cluster, self.settings, expected)
        job = Job(
            out=self.out,
            settings=self.settings,
            expected=expected,
            both_ways=self.record.both_ways,
            finish=finish,
            command=command,
        )
        by_id = {pair.id: pair for pair in self.left}
        for id_, result in cluster.spread(job, by_id):
            outcome = result if isinstance(result, Outcome) else death(result)
            if outcome.stops_all:
                raise DataError(f"{outcome.reason}: put that right, then go on with --resume")
            self._keep(by_id[id_], outcome)
            yield Done(by_id[id_], outcome.reason)

    def summarise(self) -> list[Row]:
        """Read all records, write them to ``summary.csv``, and return them in the order of the pairs.

        Raises:
            DataError: If it cannot be written.
        """
        rows = summarise(self.pairs, self.out)
        write_summary(rows, self.out / SUMMARY_FILE)
        return rows

    def _keep(self, pair: CohortPair, outcome: Outcome) -> None:
        file = failure_file(pair, self.out)
        if outcome.reason is None:
            file.unlink(missing_ok=True)
            return
        failure = Failure(id=pair.id, reason=outcome.reason, trace=outcome.trace)
        write_whole(file, (failure.model_dump_json(indent=1) + "\n").encode())


@contextmanager
def open_cohort(
    pairs: Sequence[CohortPair],
    out: Path,
    settings: RegistrationSettings,
    *,
    resume: bool,
    both_ways: bool = False,
) -> Iterator[Cohort]:
    """Open a folder for the pairs, or one that was begun earlier; nobody else can until it is left.

    What an earlier run left unfinished is removed, and so are results that are not whole or are of images that have
    changed since.

    Args:
        pairs: What is to be registered.
        out: The cohort's folder.
        settings: How.
        resume: Whether ``out`` may hold pairs already, by the same settings.
        both_ways: Whether to register each pair the other way round, too, for its inverse consistency.

    Raises:
        MissingExtraError: If Dask is not installed.
        InputError: If the ids of the pairs will not do, ``out`` holds something else, or a cohort and ``resume`` is
            false, or one by other settings, or another process is at it.
        DataError: If files do not exist (all are named), or ``out`` cannot be written.
        WeightsError: If the model cannot be loaded.
    """
    check_dask()
    check_pairs(pairs)
    out = out.resolve()
    existing = read_cohort_record(out)
    if existing is None:
        check_result_folder(out, overwrite=False, advice="choose another folder")
    elif not resume:
        raise InputError(f"out {out} holds a cohort already: use --resume to go on with it, or choose another folder")
    state = worker_state(settings)
    record = CohortRecord(
        **state._asdict(),
        both_ways=both_ways,
        spacing=pairs[0].files.spacing,
        settings=settings.model_dump(mode="json", exclude={"threads"}),
    )
    if existing is not None and (changed := existing.differences(record)):
        raise InputError(
            f"out {out} was begun with {'; '.join(changed)}: results of both would be mixed; use the settings it was "
            "begun with, or choose another folder"
        )
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "failures").mkdir(exist_ok=True)
    except OSError as error:
        raise DataError(f"out {out} cannot be written: {error.strerror}; choose another folder") from error
    with _locked(out):
        write_whole(out / COHORT_FILE, (record.model_dump_json(indent=2) + "\n").encode())
        _sweep(pairs, out)
        left = _what_is_left(pairs, out)
        yield Cohort(out=out, pairs=tuple(pairs), left=left, settings=settings, record=record)
        _sweep(pairs, out)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Hold the folder: the system lets it go when the process ends, however it does."""
    import locket  # noqa: PLC0415  # an extra; comes with Dask

    lock = locket.lock_file(str(out / _LOCK_FILE), timeout=0)
    try:
        lock.acquire()
    except locket.LockError as error:
        raise InputError(f"out {out} is being written by another sarnet cohort: wait until it has ended") from error
    try:
        yield
    finally:
        lock.release()


def _what_is_left(pairs: Sequence[CohortPair], out: Path) -> tuple[CohortPair, ...]:
    """Remove what is no longer valid, and return the pairs to be registered."""
    left = []
    for pair in pairs:
        folder = out / pair.folder
        if is_valid(pair, folder):
            continue
        if folder.exists():
            _discard(folder)
        left.append(pair)
    return tuple(left)


def _sweep(pairs: Sequence[CohortPair], out: Path) -> None:
    """Remove the temporary folders of workers that were killed."""
    for parent in {(out / pair.folder).parent for pair in pairs}:
        for path in parent.glob(".*-*") if parent.is_dir() else ():
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)


def _discard(folder: Path) -> None:
    """Remove a result that is not valid; what has no receipt was not written by a cohort, and is not ours to remove."""
    if not (folder / RECEIPT_FILE).is_file():
        raise InputError(f"{folder} holds files that are no result of a cohort: choose another folder for --out")
    aside = folder.with_name(f".{folder.name}-stale")
    folder.replace(aside)  # at once: a folder that is half removed could pass for whole
    shutil.rmtree(aside)
