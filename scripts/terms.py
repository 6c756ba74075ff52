#!/usr/bin/env python3
"""Measure what each term of the objective buys: short equal trainings of the second stage, each without one term.

    python scripts/terms.py docs/results/terms.json --visits visits.csv --vgg vgg16.safetensors --brain2d brain2d

Every training begins with ``sarnet-cxr-initial`` and is that of configs/cpu.toml, shortened to STEPS steps of two
pairs at a lower rate. Afterwards: X-rays deformed by known fields (the forward pass), and brain slices with the last
layer adapted. A row for each training, and one for the weights before any; rows that are there are kept, so that it
can be stopped anywhere.
"""

import json
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from sarnet import __version__
from sarnet.benchmark import Row, plan, summarise
from sarnet.benchmark.hardware import hardware
from sarnet.config import BenchmarkSettings, RegistrationSettings, TrainingSettings, read_settings
from sarnet.images import write_whole
from sarnet.training import train

CPU = Path(__file__).parent.parent / "configs" / "cpu.toml"
START = "sarnet-cxr-initial"
STEPS, RATE = 24, 2e-4
SHORT = (
    f"adversarial.steps={STEPS}",
    f"adversarial.warm_up_steps={STEPS // 4}",
    f"adversarial.learning_rate={RATE}",
    f"validate_steps={2 * STEPS}",
    'adversarial.sources=[{kind="simulated", pairs=1, masks=false}, {kind="patients", pairs=1}]',
)
X_RAYS, BRAINS = 16, 10
RECIPE = {"steps": STEPS, "learning_rate": RATE, "x_rays": X_RAYS, "brains": BRAINS}
"""Written into every row: those of another recipe are not mixed with these."""

TERMS: dict[str, tuple[str, ...]] = {
    "field": ("field", "field_length", "coarse_field"),
    **{
        name: (name,)
        for name in ("nmi", "ssim", "vgg", "adversarial", "cycle", "mask_overlap", "mask_supervision", "tie")
    },
    **{name: (name,) for name in ("lncc", "inverse_consistency", "smoothness", "folding")},
}
"""A line of the table to the weights it sets to zero; the known field counts in three forms, taken out together."""


def main(
    rows: Path,
    visits: Annotated[Path, typer.Option()],
    vgg: Annotated[Path, typer.Option()],
    brain2d: Annotated[Path, typer.Option()],
    seed: Annotated[list[int], typer.Option()] = [0, 1, 2],  # noqa: B006
    without: Annotated[list[str] | None, typer.Option(help="Only these: training, nothing, or a term.")] = None,
) -> None:
    """Train and measure what is not in ``rows`` yet."""
    found: list[dict[str, Any]] = json.loads(rows.read_text(encoding="utf-8")) if rows.exists() else []
    others = [row for row in found if any(row[name] != value for name, value in RECIPE.items())]
    if others:
        raise typer.BadParameter(f"{rows} has {len(others)} rows of another recipe than {RECIPE}: choose another file")
    done = {(row["without"], row["seed"]) for row in found}
    todo: list[tuple[str, int]] = [("training", 0)] if 0 in seed else []
    todo += [(term, each) for each in seed for term in ("nothing", *TERMS)]
    for term, each in [pair for pair in todo if pair not in done and (not without or pair[0] in without)]:
        begin = time.perf_counter()
        with tempfile.TemporaryDirectory() as out:
            weights = START if term == "training" else _train(term, each, visits, vgg, out)
            figures = _measure(weights, visits, brain2d)
        row = {"without": term, "seed": each, **RECIPE, **figures, "seconds": round(time.perf_counter() - begin, 1)}
        found.append(row | {"version": __version__, "hardware": hardware()})
        write_whole(rows, ("[\n" + ",\n".join(map(json.dumps, found)) + "\n]\n").encode())
        print(found[-1], flush=True)


def _train(without: str, seed: int, visits: Path, vgg: Path, out: str) -> str:
    off = [f"adversarial.weights.{name}=0" for name in TERMS.get(without, ())]
    changed = [*SHORT, f"visits={visits}", f"vgg={vgg}", f"out={out}", f"seed={seed}", *off]
    return str(train(read_settings(TrainingSettings, CPU, changed))[0])


def _measure(weights: str, visits: Path, brain2d: Path) -> dict[str, float | None]:
    x_rays = _rows(
        BenchmarkSettings(
            protocol="simulated-xray",
            data=visits,
            dataset="shenzhen",
            most_pairs=X_RAYS,
            registration=RegistrationSettings(model=weights, adapt="none"),
        )
    )
    brains = _rows(
        BenchmarkSettings(
            protocol="brain2d",
            data=brain2d,
            most_pairs=BRAINS,
            registration=RegistrationSettings(model=weights, adapt="last-layer"),
        )
    )
    simulated, carried = summarise(list(x_rays)), summarise(list(brains))
    return {
        "relative_field_error": simulated.relative_field_error,
        "lung_dice": simulated.dice,
        "folding_percent": simulated.folding_percent,
        "inverse_consistency_voxels": simulated.inverse_consistency_voxels,
        "brain2d_dice": carried.dice,
        "brain2d_folding_percent": carried.folding_percent,
    }


def _rows(settings: BenchmarkSettings) -> Iterable[Row]:
    return plan(settings).measure(frozenset())


if __name__ == "__main__":
    typer.run(main)
