#!/usr/bin/env python3
"""Measure what spreading pairs costs and gains, and write it down.

    python scripts/cohort_scale.py throughput docs/results/cohort-throughput.json
    python scripts/cohort_scale.py scheduler 100000 docs/results/cohort-scheduler.json

throughput: the packaged slices, deformed at random, registered with their results written, by one process in a loop and
by two workers, in turns; the process and the workers have registered a pair before. scheduler: pairs that do nothing,
through the same code: seconds and memory of the process that holds scheduler and client, and of the workers.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from scipy import ndimage

from sarnet.benchmark.hardware import hardware
from sarnet.cohort import CohortPair, open_cohort, own_cluster
from sarnet.cohort.job import Job, worker_state
from sarnet.cohort.pair import folder_of
from sarnet.config import RegistrationSettings
from sarnet.images import Image, sample_files, sample_pair, write_image
from sarnet.registration import PairFiles

PAIRS_OF_A_TURN = 12
TURNS = 4
WORKERS = 2


def throughput() -> dict[str, object]:
    """Pairs a second by a loop and by workers."""
    settings = RegistrationSettings(threads=1)
    turns = []
    with tempfile.TemporaryDirectory() as name, sample_files() as files, own_cluster(WORKERS) as cluster:
        folder = Path(name)
        pairs = [_pair(folder, index, files.fixed) for index in range(PAIRS_OF_A_TURN + WORKERS)]
        job = Job(out=folder / "loop-warm", settings=settings, expected=worker_state(settings))
        job(pairs[0])
        with open_cohort(pairs, folder / "warm", settings, resume=False) as cohort:
            list(cohort.register(cluster))
        for turn in range(TURNS):
            some = pairs[:PAIRS_OF_A_TURN]
            loop = Job(out=folder / f"loop-{turn}", settings=settings, expected=worker_state(settings))
            begin = time.perf_counter()
            assert all(loop(pair).reason is None for pair in some)
            alone = time.perf_counter() - begin
            with open_cohort(some, folder / f"cohort-{turn}", settings, resume=False) as cohort:
                begin = time.perf_counter()
                assert all(each.reason is None for each in cohort.register(cluster))
                together = time.perf_counter() - begin
            turns.append({"loop_seconds": alone, "workers_seconds": together, "ratio": alone / together})
            print(turns[-1], flush=True)
    return {
        "pairs_of_a_turn": PAIRS_OF_A_TURN,
        "workers": WORKERS,
        "turns": turns,
        "ratio_median": float(np.median([turn["ratio"] for turn in turns])),
    }


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
