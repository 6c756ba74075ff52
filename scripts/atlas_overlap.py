#!/usr/bin/env python3
"""Measure how well the labels of brain2d agree before and after an atlas is made of it, and what its rounds came to.

    sarnet atlas IMAGES.csv --out DIR                           # columns image, labels and id
    python scripts/atlas_overlap.py IMAGES.csv DIR docs/results/atlas-brain2d.json

Overlap is the mean Dice over all pairs of images, labels by nearest neighbour on the template's grid: as the images
lie, and through each round's transforms. Averaged over the 22 structures of the protocol; of the lateral ventricles as
one structure; and of what of them is dark in its image, below 0.6 of the brain's upper quartile: the labels hold other
pixels, too.
"""

import json
import sys
from itertools import combinations
from pathlib import Path

import numpy as np

from sarnet.benchmark.brains import STRUCTURES
from sarnet.cohort import CohortImage, find_images
from sarnet.images import Grid, Image, read_image, read_labels
from sarnet.registration import read_record
from sarnet.transforms import Transform, apply, read_transform

VENTRICLES = (4, 43)
DARK = 10_000
"""Added to a label where the image is dark."""
EVERY = STRUCTURES["brain2d"]


def labels_of(image: CohortImage, transform: Transform, grid: Grid) -> np.ndarray:
    """Labels on the template's grid, the ventricles' dark part among them as ``DARK``."""
    assert image.labels is not None
    shown, labels = read_image(image.image), read_labels(image.labels).array
    dark = shown.array < 0.6 * np.quantile(shown.array[shown.array > 0], 0.75)
    labels = np.where(np.isin(labels, VENTRICLES) & dark, labels + DARK, labels)
    return apply(transform, Image(array=labels, grid=shown.grid), grid, interpolation="nearest", outside=0).array


def mean_dice(maps: list[np.ndarray], labels: tuple[int, ...]) -> float:
    """Of the union of labels, over all pairs of label maps."""
    masks = [np.isin(each, labels) for each in maps]
    return float(np.mean([2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in combinations(masks, 2)]))


def overlaps(maps: list[np.ndarray]) -> dict[str, float]:
    """All three figures."""
    dark = tuple(label + DARK for label in VENTRICLES)
    each = [(label, label + DARK) if label in VENTRICLES else (label,) for label in EVERY]
    return {
        "dice": float(np.mean([mean_dice(maps, labels) for labels in each])),
        "dice_ventricles": mean_dice(maps, VENTRICLES + dark),
        "dice_ventricles_dark": mean_dice(maps, dark),
    }


def main(table: Path, atlas: Path, out: Path) -> None:
    """Print a line for each round, and write all of them."""
    images = find_images(table)
    grid = read_image(atlas / "template.nii.gz").grid
    rows = [{"round": 0, **overlaps([labels_of(image, Transform.identity(grid), grid) for image in images])}]
    found: dict[str, object] = {"images": len(images), "rounds": rows}
    for path in sorted(atlas.glob("round-*/round.json"), key=lambda path: int(path.parent.name.partition("-")[2])):
        told = json.loads(path.read_text(encoding="utf-8"))
        records = [read_record(path.parent / "pairs" / image.id) for image in images]
        maps = [
            labels_of(image, read_transform(path.parent / "pairs" / image.id / record.files.transform), grid)
            for image, record in zip(images, records, strict=True)
        ]
        figures = {name: told[name] for name in ("similarity", "drift_mm", "change")}
        rows.append({"round": told["number"], **overlaps(maps), **figures})
        found |= {name: getattr(records[0], name) for name in ("version", "model", "weights_sha256", "settings")}
        print("  ".join(f"{name} {value:.4f}" for name, value in rows[-1].items()), flush=True)
    print("as they lie:", rows[0])
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:4]))
