import numpy as np
import pytest

from sarnet.report import panels


def test_grey_spans_black_to_white_and_clips() -> None:
    picture = panels.grey(np.array([[-1.0, 0.0, 0.5, 1.0, 2.0]]))

    assert picture.dtype == np.uint8
    assert picture[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    assert (picture == picture[..., :1]).all()


def test_checkerboard_takes_squares_in_turn() -> None:
    first, second = np.zeros((4, 6)), np.ones((4, 6))

    board = panels.checkerboard(first, second, tiles=3)

    assert board.tolist() == [[0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0], [1, 1, 0, 0, 1, 1], [1, 1, 0, 0, 1, 1]]


def test_checkerboard_of_one_image_is_that_image(rng: np.random.Generator) -> None:
    image = rng.random((13, 7))

    assert (panels.checkerboard(image, image) == image).all()


def test_overlay_of_equal_images_is_grey(rng: np.random.Generator) -> None:
    image = rng.random((5, 6))

    assert (panels.overlay(image, image) == panels.grey(image)).all()


def test_overlay_shows_what_is_in_one_image_alone_in_its_colour() -> None:
    only_fixed = panels.overlay(np.ones((1, 1)), np.zeros((1, 1)))[0, 0].tolist()
    only_moving = panels.overlay(np.zeros((1, 1)), np.ones((1, 1)))[0, 0].tolist()

    assert only_fixed == [0, 115, 255]
    assert only_moving == [255, 140, 0]


def test_diverging_is_symmetric_about_zero_and_ends_at_the_limit() -> None:
    colours = ((0, 0, 0), (100, 100, 100), (200, 200, 200))

    picture = panels.diverging(np.array([[-9.0, -2.0, -1.0, 0.0, 1.0, 2.0, 9.0]]), limit=2.0, colours=colours)

    assert picture[0, :, 0].tolist() == [0, 0, 50, 100, 150, 200, 200]


@pytest.mark.parametrize("colours", [panels.DIFFERENCE_COLOURS, panels.VOLUME_COLOURS])
def test_colours_of_maps_are_nearly_white_in_the_middle_and_dark_at_both_ends(colours: panels.Stops) -> None:
    lightness = [sum(stop) for stop in colours]

    assert len(colours) % 2 == 1
    assert lightness == sorted(lightness[: len(lightness) // 2 + 1]) + sorted(
        lightness[len(lightness) // 2 + 1 :], reverse=True
    )


def test_marked_changes_only_what_is_marked() -> None:
    picture = np.full((2, 2, 3), 9, np.uint8)

    marked = panels.marked(picture, np.array([[True, False], [False, False]]), (1, 2, 3))

    assert marked.dtype == np.uint8
    assert marked[0, 0].tolist() == [1, 2, 3]
    assert (marked.reshape(-1, 3)[1:] == 9).all()


def test_symmetric_limit_fits_all_maps_but_for_a_few_values() -> None:
    first, second = np.full(1000, 0.25), np.full(1000, -0.5)
    first[0] = 1e6

    assert panels.symmetric_limit(first, second, least=0.1) == 0.5


def test_symmetric_limit_is_not_below_the_least_and_skips_what_is_not_finite() -> None:
    assert panels.symmetric_limit(np.zeros(3), least=0.1) == 0.1
    assert panels.symmetric_limit(np.array([np.nan, np.inf]), least=0.1) == 0.1
    assert panels.symmetric_limit(np.array([np.nan, 0.7]), least=0.1) == 0.7
