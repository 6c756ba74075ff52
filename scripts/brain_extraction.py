#!/usr/bin/env python3
"""Prepare real heads as the volumes of ADNI are, and compare their brains with those that others cut out.

    apt-get download mricron-data && dpkg -x mricron-data_*.deb mricron
    T=mricron/usr/share/mricron/templates
    python scripts/brain_extraction.py docs/results/brain-extraction.json docs/brain-extraction.png \
        --head $T/ch2.nii.gz --brain $T/ch2bet.nii.gz --head $T/ch2better.nii.gz --brain $T/ch2bet.nii.gz

Each head is put into a folder laid out as the archive's, and `sarnet data prepare adni` does the rest: the brain by
deepbet, the template, 256^3 voxels, the average. Dice is of the brain's mask: with the other mask (on the head's grid),
and after alignment with the template's brain. Memory is the most that the program and its workers held at one time,
looked at ten times a second.
"""

import csv
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import psutil
import typer
from matplotlib.lines import Line2D

from sarnet.benchmark.hardware import hardware
from sarnet.config import CurationSettings
from sarnet.curation import read_manifest
from sarnet.curation.brain import extract_brain
from sarnet.images import Image, read_image, read_labels, resample, sample_pair, write_image
from sarnet.metrics import dice

PROGRAM = [sys.executable, "-c", "from sarnet.cli.main import main; main()", "data", "prepare", "adni"]
OTHER, OURS = "#2e6f95", "#d1495b"


def main(
    out: Path, picture: Path, head: Annotated[list[Path], typer.Option()], brain: Annotated[list[Path], typer.Option()]
) -> None:
    """Prepare all heads in one run, measure and draw each."""
    mpl.use("Agg")
    figure, axes = plt.subplots(len(head), 3, figsize=(8, 2.9 * len(head)), layout="constrained", squeeze=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _archive(head, folder / "archive")
        taken = _prepared(folder / "archive", folder / "prepared")
        rows = read_manifest(folder / "prepared")
        heads = []
        for path, other, row, line in zip(head, brain, rows, axes, strict=True):
            image = read_image(path)
            theirs = resample(read_image(other), image.grid, interpolation="nearest").array > 0
            _, mask = extract_brain(image, None, CurationSettings(brain="deepbet"))
            assert mask is not None
            prepared = read_labels(folder / "prepared" / row.mask)
            heads.append(
                {
                    "head": path.name.partition(".")[0],
                    "dice_with_other_mask": round(_dice(theirs, mask.array > 0), 4),
                    "dice_with_template_before": round(_dice_with_template(mask), 4),
                    "dice_with_template_prepared": round(_dice_with_template(prepared), 4),
                }
            )
            _draw(image.array, theirs, mask.array > 0, line)
            line[0].set_ylabel(heads[-1]["head"])
    found = {"heads": heads, **taken, "hardware": hardware()}
    print(json.dumps(found, indent=1))
    out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    lines = [Line2D([], [], color=OURS, label="deepbet"), Line2D([], [], color=OTHER, label="the other mask")]
    figure.legend(handles=lines, loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(picture, dpi=100)


def _archive(heads: list[Path], folder: Path) -> None:
    """Lay heads out as the archive's volumes are."""
    with_names = [(f"002_S_{number:04d}", f"I{number}", path) for number, path in enumerate(heads, start=1)]
    for subject, id_, path in with_names:
        scan = folder / "ADNI" / subject / "MP-RAGE" / "2006-04-18_08_20_30.0" / id_
        scan.mkdir(parents=True)
        write_image(read_image(path), scan / f"ADNI_{subject}_{id_}.nii")
    with (folder / "ADNI1.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["Image Data ID", "Subject", "Group", "Visit"])
        writer.writerows([id_, subject, "CN", "sc"] for subject, id_, _ in with_names)


def _prepared(archive: Path, out: Path) -> dict[str, float]:
    begin, most = time.perf_counter(), 0
    process = psutil.Popen([*PROGRAM, str(archive), "--out", str(out)])
    while process.poll() is None:
        most = max(most, _resident(process))
        time.sleep(0.1)
    if process.returncode:
        sys.exit(process.returncode)
    return {"seconds": round(time.perf_counter() - begin, 1), "peak_memory_mb": round(most / 2**20)}


def _resident(process: psutil.Process) -> int:
    total = 0
    for each in (process, *process.children(recursive=True)):
        try:
            total += each.memory_full_info().pss  # what processes share counts once
        except psutil.Error:  # it has just ended
            continue
    return total


def _dice_with_template(mask: Image) -> float:
    template = sample_pair(3).fixed
    return _dice(template.array > 0, resample(mask, template.grid, interpolation="nearest").array > 0)


def _dice(one: np.ndarray, other: np.ndarray) -> float:
    return dice(one, other, labels=(1,))[1]


def _draw(head: np.ndarray, theirs: np.ndarray, ours: np.ndarray, axes: np.ndarray) -> None:
    centre = [round(float(places.mean())) for places in np.nonzero(theirs)]
    for index, (axis, middle) in enumerate(zip(axes, centre, strict=True)):
        shown, *outlines = (np.take(each, middle, axis=index)[::-1] for each in (head, theirs, ours))
        axis.imshow(shown, cmap="gray")
        for outline, colour in zip(outlines, (OTHER, OURS), strict=True):
            axis.contour(outline, levels=[0.5], colors=[colour], linewidths=1.0)
        axis.set(xticks=[], yticks=[])


if __name__ == "__main__":
    typer.run(main)
