from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.images import Grid, Image
from sarnet.report.planes import Plane, focus_on, is_oblique, planes


def _planes(grid: Grid, *, longest_pixels: int | None = None, view: str = "axial") -> tuple[Plane, ...]:
    everything = focus_on(np.zeros(grid.shape, bool))
    return planes(grid, everything, longest_pixels=longest_pixels or max(grid.size), view=view)


def test_picture_without_orientation_is_shown_as_it_is(rng: np.random.Generator) -> None:
    image = Image.from_array(rng.random((5, 7)).astype(np.float32))

    (plane,) = _planes(image.grid)

    np.testing.assert_allclose(plane.sample(image), image.array, atol=1e-6)


@pytest.mark.parametrize(
    ("direction", "shown"),
    [
        ((1.0, 0.0, 0.0, -1.0), lambda array: array[::-1]),
        ((-1.0, 0.0, 0.0, 1.0), lambda array: array[:, ::-1]),
        ((0.0, 1.0, 1.0, 0.0), lambda array: array.T),
        ((0.0, -1.0, 1.0, 0.0), lambda array: array.T[:, ::-1]),
    ],
)
def test_slice_is_turned_to_where_its_direction_says(
    direction: tuple[float, ...], shown: object, rng: np.random.Generator
) -> None:
    image = Image.from_array(rng.random((5, 7)).astype(np.float32))
    image = replace(image, grid=replace(image.grid, direction=direction))

    (plane,) = _planes(image.grid)

    assert callable(shown)
    np.testing.assert_allclose(plane.sample(image), shown(image.array), atol=1e-6)


def test_coronal_slice_has_superior_on_top(rng: np.random.Generator) -> None:
    image = Image.from_array(rng.random((5, 7)).astype(np.float32))

    (plane,) = _planes(image.grid, view="coronal")

    np.testing.assert_allclose(plane.sample(image), image.array[::-1], atol=1e-6)
    assert (plane.letters.left, plane.letters.right, plane.letters.top, plane.letters.bottom) == ("R", "L", "S", "I")


def test_planes_of_a_volume_follow_the_radiological_convention() -> None:
    ends = {"left": (2, 2, 4), "posterior": (2, 4, 2), "superior": (4, 2, 2)}  # z y x: away from the middle
    shown = {}
    for side, voxel in ends.items():
        array = np.zeros((5, 5, 5), np.float32)
        array[voxel] = 1
        image = Image.from_array(array)
        shown[side] = {plane.name: plane.sample(image) for plane in _planes(image.grid)}

    assert shown["left"]["axial"][2, 4] == 1
    assert shown["left"]["coronal"][2, 4] == 1
    assert shown["posterior"]["axial"][4, 2] == 1
    assert shown["posterior"]["sagittal"][2, 4] == 1
    assert shown["superior"]["coronal"][0, 2] == 1
    assert shown["superior"]["sagittal"][0, 2] == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flips", [(False, False, False), (True, False, True), (True, True, True)])
def test_volume_looks_the_same_however_it_is_stored(
    order: Sequence[int], flips: Sequence[bool], rng: np.random.Generator
) -> None:
    image = sitk.GetImageFromArray(rng.random((5, 7, 9)).astype(np.float32))
    image.SetSpacing((1.0, 1.5, 2.0))
    image.SetOrigin((-3.0, 4.0, 50.0))
    stored = sitk.PermuteAxes(sitk.Flip(image, list(flips)), list(order))

    for mine, theirs in zip(_planes(Grid.of(image)), _planes(Grid.of(stored))):
        assert mine.letters == theirs.letters
        np.testing.assert_allclose(
            mine.sample(Image.from_itk(image)), theirs.sample(Image.from_itk(stored)), atol=1e-5, err_msg=mine.name
        )


def test_pictures_have_the_proportions_of_the_body() -> None:
    grid = Grid.plain((10, 20, 40), spacing=(0.5, 2.0, 3.0))  # 20 mm, 40 mm and 30 mm along x, y and z

    shapes = {plane.name: plane.shape for plane in _planes(grid, longest_pixels=80)}

    assert shapes == {"axial": (80, 40), "coronal": (60, 40), "sagittal": (60, 80)}


def test_finer_pictures_cover_the_same_part() -> None:
    image = Image.from_array(np.arange(6, dtype=np.float32).reshape(2, 3))

    (plane,) = _planes(image.grid, longest_pixels=9)

    assert plane.shape == (6, 9)
    np.testing.assert_allclose(plane.sample(image)[1::3, 1::3], image.array, atol=1e-6)


@pytest.mark.parametrize(
    ("millimetres", "pixels"),
    [
        ((4.0, 0.0, 0.0), {"axial": (0, 2), "coronal": (0, 2), "sagittal": (0, 0)}),
        ((0.0, 4.0, 0.0), {"axial": (2, 0), "coronal": (0, 0), "sagittal": (0, 2)}),
        ((0.0, 0.0, 4.0), {"axial": (0, 0), "coronal": (-2, 0), "sagittal": (-2, 0)}),
    ],
)
@pytest.mark.parametrize("direction", [np.eye(3), np.diag([-1.0, -1.0, 1.0]), np.eye(3)[[1, 2, 0]]])
def test_field_is_given_in_pixels_of_each_plane(
    millimetres: tuple[float, ...], pixels: dict[str, tuple[float, float]], direction: np.ndarray
) -> None:
    grid = replace(Grid.plain((6, 6, 6), spacing=(2.0, 2.0, 2.0)), direction=tuple(direction.ravel().tolist()))
    field = np.broadcast_to(np.array(millimetres, np.float32), (6, 6, 6, 3)).copy()

    for plane in _planes(grid):
        np.testing.assert_allclose(plane.sample_field(field, grid)[3, 3], pixels[plane.name], atol=1e-5)


def test_voxel_is_found_in_the_picture() -> None:
    array = np.zeros((5, 7), np.float32)
    array[1, 5] = 1
    image = Image.from_array(array)
    image = replace(image, grid=replace(image.grid, direction=(0.0, -1.0, 1.0, 0.0)))

    (plane,) = _planes(image.grid)
    (row, column) = plane.pixels_of(np.array([[1.0, 5.0]]), image.grid)[0]

    assert plane.sample(image)[round(row), round(column)] == pytest.approx(1)


def test_planes_go_through_the_middle_of_the_foreground() -> None:
    mask = np.zeros((20, 30), bool)
    mask[4:7, 20:25] = True

    focus = focus_on(mask)

    assert focus.centre == (5, 22)
    assert focus.box == (slice(0, 20), slice(0, 30))


def test_background_is_cropped_to_a_margin() -> None:
    mask = np.zeros((50, 100), bool)
    mask[20:31, 2:51] = True

    focus = focus_on(mask, mask)

    assert focus.box == (slice(16, 35), slice(0, 55))


def test_empty_mask_shows_everything() -> None:
    empty = np.zeros((4, 6), bool)

    assert focus_on(empty, empty) == focus_on(empty)
    assert focus_on(empty).centre == (2, 3)


def test_oblique_axes_are_told_from_turned_ones() -> None:
    turn = np.radians(10)
    oblique = (np.cos(turn), -np.sin(turn), np.sin(turn), np.cos(turn))

    assert is_oblique(replace(Grid.plain((4, 4)), direction=oblique))
    assert not is_oblique(replace(Grid.plain((4, 4)), direction=(0.0, -1.0, 1.0, 0.0)))
