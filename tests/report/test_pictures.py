from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sarnet.images import Image
from sarnet.report import panels, pictures
from sarnet.report.result import read_result

Registered = Callable[..., Path]


def _block(columns: slice, shape: tuple[int, ...] = (40, 48)) -> Image:
    """Two greys in a block on zero, so that it has a range."""
    array = np.zeros(shape, np.float32)
    array[10:30, columns] = 100
    array[20, columns] = 50
    return Image.from_array(array)


@pytest.fixture
def cut(registered: Registered) -> pictures.Cut:
    """The fixed image covers columns 8 to 24, the moving one 16 to 32, the warped one 12 to 28."""
    folder = registered(fixed=_block(slice(8, 24)), moving=_block(slice(16, 32)), warped=_block(slice(12, 28)))
    (only,) = pictures.cuts(read_result(folder), longest_pixels=100)
    return only


def _hue(picture: np.ndarray, cut: pictures.Cut, column: int) -> str:
    """Which of the three a picture shows in the middle of a column of the fixed image."""
    row, at = np.round(cut.plane.pixels_of(np.array([[14.0, column]]), Image.from_array(np.zeros((40, 48))).grid)[0])
    red, _, blue = picture[int(row), int(at)].astype(int)
    return "none" if abs(red - blue) < 10 else "orange" if red > blue else "blue"


def test_overlays_are_blue_for_fixed_and_orange_for_the_other(cut: pictures.Cut) -> None:
    before, after = pictures.overlay_before(cut), pictures.overlay_after(cut)

    assert [_hue(before, cut, column) for column in (10, 14, 20, 26, 30)] == [
        "blue",
        "blue",
        "none",
        "orange",
        "orange",
    ]
    assert [_hue(after, cut, column) for column in (10, 14, 20, 26, 30)] == ["blue", "none", "none", "orange", "none"]


def test_differences_are_blue_where_fixed_is_brighter(cut: pictures.Cut) -> None:
    before, after = pictures.difference_before(cut, 1.0), pictures.difference_after(cut, 1.0)

    assert [_hue(before, cut, column) for column in (10, 14, 20, 26, 30)] == [
        "blue",
        "blue",
        "none",
        "orange",
        "orange",
    ]
    assert [_hue(after, cut, column) for column in (10, 14, 20, 26, 30)] == ["blue", "none", "none", "orange", "none"]


def test_checkerboards_take_the_moving_and_the_warped_image(cut: pictures.Cut) -> None:
    for board, other in (
        (pictures.checkerboard_before(cut), cut.before),
        (pictures.checkerboard_after(cut), cut.warped),
    ):
        assert (board == panels.grey(panels.checkerboard(cut.fixed, other))).all()


def test_all_of_both_images_is_seen_and_little_else(cut: pictures.Cut) -> None:
    area = cut.plane.grid.spacing[0] ** 2

    for image in (cut.fixed, cut.before, cut.warped):
        assert (image > 0.2).sum() * area == pytest.approx(16 * 20, rel=0.1)
    assert cut.fixed.size * area < 0.6 * 40 * 48


def test_scale_of_differences_spans_the_largest(cut: pictures.Cut) -> None:
    assert pictures.difference_limit((cut,)) == pytest.approx(1, abs=0.05)


def test_fold_in_a_volume_is_ringed_in_every_plane_it_lies_in(registered: Registered) -> None:
    z, y, x = read_result(registered(3)).focus.centre
    field = np.zeros((20, 24, 16, 3))
    field[z, y, x - 1, 0] = 4.0  # the slope behind it turns space over at its right neighbour
    folder = registered(3, displacement=field)

    result = read_result(folder)
    found = pictures.cuts(result, longest_pixels=80)

    assert result.jacobian.array[z, y, x] < 0
    assert result.folded == 1
    for cut in found:
        (fold,) = np.round(cut.folds).astype(int)
        assert cut.volume[tuple(fold)] < 0, cut.plane.name


def test_folds_have_a_colour_of_their_own(registered: Registered) -> None:
    field = np.zeros((40, 48, 2))
    field[15:25, 20:24, 0] = 4.0

    (cut,) = pictures.cuts(read_result(registered(displacement=field)), longest_pixels=96)
    picture = pictures.log_volume(cut, 1.0)

    def share(drawn: np.ndarray) -> float:
        return float((np.abs(drawn.astype(int) - panels.FOLD_COLOUR).max(axis=-1) < 40).mean())

    assert share(picture) == pytest.approx((cut.volume <= 0).mean(), rel=0.25)
    assert share(pictures.log_volume(replace(cut, volume=np.ones_like(cut.volume)), 1.0)) == 0
