#!/usr/bin/env python3
"""Measure what spreading pairs costs and gains, and write it down.

    python scripts/cohort_scale.py throughput docs/results/cohort-throughput.json
    python scripts/cohort_scale.py scheduler 100000 docs/results/cohort-scheduler.json

throughput: the packaged slices, deformed at random, registered with their results written, by one process in a loop, by
two workers, and by two plain processes with half of the pairs each and no Dask, which is what the machine allows; in
turns, all processes have registered a pair before. scheduler: pairs that do nothing, through the same code: seconds and
memory of the process that holds scheduler and client, and of the workers.
"""

import json
import multiprocessing
import sys
import tempfile
import time
from multiprocessing.pool import Pool
from pathlib import Path

import numpy as np
import psutil
from scipy import ndimage

from sarnet.benchmark.hardware import hardware
from sarnet.cohort import Cluster, CohortPair, open_cohort, own_cluster
from sarnet.cohort.job import Job, worker_state
from sarnet.cohort.pair import folder_of
from sarnet.config import RegistrationSettings
from sarnet.images import Image, sample_files, sample_pair, write_image
from sarnet.registration import PairFiles

PAIRS_OF_A_TURN = 24
TURNS = 5
WORKERS = 2


def throughput() -> dict[str, object]:
    """Seconds that a loop, workers and plain processes take for the same pairs."""
    settings = RegistrationSettings(threads=1)
    turns = []
    with (
        tempfile.TemporaryDirectory() as name,
        sample_files() as files,
        own_cluster(WORKERS) as cluster,
        multiprocessing.get_context("spawn").Pool(WORKERS) as processes,
    ):
        folder = Path(name)
        pairs = [_pair(folder, index, files.fixed) for index in range(PAIRS_OF_A_TURN)]
        for turn in range(-1, TURNS):  # the first of them warms up
            some = pairs[: PAIRS_OF_A_TURN if turn >= 0 else WORKERS]
            outs = [folder / f"{what}-{turn}" for what in ("loop", "workers", "processes")]
            taken = {
                "loop_seconds": _loop(some, outs[0], settings),
                "workers_seconds": _workers(some, outs[1], settings, cluster),
                "processes_seconds": _processes(some, outs[2], settings, processes),
            }
            if turn >= 0:
                turns.append(taken)
                print(taken, flush=True)

    def ratio(what: str) -> float:
        return float(np.median([turn["loop_seconds"] / turn[what] for turn in turns]))

    return {
        "pairs_of_a_turn": PAIRS_OF_A_TURN,
        "workers": WORKERS,
        "turns": turns,
        "workers_ratio_median": ratio("workers_seconds"),
        "processes_ratio_median": ratio("processes_seconds"),
    }


def _loop(pairs: list[CohortPair], out: Path, settings: RegistrationSettings) -> float:
    job = Job(out=out, settings=settings, expected=worker_state(settings))
    begin = time.perf_counter()
    assert all(job(pair).reason is None for pair in pairs)
    return time.perf_counter() - begin


def _workers(pairs: list[CohortPair], out: Path, settings: RegistrationSettings, cluster: Cluster) -> float:
    with open_cohort(pairs, out, settings, resume=False) as cohort:
        begin = time.perf_counter()
        assert all(each.reason is None for each in cohort.register(cluster))
        return time.perf_counter() - begin


def _processes(pairs: list[CohortPair], out: Path, settings: RegistrationSettings, processes: Pool) -> float:
    shares = [(pairs[worker::WORKERS], out, settings) for worker in range(WORKERS)]
    begin = time.perf_counter()
    processes.starmap(_loop, shares, chunksize=1)
    return time.perf_counter() - begin


def scheduler(count: int) -> dict[str, object]:
    """Time and memory of pairs that do nothing."""
    own, started = psutil.Process(), time.perf_counter()
    with own_cluster(WORKERS) as cluster:
        items = {f"pair-{index}": index for index in range(count)}
        before, processor = own.memory_info().rss, time.process_time()
        begin, largest, done = time.perf_counter(), 0, 0
        print(f"workers are there after {begin - started:.1f} s", flush=True)
        for _, result in cluster.spread(_nothing, items):
            assert result is None
            done += 1
            if done % 2_000 == 0:
                largest = max(largest, own.memory_info().rss)
                print(f"{done} after {time.perf_counter() - begin:.0f} s", flush=True)
        seconds, processor = time.perf_counter() - begin, time.process_time() - processor
        workers = [value for value in cluster.ask(_resident).values() if isinstance(value, int)]
    return {
        "pairs": done,
        "workers": WORKERS,
        "seconds": seconds,
        "processor_seconds": processor,
        "milliseconds_a_pair": 1e3 * seconds / done,
        "processor_milliseconds_a_pair": 1e3 * processor / done,
        "megabytes_before": before / 1e6,
        "megabytes_largest": largest / 1e6,
        "megabytes_of_workers": [size / 1e6 for size in workers],
    }


def _nothing(_: int) -> None:
    """A pair's work without any."""


def _resident() -> int:
    return int(psutil.Process().memory_info().rss)


def _pair(folder: Path, index: int, fixed: Path) -> CohortPair:
    """The packaged moving slice, deformed by an affine map out of a hat."""
    rng = np.random.default_rng(index)
    moving = sample_pair(2).moving
    array = ndimage.affine_transform(
        moving.array, np.eye(2) + rng.normal(scale=0.03, size=(2, 2)), offset=rng.normal(scale=3, size=2), order=1
    )
    path = folder / f"moving-{index}.nii.gz"
    write_image(Image(array=array, grid=moving.grid), path)
    return CohortPair(id=f"p{index}", files=PairFiles(fixed=fixed, moving=path), folder=folder_of(f"p{index}"))


if __name__ == "__main__":
    measured = throughput() if sys.argv[1] == "throughput" else scheduler(int(sys.argv[2]))
    measured["hardware"] = hardware()
    print(json.dumps(measured, indent=1))
    Path(sys.argv[-1]).write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
