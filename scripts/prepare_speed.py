#!/usr/bin/env python3
"""Prepare a folder of real images by the command line, and write down what it took.

    python scripts/prepare_speed.py DATA docs/results/prepare.json

DATA has cxr/visits.csv, cardiac/frames.csv, brain2d/subjects.csv and brain3d/subjects.csv, with the images that they
list, brain2d/unlabelled/, brain3d/extra/ and liver/. Processor seconds are those of all processes, and so is memory:
the most that they held at one time, looked at ten times a second, what they share counted once.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from sarnet.benchmark.hardware import hardware
from sarnet.curation import read_manifest

PROGRAM = [sys.executable, "-c", "from sarnet.cli.main import main; main()", "data", "prepare"]


def main() -> None:
    """Run every case in turn, the first of them three times."""
    data, rows = Path(sys.argv[1]), Path(sys.argv[2])
    xrays = (
        "csv",
        data / "cxr" / "visits.csv",
    )
    cases = {
        "X-rays": ("xrays", xrays, ()),
        "X-rays, nothing to do": ("xrays", xrays, ()),
        "X-rays, nothing to do, --verify": ("xrays", xrays, ("--verify",)),
        "hearts": ("hearts", ("csv", data / "cardiac" / "frames.csv", "--set", "columns.visit=phase"), ()),
        "brain slices": (
            "slices",
            ("csv", data / "brain2d" / "subjects.csv", "--set", "columns.patient=subject"),
            (),
        ),
        "brain volumes": (
            "volumes",
            ("csv", data / "brain3d" / "subjects.csv", "--set", "columns.patient=subject"),
            (),
        ),
        "brain volumes, aligned": (
            "aligned",
            ("csv", data / "brain3d" / "subjects.csv", "--set", "columns.patient=subject"),
            ("template=mni", "spacing_mm=1", "size=256", "normalise=true", "atlas=true"),
        ),
        "brain slices without labels": ("unlabelled", ("folder", data / "brain2d" / "unlabelled"), ()),
        "a brain volume with 46 structures": ("extra", ("folder", data / "brain3d" / "extra"), ()),
        "livers": ("livers", ("folder", data / "liver"), ()),
    }
    runs = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (out, words, more) in cases.items():
            changed = [word for setting in more for word in (("--set", setting) if "=" in setting else (setting,))]
            runs.append(
                {"name": name, **_measured([*words, "--out", Path(folder) / out, *changed], Path(folder) / out)}
            )
            print(runs[-1], flush=True)
    result = {"hardware": hardware(), "runs": runs}
    rows.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _measured(words: list[object], out: Path) -> dict[str, object]:
    begin, most = time.perf_counter(), 0
    process = subprocess.Popen(  # noqa: S603  # our own program
        [*PROGRAM, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    watched = psutil.Process(process.pid)
    while True:
        found, status, used = os.wait4(process.pid, os.WNOHANG)
        if found:
            break
        most = max(most, _held(watched))
        time.sleep(0.1)
    seconds = time.perf_counter() - begin
    if os.waitstatus_to_exitcode(status):
        assert process.stderr is not None
        sys.exit(f"{words}: {process.stderr.read().decode()[-500:]}")
    return {
        "images": len(read_manifest(out)),
        "seconds": round(seconds, 2),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak_memory_mb": round(most / 2**20),
    }


def _held(process: psutil.Process) -> int:
    """Bytes of a process and its children."""
    held = 0
    with contextlib.suppress(psutil.Error):  # some may have ended meanwhile
        for each in (process, *process.children(recursive=True)):
            held += each.memory_full_info().pss
    return held


if __name__ == "__main__":
    main()
