"""A made-up data set of brain slices that every method of this package registers in a moment."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from sarnet.benchmark.brains import STRUCTURES
from sarnet.config import RegistrationSettings
from sarnet.images import Image, write_image

LABELS = STRUCTURES["brain2d"]


@pytest.fixture(scope="session")
def brains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects: squares of every label the protocol scores, moved a little from one to the next."""
    folder = tmp_path_factory.mktemp("brain2d")
    grey = np.random.default_rng(3).uniform(0.3, 1, len(LABELS))
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for subject, number in enumerate((10, 2, 1)):
        labels, image = np.zeros((2, 64, 64))
        for index, label in enumerate(LABELS):
            row, column = 8 + 9 * (index // 5) + subject, 8 + 10 * (index % 5)
            labels[row : row + 8, column : column + 8] = label
            image[row : row + 8, column : column + 8] = grey[index]
        name = f"made-up-20-{number}.nii.gz"
        write_image(Image.from_array(ndimage.gaussian_filter(image, 1).astype(np.float32)), folder / "images" / name)
        write_image(Image.from_array(labels.astype(np.int16)), folder / "labels" / name)
    return folder


@pytest.fixture(scope="session")
def fast() -> RegistrationSettings:
    return RegistrationSettings(threads=1, longest_voxels=64, magnified_voxels=0)
