"""The folder of a finished registration of phantoms, as `sarnet register` leaves it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.images import Image, write_image

SIZES = {2: (40, 48), 3: (20, 24, 16)}


@pytest.fixture
def registered(tmp_path: Path) -> Callable[..., Path]:
    """Make such a folder: `registered(3, displacement=u, record={"dice": {...}})`; if untold, 2-D and the identity."""

    def make(
        dimension: int = 2,
        *,
        fixed: Image | None = None,
        moving: Image | None = None,
        warped: Image | None = None,
        displacement: np.ndarray | None = None,
        record: dict[str, Any] | None = None,
        ending: str = ".nii.gz",
    ) -> Path:
        folder = tmp_path / "out"
        folder.mkdir(exist_ok=True)
        fixed = fixed or Image.from_array(disc(SIZES[dimension]))
        moving = moving or Image.from_array(disc(SIZES[dimension], shift=2))
        u = np.zeros((*fixed.grid.shape, fixed.grid.dimension)) if displacement is None else displacement
        write_image(fixed, tmp_path / f"fixed{ending}")
        write_image(moving, tmp_path / f"moving{ending}")
        write_image(warped or fixed, folder / f"warped{ending}")
        field = sitk.GetImageFromArray(u.astype(np.float32), isVector=True)
        fixed.grid.place(field)
        sitk.WriteImage(field, str(folder / "displacement.nii.gz"))
        content = {
            "inputs": {"fixed": str(tmp_path / f"fixed{ending}"), "moving": str(tmp_path / f"moving{ending}")},
            "files": {"warped": f"warped{ending}", "transform": "transform.h5", "displacement": "displacement.nii.gz"},
            "grid": {"size": fixed.grid.size, "spacing_mm": fixed.grid.spacing},
            "moving_grid": {"size": moving.grid.size, "spacing_mm": moving.grid.spacing},
            **FULL,
            **(record or {}),
        }
        (folder / "registration.json").write_text(json.dumps(content), encoding="utf-8")
        return folder

    return make


FULL: dict[str, Any] = {
    "version": "0.1.0",
    "adapt": "last-layer",
    "transform": "deformable",
    "model": "matching",
    "weights_sha256": "5e" * 32,
    "seed": 7,
    "threads": 2,
    "seconds": 1.25,
    "seconds_by_stage": {"affine_start": 0.25, "adaptation": 1.0},
    "iterations": 3,
    "stop_reason": "the budget was spent",
    "cost_initial": 0.9,
    "cost_final": 0.5,
    "cost_history": [0.9, 0.7, 0.5],
    "affine": {"start": "headers", "kept": True, "iterations": 9, "cost_initial": 1.0, "cost_final": 0.9},
    "network_grid": {"size": [64, 64], "spacing_mm": [1.0, 1.0]},
    "folding_percent": 0.0,
    "largest_displacement_mm": 4.0,
    "mean_displacement_mm": 1.5,
    "similarity_before": 0.411,
    "similarity_after": 0.622,
    "verdict": ["Improved: the images agree better.", "Local correlation rose by 0.211."],
    "notes": ["fixed.png gives no physical spacing: a voxel is taken for 1 mm."],
    "settings": {"adaptation": {"steps": 60}},
    "command": "sarnet register --fixed fixed.nii.gz --moving moving.nii.gz --out out",
}


def disc(shape: tuple[int, ...], *, shift: float = 0.0) -> np.ndarray:
    """A bright ball, a little off the middle along its last axis, on a background of zero."""
    middle = np.array([(size - 1) / 2 for size in shape])
    middle[-1] += shift
    offset = np.indices(shape) - middle.reshape(-1, *[1] * len(shape))
    radius = np.sqrt((offset**2).sum(axis=0))
    inside = radius < 0.35 * min(shape)
    return np.where(inside, 200 - 3 * radius, 0).astype(np.float32)
