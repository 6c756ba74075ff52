"""Compare the map of the uncertainty with the true error, on the packaged slice deformed by known random fields.

python scripts/uncertainty.py [ROWS.json]
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy import ndimage, stats

from sarnet.config import RegistrationSettings
from sarnet.images import Image, foreground, sample_pair
from sarnet.networks import load_generator
from sarnet.registration import Masks, PairImages, register_images

PAIRS = 6
PEAK_VOXELS = 8.0
SMOOTHNESS_VOXELS = 14.0


def main() -> None:
    """Print and write, for each pair and mode, the mean error and its correlation with the map."""
    fixed, loaded, rows = sample_pair(2).fixed, load_generator(), []
    shown = foreground(fixed.array)
    for pair in range(PAIRS):
        rng = np.random.default_rng(pair)
        moving, displacement = _deformed(fixed, rng)
        for adapt in ("none", "last-layer", "refined"):
            settings = RegistrationSettings.model_validate({"adapt": adapt, "uncertainty": True})
            images = PairImages(fixed=fixed, moving=moving, masks=Masks())
            found = register_images(images, settings, loaded)
            error = np.linalg.norm(found.transform.total_displacement() - displacement, axis=-1)[shown]
            assert found.uncertainty is not None
            told = found.uncertainty.array[shown]
            rows.append(
                {
                    "pair": pair,
                    "adapt": adapt,
                    "error_mm": round(float(error.mean()), 3),
                    "uncertainty_mm": round(float(told.mean()), 3),
                    "pearson": round(float(np.corrcoef(error, told)[0, 1]), 3),
                    "spearman": round(float(stats.spearmanr(error, told).statistic), 3),
                }
            )
            print(rows[-1], flush=True)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def _deformed(image: Image, rng: np.random.Generator) -> tuple[Image, np.ndarray]:
    """Another exposure of the image, with noise, that the returned field in millimetres (x first) leads to."""
    field = np.stack([ndimage.gaussian_filter(rng.normal(size=image.grid.shape), SMOOTHNESS_VOXELS) for _ in range(2)])
    field *= PEAK_VOXELS / np.abs(field).max()
    place = np.indices(image.grid.shape).astype(float)
    came = place
    for _ in range(50):  # what comes to y comes from p = y - u(p)
        came = place - np.stack([ndimage.map_coordinates(each, came, order=1, mode="nearest") for each in field])
    values = ndimage.map_coordinates(image.array, came, order=1, mode="nearest") ** 1.2
    values += np.where(values > 0, 0.03 * values.max() * rng.normal(size=values.shape), 0)
    return Image(array=values.astype(np.float32), grid=image.grid), np.moveaxis(field[::-1], 0, -1)


if __name__ == "__main__":
    main()
