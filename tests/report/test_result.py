import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import DataError
from sarnet.images import Image, write_image
from sarnet.report.result import read_result

Registered = Callable[..., Path]


def test_moving_image_is_shown_where_its_header_puts_it(registered: Registered, rng: np.random.Generator) -> None:
    fixed = Image.from_array(rng.random((8, 9)).astype(np.float32))
    moved = replace(fixed, grid=replace(fixed.grid, origin=(3.0, 0.0)))

    result = read_result(registered(fixed=fixed, moving=moved))

    # what is at x = 3 in the world is the first column of the moving image
    np.testing.assert_allclose(_ranks(result.before.array[:, 3:]), _ranks(fixed.array[:, :-3]))


def _ranks(array: np.ndarray) -> np.ndarray:
    return np.clip(array, *np.percentile(array, (10, 90))).ravel().argsort(kind="stable")


def test_equal_images_get_equal_greys(registered: Registered, rng: np.random.Generator) -> None:
    image = Image.from_array(rng.normal(1000, 50, (12, 14)).astype(np.float32))

    result = read_result(registered(fixed=image, moving=image))

    assert (result.before.array == result.warped.array).all()
    np.testing.assert_allclose(result.before.array, result.fixed.array, atol=0.02)
    assert (result.fixed.array.min(), result.fixed.array.max()) == (0, 1)


@pytest.mark.parametrize("dimension", [2, 3])
def test_jacobian_is_that_of_the_field_in_the_body(registered: Registered, dimension: int) -> None:
    shape, spacing = ((9, 10), (2.0, 0.5)) if dimension == 2 else ((5, 6, 7), (2.0, 0.5, 3.0))
    turned = (np.array([[0.6, -0.8], [0.8, 0.6]]) if dimension == 2 else np.eye(3)[[1, 2, 0]]).ravel()
    image = Image.from_array(np.ones(shape, np.float32), spacing=spacing)
    image = replace(image, grid=replace(image.grid, direction=tuple(turned.tolist())))
    # every point goes 10 % of its x further along x
    index = np.moveaxis(np.indices(shape), 0, -1)
    field = 0.1 * (index @ image.grid.voxel_to_world().T) * np.eye(dimension)[0]

    result = read_result(registered(fixed=image, moving=image, displacement=field))

    np.testing.assert_allclose(result.jacobian.array, 1.1, rtol=1e-4)
    assert result.folded == 0


def test_folded_voxels_are_counted(registered: Registered) -> None:
    field = np.zeros((40, 48, 2))
    field[20, 30, 0] = 4.0  # its left neighbour is pushed beyond, its right one left behind

    assert read_result(registered(displacement=field)).folded == 1


def test_paths_may_be_relative_to_the_folder(registered: Registered) -> None:
    folder = registered(record={"inputs": {"fixed": "../fixed.nii.gz", "moving": "../moving.nii.gz"}})

    assert read_result(folder).grid.size == (48, 40)


def test_spacing_given_by_hand_holds_for_both_images(registered: Registered) -> None:
    image = Image.from_array(np.eye(6, dtype=np.float32) * 200)
    grid = {"size": [6, 6], "spacing_mm": [0.4, 0.4]}
    folder = registered(fixed=image, moving=image, ending=".png", record={"grid": grid, "moving_grid": grid})

    result = read_result(folder)

    assert result.grid.spacing == (0.4, 0.4)
    assert (result.before.array == result.warped.array).all()


def test_spacing_given_by_hand_holds_for_a_moving_picture_beside_a_fixed_image_that_tells_its_own(
    registered: Registered, rng: np.random.Generator
) -> None:
    fixed = Image.from_array(rng.integers(1, 255, (6, 8)).astype(np.float32), spacing=(0.5, 0.5))
    folder = registered(fixed=fixed, moving=fixed)
    picture = folder.parent / "moving.png"
    write_image(Image.from_array(fixed.array), picture)
    record = json.loads((folder / "registration.json").read_text())
    record["inputs"]["moving"] = str(picture)
    (folder / "registration.json").write_text(json.dumps(record))

    result = read_result(folder)

    np.testing.assert_allclose(_ranks(result.before.array), _ranks(fixed.array))


