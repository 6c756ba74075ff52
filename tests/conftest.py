"""Fixtures of all tests, and what the marker `shared` needs to run."""

import os
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jaxtyping
import numpy as np
import pytest

if TYPE_CHECKING:
    from sarnet.cohort import Cluster
    from sarnet.losses import VggFeatures


def _shared() -> Path:
    beside = Path(__file__).resolve().parents[2] / "shared"
    return Path(os.environ.get("SARNET_SHARED", beside))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("shared") and not (_shared() / "data").is_dir():
        pytest.skip("no folder of real images at ../shared or $SARNET_SHARED")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real images; for tests marked `shared`."""
    return _shared()


LEAST: dict[str, Any] = {
    "version": "0.1.0",
    "transform": "deformable",
    "adapt": "none",
    "seed": 0,
    "threads": 1,
    "settings": {},
    "inputs": {"fixed": "a.png", "moving": "b.png"},
    "files": {"warped": "warped.png"},
    "grid": {"size": [6, 6], "spacing_mm": [1, 1]},
    "seconds": 0.5,
    "seconds_by_stage": {},
    "iterations": 0,
    "stop_reason": "no adaptation was asked for",
    "similarity_before": 0.1,
    "similarity_after": 0.2,
    "folding_percent": 0.0,
    "largest_displacement_mm": 2.0,
    "mean_displacement_mm": 1.0,
    "verdict": [],
}


@pytest.fixture
def least() -> dict[str, Any]:
    """A registration's record with no more than every record has."""
    return deepcopy(LEAST)


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers, the same in every run."""
    return np.random.default_rng(20190408)


@pytest.fixture
def visits(tmp_path: Path, rng: np.random.Generator) -> Path:
    """A CSV of six patients, each with one textured "radiograph" of 96 x 80 pixels and the mask of two lungs."""
    import SimpleITK as sitk
    from scipy import ndimage

    y, x = np.mgrid[:96, :80]
    lungs = np.minimum(np.hypot(y - 48, 2 * (x - 22)), np.hypot(y - 48, 2 * (x - 58))) < 30
    lines = ["image,mask,dataset,patient,visit"]
    for patient in range(6):
        texture = ndimage.gaussian_filter(rng.normal(size=(96, 80)), 3)
        picture = np.clip(128 + 60 * texture / texture.std() - 50 * lungs, 0, 255)
        for kind, array in (("image", picture), ("mask", 255 * lungs)):
            sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.uint8)), str(tmp_path / f"{kind}{patient}.png"))
        lines.append(f"image{patient}.png,mask{patient}.png,made-up,p{patient},0")
    path = tmp_path / "visits.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def brains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects: squares of every label the protocol scores, moved a little from one to the next."""
    from scipy import ndimage

    from sarnet.benchmark.brains import STRUCTURES
    from sarnet.images import Image, write_image

    structures = STRUCTURES["brain2d"]
    folder = tmp_path_factory.mktemp("brain2d")
    grey = np.random.default_rng(3).uniform(0.3, 1, len(structures))
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for subject, number in enumerate((10, 2, 1)):
        labels, image = np.zeros((2, 64, 64))
        for index, label in enumerate(structures):
            row, column = 8 + 9 * (index // 5) + subject, 8 + 10 * (index % 5)
            labels[row : row + 8, column : column + 8] = label
            image[row : row + 8, column : column + 8] = grey[index]
        name = f"made-up-20-{number}.nii.gz"
        write_image(Image.from_array(ndimage.gaussian_filter(image, 1).astype(np.float32)), folder / "images" / name)
        write_image(Image.from_array(labels.astype(np.int16)), folder / "labels" / name)
    return folder


@pytest.fixture(scope="session")
def features() -> "VggFeatures":
    """VGG16 with weights out of a hat, frozen: the right layers without the half gigabyte."""
    import torch
    from torch import nn

    from sarnet.losses import VggFeatures
    from sarnet.losses.vgg_weights import TORCHVISION

    torch.manual_seed(0)
    features = VggFeatures(TORCHVISION)
    for layer in features.features:
        if isinstance(layer, nn.Conv2d):  # what passes through keeps its size
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.normal_(layer.bias, std=0.05)
    return features.eval().requires_grad_(False)


@pytest.fixture
def unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the signature checks that pytest adds: the package's own refusals, as a user meets them."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="session")
def cluster() -> "Iterator[Cluster]":
    """Two workers, for all tests that only want some."""
    pytest.importorskip("distributed", reason="needs sarnet[cohort]")
    from sarnet.cohort import own_cluster

    with own_cluster(2) as two:
        yield two
