"""What a cohort survives, done to it for real: processes killed, a scheduler gone, a disk full, five hundred pairs.

Run by `scripts/test -m on_demand tests/cohort`.
"""

import csv
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from sarnet.cohort import Cluster, CohortPair, Row, open_cohort, own_cluster, running_cluster
from sarnet.cohort.receipt import is_valid
from sarnet.config import RegistrationSettings
from sarnet.errors import DataError, InputError

MakePairs = Callable[[int], list[CohortPair]]

PROGRAM = [sys.executable, "-c", "from sarnet.cli.main import main; main()"]
PATIENCE_SECONDS = 120.0
"""What all waits of a test take together at most."""

pytestmark = pytest.mark.on_demand


class Deadline:
    """When a test has waited long enough."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds until then."""
        return self._end - time.monotonic()

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Wait until something is so; fail if it is not in time."""
        while not condition():
            assert self.left() > 0
            time.sleep(0.005)


@pytest.fixture
def deadline(cluster: Cluster) -> Deadline:
    """It begins when the workers that all tests share are there."""
    return Deadline(PATIENCE_SECONDS)


def _finish(
    pairs: list[CohortPair], out: Path, settings: RegistrationSettings, cluster: Cluster, *, resume: bool = False
) -> list[Row]:
    with open_cohort(pairs, out, settings, resume=resume) as cohort:
        done = [each.pair.id for each in cohort.register(cluster)]
        assert sorted(done) == sorted(pair.id for pair in cohort.left)
        return cohort.summarise()


def _assert_whole(pairs: list[CohortPair], out: Path) -> None:
    """Every pair has one valid folder, and there is nothing else."""
    assert all(is_valid(pair, out / pair.folder) for pair in pairs)
    assert sorted(path.name for path in (out / "pairs").iterdir()) == sorted(pair.id for pair in pairs)


def _inodes(pairs: list[CohortPair], out: Path) -> dict[str, int]:
    """Which file is the receipt of each pair that is done: a pair that is done again has another."""
    receipts = {pair.id: out / pair.folder / "receipt.json" for pair in pairs}
    return {id_: path.stat().st_ino for id_, path in receipts.items() if path.exists()}


def test_workers_killed_in_mid_pair_cost_nothing(
    pairs: MakePairs, affine: RegistrationSettings, tmp_path: Path, deadline: Deadline
) -> None:
    made, out = pairs(12), tmp_path / "out"
    with own_cluster(2) as cluster, open_cohort(made, out, affine, resume=False) as cohort:
        first = set(cluster.ask(os.getpid).values())
        running = cohort.register(cluster)
        done = [next(running).pair.id]

        deadline.wait_for(lambda: list((out / "pairs").glob(".p*")))  # a folder is half written
        for process in first:
            os.kill(process, signal.SIGKILL)  # type: ignore[arg-type]
        done += [each.pair.id for each in running]
        rows = cohort.summarise()

        assert first.isdisjoint(cluster.ask(os.getpid).values())
    assert sorted(done) == sorted(pair.id for pair in made)
    assert {row.state for row in rows} == {"done"}
    with open_cohort(made, out, affine, resume=True) as cohort:
        assert cohort.left == ()
    _assert_whole(made, out)


WORKER = ["-m", "distributed.cli.dask_worker"]
OLDER_WORKER = [
    "-c",
    "import sarnet; sarnet.__version__ = '0.0.1'; from distributed.cli.dask_worker import main; main()",
]


@contextmanager
def _standing_cluster(port: int, worker: list[str] = WORKER) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A scheduler and two workers in processes of their own, as on a cluster."""
    address = f"tcp://127.0.0.1:{port}"
    words = [
        ["-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"],
        *[[*worker, address, "--nthreads", "1", "--no-nanny", "--no-dashboard"]] * 2,
    ]
    processes = [
        subprocess.Popen([sys.executable, *each], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for each in words
    ]
    try:
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def test_scheduler_lost_and_found_goes_on_where_it_was(
    pairs: MakePairs, affine: RegistrationSettings, tmp_path: Path, deadline: Deadline
) -> None:
    made, out, port = pairs(12), tmp_path / "out", _free_port()
    address = f"tcp://127.0.0.1:{port}"
    with _standing_cluster(port) as processes:
        deadline.wait_for(lambda: _listens(port))
        with (
            running_cluster(address, patience_seconds=deadline.left()) as cluster,
            open_cohort(made, out, affine, resume=False) as cohort,
        ):
            running = cohort.register(cluster)
            done = [next(running).pair.id, next(running).pair.id]

            for process in processes:
                process.kill()
                process.wait()
            with _standing_cluster(port):
                done += [each.pair.id for each in running]
            rows = cohort.summarise()

    assert sorted(done) == sorted(pair.id for pair in made)
    assert {row.state for row in rows} == {"done"}
    _assert_whole(made, out)


def test_workers_of_another_version_are_refused_by_name(
    pairs: MakePairs, affine: RegistrationSettings, tmp_path: Path, deadline: Deadline
) -> None:
    port = _free_port()
    with _standing_cluster(port, OLDER_WORKER):
        deadline.wait_for(lambda: _listens(port))
        with (
            running_cluster(f"tcp://127.0.0.1:{port}") as cluster,
            open_cohort(pairs(1), tmp_path / "out", affine, resume=False) as cohort,
        ):
            deadline.wait_for(lambda: cluster.ask(os.getpid))
            with pytest.raises(InputError, match=r"worker tcp://.* has sarnet 0\.0\.1, but this is"):
                list(cohort.register(cluster))

    assert not (tmp_path / "out" / "pairs").exists()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


LAST_RUN_SECONDS = 60.0
"""What of the patience is kept for the run that is not killed."""


def test_program_killed_at_twenty_moments_and_resumed_does_every_pair_once(
    pairs: MakePairs, affine: RegistrationSettings, cluster: Cluster, tmp_path: Path, deadline: Deadline
) -> None:
    made, out, port = pairs(40), tmp_path / "out", _free_port()
    undisturbed = _finish(made, tmp_path / "undisturbed", affine, cluster)
    table = tmp_path / "pairs.csv"
    lines = [f"{pair.id},{pair.files.fixed},{pair.files.moving}" for pair in made]
    table.write_text("\n".join(["id,fixed,moving", *lines]) + "\n")
    words = ["cohort", str(table), "--out", str(out), "--transform", "affine", "--no-report", "--resume"]
    chance = random.Random(8)
    seen: dict[str, int] = {}

    with _standing_cluster(port):
        deadline.wait_for(lambda: _listens(port))
        for kill in range(20):
            # on a cluster whose workers go on without us, or with workers of our own that die with us
            own = kill % 5 == 4
            where = ["--workers", "2"] if own else ["--scheduler", f"tcp://127.0.0.1:{port}"]
            wanted = len(seen) + chance.choice([0, 0, 1, 2, 3])
            # on a machine with much else to do it is killed earlier: any moment will do
            share = Deadline((deadline.left() - LAST_RUN_SECONDS) / (20 - kill))
            program = subprocess.Popen([*PROGRAM, *words, *where], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while share.left() > 0 and len(_inodes(made, out)) < wanted and program.poll() is None:
                time.sleep(0.005)
            time.sleep(min(chance.uniform(0, 0.3 if len(seen) < wanted else 6), max(0, share.left())))
            assert program.poll() in (None, 0)
            program.kill()
            program.wait()
            now = _inodes(made, out)
            assert seen.items() <= now.items()  # what was done stayed as it was
            seen = now
        last = subprocess.run(
            [*PROGRAM, *words, "--scheduler", f"tcp://127.0.0.1:{port}"],
            capture_output=True,
            encoding="utf-8",
            check=True,
            timeout=deadline.left(),
        )

    assert "40 pairs: 40 registered, 0 failed." in last.stdout
    assert seen.items() <= _inodes(made, out).items()
    _assert_whole(made, out)
    with (
        (out / "summary.csv").open(newline="") as here,
        (tmp_path / "undisturbed/summary.csv").open(newline="") as there,
    ):
        rows, wanted_rows = ([{**row, "seconds": ""} for row in csv.DictReader(file)] for file in (here, there))
    assert rows == wanted_rows
    assert [row["id"] for row in _rows(out)] == [row.id for row in undisturbed]


def _rows(out: Path) -> list[dict[str, str]]:
    """The summary, but for the seconds, which are of the machine."""
    with (out / "summary.csv").open(newline="", encoding="utf-8") as file:
        return [{**row, "seconds": ""} for row in csv.DictReader(file)]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=False)
    if made.returncode:
        pytest.skip("mounting a small disk takes the rights to")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def _remount(disk: Path, option: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{option}", str(disk)], check=True)


def test_full_disk_stops_the_run_and_is_gone_on_from(
    pairs: MakePairs, affine: RegistrationSettings, cluster: Cluster, small_disk: Path
) -> None:
    made, out = pairs(40), small_disk / "out"
    (small_disk / "ballast").write_bytes(bytes(1_700_000))

    with pytest.raises(
        DataError, match=r"out .* cannot be written: No space left on device: put that right, then go on with --resume"
    ):
        _finish(made, out, affine, cluster)
    done = _inodes(made, out)
    assert all(is_valid(pair, out / pair.folder) for pair in made if pair.id in done)
    assert 0 < len(done) < 40

    (small_disk / "ballast").unlink()
    _remount(small_disk, "size=30m")
    rows = _finish(made, out, affine, cluster, resume=True)

    assert {row.state for row in rows} == {"done"}
    assert done.items() <= _inodes(made, out).items()
    _assert_whole(made, out)


def test_folder_that_becomes_read_only_stops_the_run_and_is_gone_on_from(
    pairs: MakePairs, affine: RegistrationSettings, cluster: Cluster, small_disk: Path
) -> None:
    made, out = pairs(8), small_disk / "out"
    _remount(small_disk, "size=30m")
    _finish(made[:3], out, affine, cluster)
    done = _inodes(made, out)

    with open_cohort(made, out, affine, resume=True) as cohort:
        subprocess.run(["mount", "--bind", str(out / "pairs"), str(out / "pairs")], check=True)
        _remount(out / "pairs", "bind,ro")
        with pytest.raises(DataError, match=r"out .* cannot be written: Read-only file system"):
            list(cohort.register(cluster))
        assert _inodes(made, out) == done
        subprocess.run(["umount", str(out / "pairs")], check=True)
    rows = _finish(made, out, affine, cluster, resume=True)

    assert {row.state for row in rows} == {"done"}
    assert done.items() <= _inodes(made, out).items()
    _assert_whole(made, out)


def test_memory_stays_flat_over_five_hundred_pairs(
    pairs: MakePairs, affine: RegistrationSettings, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    made = pairs(500)
    megabytes: list[list[float]] = []
    with own_cluster(2) as cluster, open_cohort(made, tmp_path / "out", affine, resume=False) as cohort:
        for number, _ in enumerate(cohort.register(cluster), start=1):
            if number % 100 == 0:
                megabytes.append([_resident(), *map(float, cluster.ask(_resident).values())])  # type: ignore[arg-type]

    growth = [last - early for early, last in zip(megabytes[0], megabytes[-1], strict=True)]
    assert max(growth) < 30, megabytes  # of this process and of both workers, after each hundred pairs
    record_property("megabytes after each hundred pairs", megabytes)


def _resident() -> float:
    return psutil.Process().memory_info().rss / 1e6