@pytest.mark.parametrize(("across", "view"), [(0, "sagittal"), (1, "coronal"), (2, "axial")])
def test_slice_of_a_volume_remembers_its_plane(
    registered: Registered, across: int, view: str, rng: np.random.Generator
) -> None:
    folder = registered(2, fixed=Image.from_array(rng.random((5, 7)).astype(np.float32)))
    shape = [5, 7]
    shape.insert(2 - across, 1)
    for name in ("fixed", "moving"):
        sitk.WriteImage(sitk.GetImageFromArray(np.ones(shape, np.float32)), str(folder.parent / f"{name}.nii.gz"))

    found = read_result(folder)
    assert (found.view, found.knows_sides) == (view, True)


def test_image_of_two_axes_does_not_say_which_side_of_the_patient_is_which(registered: Registered) -> None:
    assert not read_result(registered(2)).knows_sides


def test_values_that_are_not_finite_do_not_spread(registered: Registered) -> None:
    array = np.full((10, 12), 5.0, np.float32)
    array[3, 4], array[5, 5], array[0, 0] = np.nan, np.inf, 9
    field = np.full((10, 12, 2), np.nan)

    result = read_result(registered(fixed=Image.from_array(array), moving=Image.from_array(array), displacement=field))

    for image in (result.fixed, result.before, result.warped):
        assert np.isfinite(image.array).all()
    assert (result.displacement == 0).all()


@pytest.mark.parametrize("name", ["fixed", "moving"])
def test_input_that_is_gone_is_named(registered: Registered, name: str) -> None:
    folder = registered()
    (folder.parent / f"{name}.nii.gz").unlink()

    with pytest.raises(
        DataError, match=rf"the {name} image of the registration .* is gone: .*{name}\.nii\.gz .*put it back"
    ):
        read_result(folder)


@pytest.mark.parametrize("name", ["fixed", "moving"])
def test_input_that_was_no_file_is_refused(registered: Registered, name: str) -> None:
    folder = registered()
    record = json.loads((folder / "registration.json").read_text(encoding="utf-8"))
    record["inputs"][name] = None
    (folder / "registration.json").write_text(json.dumps(record))

    with pytest.raises(DataError, match=rf"the {name} image .* came from no file, but a report .* inputs\.{name} of"):
        read_result(folder)


@pytest.mark.parametrize("name", ["warped.nii.gz", "displacement.nii.gz"])
def test_output_that_is_gone_is_named(registered: Registered, name: str) -> None:
    folder = registered()
    (folder / name).unlink()

    with pytest.raises(DataError, match=rf"{name} does not exist, but registration\.json names it"):
        read_result(folder)


def test_warped_image_of_another_size_is_refused(registered: Registered) -> None:
    folder = registered(warped=Image.from_array(np.zeros((4, 4), np.float32)))

    with pytest.raises(DataError, match=r"warped\.nii\.gz has shape \(4, 4\), but the fixed image .* has \(40, 48\)"):
        read_result(folder)


def test_field_of_another_size_is_refused(registered: Registered) -> None:
    folder = registered(displacement=np.zeros((4, 4, 2)))

    with pytest.raises(
        DataError, match=r"displacement\.nii\.gz has shape \(4, 4, 2\), but a field .* has \(40, 48, 2\)"
    ):
        read_result(folder)


def test_damaged_field_is_refused(registered: Registered) -> None:
    folder = registered()
    (folder / "displacement.nii.gz").write_bytes(b"nothing")

    with pytest.raises(DataError, match=r"displacement\.nii\.gz is damaged"):
        read_result(folder)
