#!/usr/bin/env python3
"""Prepare a real head as the volumes of ADNI are, and compare its brain with the one that others cut out.

    apt-get download mricron-data && dpkg -x mricron-data_*.deb mricron
    T=mricron/usr/share/mricron/templates
    python scripts/brain_extraction.py $T/ch2.nii.gz $T/ch2bet.nii.gz \
        docs/results/brain-extraction.json docs/brain-extraction.png

The head is put into a folder laid out as the archive's, as it lies and turned and moved as in another scanner, and
`sarnet data prepare adni` does the rest: the brain by deepbet, the template, 256^3 voxels, the average. Dice is of the
brain's mask: with the other mask (on the head's grid), and before and after alignment with the template's brain.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import typer
from matplotlib.lines import Line2D
from scipy.spatial.transform import Rotation

from sarnet.benchmark.hardware import hardware
from sarnet.config import CurationSettings
from sarnet.curation import read_manifest
from sarnet.curation.brain import extract_brain
from sarnet.images import Grid, Image, read_image, read_labels, resample, sample_pair, write_image
from sarnet.metrics import dice

PROGRAM = [sys.executable, "-c", "from sarnet.cli.main import main; main()", "data", "prepare", "adni"]
DEGREES, SHIFT_MM = (12.0, -9.0, 15.0), (25.0, -15.0, 10.0)
OTHER, OURS = "#2e6f95", "#d1495b"


def main(head: Path, brain: Path, out: Path, picture: Path) -> None:
    """Prepare both in one run, measure, and draw the head."""
    image = read_image(head)
    theirs = resample(read_image(brain), image.grid, interpolation="nearest").array > 0
    heads = {"as it lies": image, "turned and moved": replace(image, grid=_turned(image.grid))}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _archive(list(heads.values()), folder / "archive")
        begin = time.perf_counter()
        subprocess.run([*PROGRAM, folder / "archive", "--out", folder / "prepared"], check=True)  # noqa: S603  # our own
        seconds = round(time.perf_counter() - begin, 1)
        rows = read_manifest(folder / "prepared")
        masks = {how: _mask(each) for how, each in heads.items()}
        found = [
            {
                "head": how,
                "dice_with_other_mask": round(_dice(theirs, masks[how].array > 0), 4),
                "dice_with_template_before": round(_dice_with_template(masks[how]), 4),
                "dice_with_template_prepared": round(
                    _dice_with_template(read_labels(folder / "prepared" / row.mask)), 4
                ),
            }
            for how, row in zip(heads, rows, strict=True)
        ]
    measured = {"heads": found, "seconds": seconds, "hardware": hardware()}
    print(json.dumps(measured, indent=1))
    out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")
    _draw(image.array, theirs, masks["as it lies"].array > 0, picture)


def _turned(grid: Grid) -> Grid:
    """The grid turned about the world's origin and moved away from it."""
    turn = Rotation.from_euler("xyz", DEGREES, degrees=True).as_matrix()
    direction = turn @ np.array(grid.direction).reshape(3, 3)
    return replace(
        grid, direction=tuple(direction.ravel().tolist()), origin=tuple((turn @ grid.origin + SHIFT_MM).tolist())
    )


def _mask(head: Image) -> Image:
    _, mask = extract_brain(head, None, CurationSettings(brain="deepbet"))
    assert mask is not None
    return mask


def _archive(heads: list[Image], folder: Path) -> None:
    """Lay heads out as the archive's volumes are."""
    with_names = [(f"002_S_{number:04d}", f"I{number}", head) for number, head in enumerate(heads, start=1)]
    for subject, id_, head in with_names:
        scan = folder / "ADNI" / subject / "MP-RAGE" / "2006-04-18_08_20_30.0" / id_
        scan.mkdir(parents=True)
        write_image(head, scan / f"ADNI_{subject}_{id_}.nii")
    with (folder / "ADNI1.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Image Data ID", "Subject", "Group", "Visit"])
        writer.writerows([id_, subject, "CN", "sc"] for subject, id_, _ in with_names)


def _dice_with_template(mask: Image) -> float:
    template = sample_pair(3).fixed
    return _dice(template.array > 0, resample(mask, template.grid, interpolation="nearest").array > 0)


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return dice(one, other, labels=(1,))[1]


def _draw(head: np.ndarray, theirs: np.ndarray, ours: np.ndarray, picture: Path) -> None:
    mpl.use("Agg")
    figure, axes = plt.subplots(1, 3, figsize=(9, 3.6), layout="constrained")
    centre = [round(float(places.mean())) for places in np.nonzero(theirs)]
    for index, (axis, middle) in enumerate(zip(axes, centre, strict=True)):
        shown, *outlines = (np.take(each, middle, axis=index) for each in (head, theirs, ours))
        axis.imshow(shown, cmap="gray", origin="lower")
        for outline, colour in zip(outlines, (OTHER, OURS), strict=True):
            axis.contour(outline, levels=[0.5], colors=[colour], linewidths=1.0)
        axis.set(xticks=[], yticks=[])
    lines = [Line2D([], [], color=OURS, label="deepbet"), Line2D([], [], color=OTHER, label="the other mask")]
    figure.legend(handles=lines, loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(picture, dpi=100)


if __name__ == "__main__":
    typer.run(main)
