from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from sarnet.errors import DataError
from sarnet.report import write_overview

Registered = Callable[..., Path]


def test_overview_is_one_row_of_six_pictures(registered: Registered, tmp_path: Path) -> None:
    path = write_overview(registered(), tmp_path / "overview.png")

    sheet = imread(path)
    assert path == tmp_path / "overview.png"
    assert sheet.shape[1] > 5 * sheet.shape[0]
    titles, first = sheet[:30, :, :3], sheet[40, 10:20, :3]
    assert titles.min() < 0.5
    assert np.ptp(first) == 0


def test_overview_of_a_volume_has_a_row_for_each_plane(registered: Registered, tmp_path: Path) -> None:
    flat = imread(write_overview(registered(3), tmp_path / "overview.png"))

    assert flat.shape[0] > 0.3 * flat.shape[1]


def test_overview_needs_a_folder_to_be_in(registered: Registered, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"overview\.png cannot be written: its folder .* does not exist"):
        write_overview(registered(), tmp_path / "nowhere" / "overview.png")
