"""Small images, and tables of them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from sarnet.cohort import CohortPair
from sarnet.cohort.pair import folder_of
from sarnet.config import RegistrationSettings
from sarnet.images import Image, write_image
from sarnet.registration import PairFiles

Write = Callable[..., Path]


@pytest.fixture
def table(tmp_path: Path) -> Write:
    """`table("fixed,moving", "a.png,b.png")`: a CSV of those lines, and the files that its cells name."""

    def write(*lines: str, files: bool = True) -> Path:
        path = tmp_path / "table.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        for cell in ",".join(lines[1:]).split(",") if files else ():
            if "." in cell:
                (tmp_path / cell).write_bytes(b"")
        return path

    return write


@pytest.fixture(scope="session")
def affine() -> RegistrationSettings:
    """What takes a tenth of a second."""
    return RegistrationSettings(transform="affine", threads=1)


@pytest.fixture(scope="session")
def blob() -> np.ndarray:
    """A smooth shape that no rotation or mirror leaves as it is."""
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:44, :40]
    inside = np.hypot((y - 21) / 16, (x - 20) / 13) < 1
    return (inside * (2 + ndimage.gaussian_filter(rng.normal(size=inside.shape), 3) * 6)).astype(np.float32)


@pytest.fixture
def pairs(tmp_path: Path, blob: np.ndarray) -> Callable[[int], list[CohortPair]]:
    """`pairs(5)`: as many images, each the shape shifted by its own way, to be registered to the first one."""

    def make(count: int) -> list[CohortPair]:
        write_image(Image.from_array(blob), tmp_path / "fixed.nii.gz")
        made = []
        for index in range(count):
            moved = ndimage.shift(blob, (2 * np.cos(index), 2 * np.sin(index)), order=1)
            write_image(Image.from_array(moved), tmp_path / f"moving{index}.nii.gz")
            files = PairFiles(fixed=tmp_path / "fixed.nii.gz", moving=tmp_path / f"moving{index}.nii.gz")
            made.append(CohortPair(id=f"p{index}", files=files, folder=folder_of(f"p{index}")))
        return made

    return make
