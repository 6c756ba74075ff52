#!/usr/bin/env python3
"""Measure the memory and the time of registering a pair of large volumes: the packaged pair, resampled.

    python scripts/volume_memory.py 256 [--threads 1] docs/results/volume-memory.json

Memory is the most that the process held while it read, registered and wrote, libraries and network included. The pair's
files are read and its results written, as by a worker of a cohort; ``seconds`` is registration alone.
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from sarnet.benchmark.hardware import hardware
from sarnet.benchmark.memory import peak_memory
from sarnet.config import CurationSettings, RegistrationSettings
from sarnet.curation.placing import wanted_grid
from sarnet.images import Image, resample, sample_pair, write_image
from sarnet.networks import load_generator
from sarnet.registration import PairFiles, read_pair, register_images, write_registration


def main(voxels: int, out: Path, threads: Annotated[int, typer.Option()] = 2) -> None:
    """Register once by the defaults, print and write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = PairFiles(fixed=folder / "fixed.nii.gz", moving=folder / "moving.nii.gz")
        pair = sample_pair(3)
        write_image(_resampled(pair.fixed, voxels), files.fixed)
        write_image(_resampled(pair.moving, voxels), files.moving)
        settings, result = RegistrationSettings(threads=threads), folder / "result"
        result.mkdir()
        begin, processor = time.perf_counter(), time.process_time()
        with peak_memory() as memory:
            registration = register_images(read_pair(files), settings, load_generator(settings.model))
            write_registration(registration, result, inputs=files.inputs())
        elapsed, processor = time.perf_counter() - begin, time.process_time() - processor
        written = sum(path.stat().st_size for path in result.iterdir())
    record = registration.record
    found = {
        "voxels": voxels,
        "threads": threads,
        "peak_memory_mb": memory.megabytes,
        "seconds": round(record.seconds, 2),
        "seconds_with_files": round(elapsed, 2),
        "processor_seconds_with_files": round(processor, 2),
        "megabytes_written": round(written / 1e6),
        "seconds_by_stage": {name: round(value, 2) for name, value in record.seconds_by_stage.items()},
        "similarity": [round(record.similarity_before, 3), round(record.similarity_after, 3)],
        "hardware": hardware(),
    }
    print(found)
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _resampled(image: Image, voxels: int) -> Image:
    return resample(image, wanted_grid(image.grid, CurationSettings(size=voxels)))


if __name__ == "__main__":
    typer.run(main)
