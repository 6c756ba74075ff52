from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.image import imread

from sarnet.report import figures


def test_png_keeps_every_colour(rng: np.random.Generator) -> None:
    picture = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)

    read = imread(BytesIO(figures.png(picture)), format="png")

    assert (np.round(read[..., :3] * 255) == picture).all()


def test_grid_without_displacement_is_regular_with_equal_margins() -> None:
    picture = figures.deformed_grid(np.zeros((41, 41, 3), np.uint8), np.zeros((41, 41, 2)), cells=4)

    lit = picture.max(axis=-1) > 100
    scale = picture.shape[0] / 41
    columns = np.flatnonzero(lit[round(10.5 * scale)])  # between two lines across
    centres = [part.mean() / scale - 0.5 for part in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1)]
    np.testing.assert_allclose(centres, [5, 15, 25, 35], atol=0.7)


def test_grid_moves_to_where_the_displacement_says() -> None:
    to_the_right = np.zeros((41, 41, 2))
    to_the_right[..., 1] = 5

    still = figures.deformed_grid(np.zeros((41, 41, 3), np.uint8), np.zeros((41, 41, 2)), cells=1)
    moved = figures.deformed_grid(np.zeros((41, 41, 3), np.uint8), to_the_right, cells=1)

    row = still.shape[0] // 2
    first = [int(np.flatnonzero(picture[row].max(axis=-1) > 100)[0]) for picture in (still, moved)]
    assert first[1] - first[0] == pytest.approx(5 * still.shape[0] / 41, abs=1)


def test_ring_is_drawn_around_a_point() -> None:
    white = np.full((40, 60, 3), 255, np.uint8)

    picture = figures.outlined(white, np.ones((40, 60), bool), np.array([[10.0, 45.0]]))

    rows, columns = np.nonzero(picture.max(axis=-1) < 100)
    scale = picture.shape[0] / 40
    assert rows.mean() / scale == pytest.approx(10, abs=1)
    assert columns.mean() / scale == pytest.approx(45, abs=1)


def test_outline_is_drawn_where_the_mask_ends() -> None:
    inside = np.zeros((40, 40), bool)
    inside[10:30, 10:30] = True

    picture = figures.outlined(np.full((40, 40, 3), 255, np.uint8), inside, np.zeros((0, 2)))

    dark = picture.max(axis=-1) < 200
    assert dark[dark.shape[0] // 2].any()
    assert not dark[: dark.shape[0] // 5].any()


@pytest.mark.parametrize("history", [[3.0, 2.0, 1.0], [3.0, None, float("nan"), 1.0], [1.0] * 100])
def test_cost_is_a_drawing_that_says_the_same_in_the_same_bytes(history: list[float | None]) -> None:
    drawing = figures.cost_plot(history)

    assert b"<svg" in drawing
    assert figures.cost_plot(history) == drawing


def test_overlaps_without_a_value_leave_a_gap() -> None:
    assert b"<svg" in figures.overlap_plot(["1", "<2>"], [None, 0.5], [0.7, float("nan")])


def test_settings_of_the_caller_neither_matter_nor_change() -> None:
    plain = figures.cost_plot([2.0, 1.0])

    with mpl.rc_context({"lines.linewidth": 9, "axes.facecolor": "red", "font.size": 20, "savefig.dpi": 20}):
        before = dict(mpl.rcParams)
        styled = figures.cost_plot([2.0, 1.0])
        after = dict(mpl.rcParams)

    assert styled == plain
    assert after == before


def test_contact_sheet_has_a_column_for_each_title() -> None:
    rows = [[np.zeros((30, 20, 3), np.uint8)] * 3, [np.zeros((10, 40, 3), np.uint8)] * 3]

    sheet = imread(BytesIO(figures.contact_sheet(rows, titles=["a", "b", "c"])), format="png")

    black = sheet[..., :3].max(axis=-1) == 0
    assert sheet.shape[1] == 3 * (40 + 8) + 8
    assert black.sum() == pytest.approx(3 * (30 * 20 + 10 * 40), rel=0.1)


def test_address_of_a_picture_holds_it() -> None:
    assert figures.data_uri(b"abc", "png") == "data:image/png;base64,YWJj"
