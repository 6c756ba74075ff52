#!/usr/bin/env python3
"""Measure how often the network takes images for those it was trained on: X-rays of chests and others.

    python scripts/known_images.py docs/results/known.json --visits visits.csv --brain2d brain2d --cardiac cardiac

What it knows is registered by its own masks and by settings of its own (`known_to_network` in the record). An entry for
each kind of image: how many pairs there are, and of how many it knew both images.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from sarnet.benchmark.pairs import DATA_SETS
from sarnet.config import BenchmarkSettings, RegistrationSettings
from sarnet.networks import load_generator
from sarnet.registration import register


def main(
    out: Path,
    visits: Annotated[Path, typer.Option()],
    brain2d: Annotated[Path, typer.Option()],
    cardiac: Annotated[Path, typer.Option()],
) -> None:
    """Register every pair by the forward pass, print and write."""
    x_rays: dict[str, Any] = {"protocol": "xray", "data": visits, "shifts": (1,), "split": "all"}
    kinds: dict[str, dict[str, Any]] = {
        "Shenzhen, test split": {**x_rays, "dataset": "shenzhen", "split": "test"},
        "Montgomery": {**x_rays, "dataset": "montgomery"},
        "visits of one patient (covid-chestxray)": {**x_rays, "dataset": "followup", "shifts": "visits"},
        "brain slices": {"protocol": "brain2d", "data": brain2d, "shifts": (1, 3)},
        "hearts": {"protocol": "cardiac", "data": cardiac},
    }
    loaded, how = load_generator(), RegistrationSettings(adapt="none")
    entries = []
    for kind, chosen in kinds.items():
        settings = BenchmarkSettings.model_validate(chosen)
        pairs = [case.load() for case in DATA_SETS[settings.protocol](settings)]
        known = [register(pair.fixed, pair.moving, how, loaded=loaded).record.known_to_network for pair in pairs]
        entries.append({"images": kind, "pairs": len(known), "known": sum(map(bool, known))})
        print(entries[-1], flush=True)
    out.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
