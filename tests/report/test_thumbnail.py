from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from sarnet.report import write_thumbnail


@pytest.mark.parametrize("dimension", [2, 3])
def test_thumbnail_is_coloured_before_and_grey_after(registered: Callable[..., Path], dimension: int) -> None:
    picture = imread(write_thumbnail(registered(dimension)))[..., :3]  # the warped image is the fixed one

    half = (picture.shape[1] - 4) // 2
    before, after = picture[:, :half], picture[:, -half:]
    assert max(picture.shape[0], half) <= 128
    assert np.ptp(before, axis=-1).max() > 0.1
    assert np.ptp(after, axis=-1).max() < 0.02
