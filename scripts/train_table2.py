#!/usr/bin/env python3
"""Train what Table 2 compares: every network on brains or hearts, fold by fold, and on X-rays, each on as many pairs.

    sarnet data prepare csv brain2d/subjects.csv --out brains --set columns.patient=subject --set columns.mask=labels \
        --set 'mask_values=[4,43,10,49,11,50,12,51]' --set normalise=true
    sarnet data split brains --folds 5
    python scripts/train_table2.py weights/table2 --folds brains --x-rays visits.csv --vgg vgg16.safetensors

    sarnet data prepare csv cardiac/frames.csv --out hearts --set slices=middle --set columns.patient=patient \
        --set columns.visit=phase --set columns.mask=labels --set 'mask_values=[1,2,3]' --set normalise=true
    sarnet data split hearts --folds 5
    python scripts/train_table2.py weights/table2-hearts --folds hearts --vgg vgg16.safetensors

The mask that feeds the segmentation terms is of the training subjects alone: of brains one of ventricles, thalami,
caudate nuclei and putamina, of hearts one of both ventricles and the muscle. Every network has its own recipe
(configs/), shortened to 1,600 pairs. Weights that are there are kept, and a training that was stopped goes on; what is
written is the generator alone, in half precision.
"""

from pathlib import Path
from typing import Annotated

import torch
import typer

from sarnet.config import TrainingSettings, read_settings
from sarnet.networks.weights import read_weights, write_weights
from sarnet.training import train

CONFIGS = Path(__file__).parent.parent / "configs"
FOLDS = 5
INITIAL, SECOND, PEER = 300, 133, 400
"""Steps of 4, 3 and 4 pairs: 1,600 pairs for this package's network in its two stages, and as many for every other."""

NETWORKS: dict[str, tuple[str, ...]] = {
    "sarnet": (),
    "sarnoseg": (
        "generator.segments=false",
        "adversarial.weights.mask_overlap=0",
        "adversarial.weights.mask_supervision=0",
    ),
    "voxelmorph": (),
    "dirnet": (),
    "flownet": (),
}


def main(
    out: Path,
    folds: Annotated[Path, typer.Option(help="Folder that was prepared, and split into five folds.")],
    vgg: Annotated[Path, typer.Option()],
    x_rays: Annotated[
        Path | None, typer.Option(help="CSV of the X-rays to train on as long; nothing if left out.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Names such as fold-1-dirnet; all where left out.")] = None,
    runs: Path = Path("runs/table2"),
) -> None:
    """Train what is not in ``out`` yet."""
    sources = {f"fold-{fold}": (f"visits={folds / f'fold-{fold}.csv'}", "dataset=csv") for fold in range(1, FOLDS + 1)}
    if x_rays is not None:
        sources = {"x-rays": (f"visits={x_rays}", "dataset=shenzhen"), **sources}
    for of, data in sources.items():
        for network, changes in NETWORKS.items():
            name, to = f"{of}-{network}", out / f"{of}-{network}.safetensors"
            if to.exists() or (only and name not in only):
                continue
            first = runs / of
            if network in ("sarnet", "sarnoseg"):
                begun = _train("initial", first, *data, f"initial.steps={INITIAL}")
                second = (f"start={begun}", f"vgg={vgg}", f"adversarial.steps={SECOND}", *changes)
                weights = _train("cpu", runs / name, *data, *second)
            else:
                weights = _train(network, runs / name, *data, f"peer.steps={PEER}", *changes)
            _write_small(weights, to)
            print(to, flush=True)


def _train(config: str, out: Path, *changes: str) -> Path:
    settings = read_settings(TrainingSettings, CONFIGS / f"{config}.toml", [*changes, f"out={out}"])
    return train(settings, resume=any(out.glob("*/checkpoint.pt")))[0]


def _write_small(weights: Path, to: Path) -> None:
    tensors, metadata = read_weights(weights, name=str(weights))
    own = {name: each for name, each in tensors.items() if not name.startswith(("reverse.", "discriminator."))}
    metadata.pop("discriminator", None)
    to.parent.mkdir(parents=True, exist_ok=True)
    write_weights({name: each.to(torch.float16) for name, each in own.items()}, to, metadata=metadata)


if __name__ == "__main__":
    typer.run(main)
