#!/usr/bin/env python3
"""Measure what `--similarity` does where the two images have another contrast: brain slices with remapped intensities.

    python scripts/contrasts.py brain2d docs/results/contrasts.json

The moving image of each pair of the second half goes through a random piecewise linear map of intensities, that rises
(as two exposures do) or does not (as T1 and T2 do not), or through none; then it is registered by local correlation, by
mutual information and by what `auto` chooses. An entry for each.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from sarnet.benchmark.brains import brain_cases
from sarnet.config import BenchmarkSettings, RegistrationSettings
from sarnet.images import Image
from sarnet.metrics import dice
from sarnet.networks import load_generator
from sarnet.registration import register
from sarnet.transforms import apply

Contrast = Literal["the same", "rising", "neither rising nor falling"]

PAIRS, KNOTS = 10, 6
SIMILARITIES = ("lncc", "nmi", "auto")
LEAST = 0.15
"""Of the range: what is tissue does not become background."""


def main() -> None:
    """Register, print and write."""
    settings = BenchmarkSettings(protocol="brain2d", data=Path(sys.argv[1]), subjects="second", shifts=(1,))
    entries, loaded = list[dict[str, object]](), load_generator()
    contrasts: tuple[Contrast, ...] = ("the same", "rising", "neither rising nor falling")
    for number, case in enumerate(brain_cases(settings)[:PAIRS]):
        pair = case.load()
        assert pair.labels is not None
        for contrast in contrasts:
            moving = _remapped(pair.moving, contrast, np.random.default_rng(number))
            for similarity in SIMILARITIES:
                how = RegistrationSettings.model_validate({"similarity": similarity, "threads": 2})
                found = register(pair.fixed, moving, how, loaded=loaded)
                warped = apply(found.transform, pair.labels.moving, pair.fixed.grid, interpolation="nearest", outside=0)
                overlaps = dice(pair.labels.fixed.array, warped.array, labels=pair.structures)
                entry = {
                    "contrast": contrast,
                    "pair": case.name,
                    "similarity": similarity,
                    "chose_nmi": found.record.similarity == "nmi",
                    "dice": round(float(np.nanmean(list(overlaps.values()))), 4),
                }
                entries.append(entry)
                print(entry, flush=True)
    Path(sys.argv[2]).write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")


def _remapped(image: Image, contrast: Contrast, rng: np.random.Generator) -> Image:
    if contrast == "the same":
        return image
    values = image.array.astype(np.float64)
    highest = np.quantile(values[values > 0], 0.995)
    knots = rng.uniform(LEAST, 1, KNOTS)
    if contrast == "rising":
        knots = np.sort(knots)
    else:
        while (np.diff(knots) > 0).all() or (np.diff(knots) < 0).all():
            rng.shuffle(knots)
    mapped = np.interp((values / highest).clip(0, 1), np.linspace(0, 1, KNOTS), knots) * highest
    return replace(image, array=np.where(values > 0, mapped, values).astype(np.float32))


if __name__ == "__main__":
    main()
