#!/usr/bin/env python3
"""Measure the memory and the time of registering a pair of large volumes: the packaged pair, resampled.

    python scripts/volume_memory.py 256 docs/results/volume-memory.json

Memory is the most that the process held from its start on, libraries, network and both images included.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

from sarnet.benchmark.hardware import hardware
from sarnet.benchmark.memory import peak_memory
from sarnet.config import RegistrationSettings
from sarnet.images import Grid, Image, resample, sample_pair
from sarnet.registration import register


def main() -> None:
    """Register once by the defaults, print and write."""
    voxels, pair = int(sys.argv[1]), sample_pair(3)
    with peak_memory() as memory:
        fixed, moving = (resample(image, _grid(image, voxels)) for image in (pair.fixed, pair.moving))
        record = register(fixed, moving, RegistrationSettings(threads=2)).record
    found = {
        "voxels": voxels,
        "peak_memory_mb": memory.megabytes,
        "seconds": round(record.seconds, 2),
        "seconds_by_stage": {name: round(value, 2) for name, value in record.seconds_by_stage.items()},
        "similarity": [round(record.similarity_before, 3), round(record.similarity_after, 3)],
        "hardware": hardware(),
    }
    print(found)
    Path(sys.argv[2]).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def _grid(image: Image, voxels: int) -> Grid:
    """The image's extent in so many voxels along each axis."""
    spacing = [size * spacing / voxels for size, spacing in zip(image.grid.size, image.grid.spacing, strict=True)]
    return replace(image.grid, size=(voxels,) * 3, spacing=tuple(spacing))


if __name__ == "__main__":
    main()
