#!/usr/bin/env python3
"""Measure composing, inverting and applying a field beside SimpleITK and ANTs.

    python scripts/transform_speed.py 256 docs/results/transform-speed.json

One smooth field of so many voxels cubed that folds nowhere, one thread each. Seconds are the process's CPU time, so
that whatever else runs on the machine does not count. Arrays go in and come out: SimpleITK is timed on its own images,
made before; ANTs takes transforms from files alone, so that its reading is among its seconds, and writing where it
composes by its program; its Python functions for fields take and give images, made before, too.
"""

import os

os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = "1"

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import ants
import numpy as np
import SimpleITK as sitk
import torch
from scipy import ndimage

from sarnet.benchmark.hardware import hardware
from sarnet.images import Grid, Image
from sarnet.transforms import Transform, apply, compose, invert, jacobian, write_displacement

PEAK_VOXELS = 12  # at 256 voxels
KNOTS = 9

REPORTED: list[dict[str, object]] = []


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    """CPU seconds of one run, and its result."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def main(size: int, out: Path) -> None:
    """Print a line for each, and write all of them."""
    torch.set_num_threads(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    rng = np.random.default_rng(0)
    grid = Grid.plain((size,) * 3)
    components = [ndimage.zoom(rng.normal(size=(KNOTS,) * 3), size / KNOTS, order=3) for _ in range(3)]
    field = np.stack(components, axis=-1).astype(np.float32)
    field *= PEAK_VOXELS * size / 256 / np.abs(field).max()
    transform = Transform.identity(grid).with_displacement(field)
    moving = Image(array=ndimage.zoom(rng.normal(size=(33,) * 3), size / 33, order=1).astype(np.float32), grid=grid)
    smallest = float(jacobian(transform, grid).array.min())
    print(f"{size} voxels cubed; smallest Jacobian determinant {smallest:.2f}")

    vectors = sitk.GetImageFromArray(field.astype(np.float64), isVector=True)
    itk = sitk.DisplacementFieldTransform(sitk.Image(vectors))
    both, image = sitk.CompositeTransform([itk, itk]), moving.to_itk()
    place = (grid.size, grid.origin, grid.spacing, grid.direction)
    report("compose, sarnet", seconds(lambda: compose(transform, transform))[0])
    report(
        "compose, SimpleITK",
        seconds(lambda: sitk.TransformToDisplacementField(both, sitk.sitkVectorFloat32, *place))[0],
    )
    report("apply, sarnet", seconds(lambda: apply(transform, moving, grid, interpolation="linear"))[0])
    report("apply, SimpleITK", seconds(lambda: sitk.Resample(image, image, itk, sitk.sitkLinear, 0.0))[0])

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "field.nii")
        write_displacement(transform, path)
        fixed = ants.from_numpy(np.ascontiguousarray(moving.array.T))
        report("apply, ANTs", seconds(lambda: ants.apply_transforms(fixed, fixed, [path]))[0])
        both_path = str(Path(folder) / "both")
        in_files = seconds(lambda: ants.apply_transforms(fixed, fixed, [path] * 2, compose=both_path))[0]
        report("compose files, ANTs", in_files)
    as_ants = ants.from_numpy(np.ascontiguousarray(field.transpose(2, 1, 0, 3)), has_components=True)
    nothing = ants.from_numpy(np.zeros_like(as_ants.numpy()), has_components=True)
    report("compose, ANTs", seconds(lambda: ants.compose_displacement_fields(as_ants, as_ants))[0])

    spent, inverse = seconds(lambda: invert(transform, grid))
    reached = ~np.isnan(inverse.residual_mm)
    report("invert, sarnet", spent, inverse.residual_mm[reached])

    def report_inverse(name: str, spent: float, found: np.ndarray) -> None:
        there = Transform.identity(grid).with_displacement(found)
        report(name, spent, np.linalg.norm(compose(there, transform).displacement, axis=-1)[reached])

    for iterations, largest, mean in ((10, 0.1, 0.001), (20, 0.01, 0.001)):
        settings = (iterations, largest, mean, False)  # errors to stop at; no zero border
        spent, found = seconds(lambda: sitk.InvertDisplacementField(vectors, *settings))  # noqa: B023  # called at once
        report_inverse(f"invert, SimpleITK, {iterations} iterations", spent, sitk.GetArrayFromImage(found))
        backwards = (settings[0], mean, largest, False)
        spent, found = seconds(lambda: ants.invert_displacement_field(as_ants, nothing, *backwards))  # noqa: B023
        report_inverse(f"invert, ANTs, {iterations} iterations", spent, found.numpy().transpose(2, 1, 0, 3))
    measured = {"voxels": size, "smallest_determinant": smallest, "hardware": hardware(), "runs": REPORTED}
    out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def report(name: str, spent: float, residual: np.ndarray | None = None) -> None:
    """Print a line and keep it."""
    run = {"name": name, "seconds": spent}
    if residual is not None:
        run |= {"mean_residual_voxels": float(residual.mean()), "p999_voxels": float(np.quantile(residual, 0.999))}
    REPORTED.append(run)
    print("  ".join(f"{key} {value:.5f}" if key != "name" else f"{value:36}" for key, value in run.items()), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
