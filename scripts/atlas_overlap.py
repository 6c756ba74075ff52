#!/usr/bin/env python3
"""Measure how well the labels of an atlas's images agree before and after, and write what its rounds came to.

    sarnet atlas IMAGES.csv --out DIR
    python scripts/atlas_overlap.py IMAGES.csv DIR 4,43 docs/results/atlas-brain2d.json

The table has the columns image and labels. A structure is the union of the labels that are given; its overlap is the
mean Dice over all pairs of images, on the template's grid: as the images lie, and through each round's transforms.
"""

import json
import sys
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import numpy as np

from sarnet.cohort import CohortImage, find_images
from sarnet.images import Grid, Image, read_image, read_labels
from sarnet.registration import read_record
from sarnet.transforms import Transform, apply, read_transform


def structure(image: CohortImage, labels: list[int], transform: Transform, grid: Grid) -> np.ndarray:
    """Where the structure is, on the template's grid."""
    assert image.labels is not None
    found = read_labels(image.labels)
    mask = Image(array=np.isin(found.array, labels).astype(np.uint8), grid=read_image(image.image).grid)
    return apply(transform, mask, grid, interpolation="nearest", outside=0).array > 0


def mean_dice(masks: list[np.ndarray]) -> float:
    """Over all pairs of masks."""
    overlaps = [2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in combinations(masks, 2)]
    return float(np.mean(overlaps))


def rounds(atlas: Path) -> Iterator[Path]:
    """Folders of the rounds, the first one first."""
    yield from sorted(atlas.glob("round-*/round.json"), key=lambda path: int(path.parent.name.split("-")[1]))


def main(table: Path, atlas: Path, labels: list[int], out: Path) -> None:
    """Print a line for each round, and write all of them."""
    images = find_images(table)
    grid = read_image(atlas / "template.nii.gz").grid
    lying = [structure(image, labels, Transform.identity(grid), grid) for image in images]
    found: dict[str, object] = {"images": len(images), "labels": labels, "dice_before": mean_dice(lying), "rounds": []}
    print(f"as they lie: Dice {found['dice_before']:.4f}")
    for path in rounds(atlas):
        told = json.loads(path.read_text(encoding="utf-8"))
        masks, settings = [], {}
        for image in images:
            folder = path.parent / "pairs" / image.id
            record = read_record(folder)
            settings = {"version": record.version, "model": record.model, "settings": record.settings}
            masks.append(structure(image, labels, read_transform(folder / record.files.transform), grid))
        figures = {name: told[name] for name in ("number", "similarity", "drift_mm", "change")}
        found["rounds"] += [{**figures, "dice": mean_dice(masks)}]
        found |= settings
        print("  ".join(f"{name} {value:.4f}" for name, value in found["rounds"][-1].items()))
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), [int(label) for label in sys.argv[3].split(",")], Path(sys.argv[4]))
