import json
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import InputError
from sarnet.images import Image, read_image
from sarnet.registration import (
    BidsNames,
    Inputs,
    Record,
    Registration,
    check_result_folder,
    register,
    result_folder,
    write_registration,
)
from sarnet.transforms import apply, read_transform


@pytest.fixture(scope="module")
def shifted(sample, loaded, fast) -> Registration:
    """A slice on an oblique grid, and itself 6 mm to the left of the patient and 4 mm to the front."""
    c, s = np.cos(0.3), np.sin(0.3)
    grid = replace(sample.fixed.grid, spacing=(1.2, 0.9), origin=(-20.0, 50.0), direction=(-c, -s, -s, c))
    fixed = Image(array=sample.fixed.array, grid=grid)
    return register(fixed, replace(fixed, grid=replace(grid, origin=(-14.0, 46.0))), fast, loaded=loaded)


def test_transform_file_moves_points_for_anyone(shifted, sample, tmp_path):
    write_registration(shifted, tmp_path, inputs=Inputs())

    transform = sitk.ReadTransform(str(tmp_path / "transform.h5"))
    warped = sitk.ReadImage(str(tmp_path / "warped.nii.gz"))
    rows, columns = np.nonzero(sample.fixed.array)
    moves = []
    for y, x in zip(rows[::97].tolist(), columns[::97].tolist()):
        point = warped.TransformIndexToPhysicalPoint((x, y))
        moves.append(np.subtract(transform.TransformPoint(point), point))

    assert len(moves) > 100
    np.testing.assert_allclose(np.mean(moves, axis=0), (6, -4), atol=0.15)


def test_displacement_file_is_a_nifti_of_lps_vectors(shifted, sample, tmp_path):
    write_registration(shifted, tmp_path, inputs=Inputs())

    field = nibabel.load(tmp_path / "displacement.nii.gz")

    assert field.shape == (165, 196, 1, 1, 2)
    assert int(field.header["intent_code"]) == 1007
    inside = sample.fixed.array.T > 0
    np.testing.assert_allclose(field.get_fdata()[:, :, 0, 0][inside].mean(axis=0), (6, -4), atol=0.15)


def test_files_agree_with_the_result(registered, sample, tmp_path):
    write_registration(registered, tmp_path, inputs=Inputs(fixed="a", moving="b.nii.gz"), command="sarnet register")

    warped = read_image(tmp_path / "warped.nii.gz")
    again = apply(read_transform(tmp_path / "transform.h5"), sample.moving, warped.grid, interpolation="linear")
    record = Record.model_validate_json((tmp_path / "registration.json").read_text(encoding="utf-8"))

    np.testing.assert_array_equal(warped.array, registered.warped.array)
    np.testing.assert_allclose(again.array, warped.array, atol=1e-3)
    assert (record.command, record.inputs.moving) == ("sarnet register", "b.nii.gz")
    assert {path.name for path in tmp_path.iterdir()} == {
        *("warped.nii.gz", "transform.h5", "inverse.h5", "displacement.nii.gz", "registration.json"),
        *("warped_labels.nii.gz", "fixed_mask.nii.gz", "moving_mask.nii.gz"),
    }
    assert (record.files.transform, record.files.inverse) == ("transform.h5", "inverse.h5")
    assert record.files.warped_labels == "warped_labels.nii.gz"


def test_inverse_file_leads_back_to_where_points_came_from(shifted, sample, tmp_path):
    write_registration(shifted, tmp_path, inputs=Inputs())

    forth, back = (sitk.ReadTransform(str(tmp_path / name)) for name in ("transform.h5", "inverse.h5"))
    fixed = sitk.ReadImage(str(tmp_path / "warped.nii.gz"))
    rows, columns = np.nonzero(sample.fixed.array)
    points = [fixed.TransformIndexToPhysicalPoint(place) for place in zip(columns[::97].tolist(), rows[::97].tolist())]
    returned = [back.TransformPoint(forth.TransformPoint(point)) for point in points]

    assert np.abs(np.subtract(returned, points)).max() < 0.05
    assert shifted.inverse.grid.origin == (-14.0, 46.0)  # the moving image's
    assert shifted.record.inverse_residual_mm < 1e-3
    assert shifted.record.inverse_residual_mm <= shifted.record.inverse_residual_largest_mm


def test_names_are_those_of_bids_where_asked_for(registered, tmp_path):
    names = BidsNames.of("sub-01_ses-2_from-T1w_to-MNI152NLin2009cAsym")

    write_registration(registered, tmp_path, inputs=Inputs(), bids_names=names)

    record = Record.model_validate_json((tmp_path / "registration.json").read_text(encoding="utf-8"))
    assert record.files.transform == "sub-01_ses-2_from-T1w_to-MNI152NLin2009cAsym_mode-image_xfm.h5"
    assert record.files.inverse == "sub-01_ses-2_from-MNI152NLin2009cAsym_to-T1w_mode-image_xfm.h5"
    assert (tmp_path / record.files.transform).exists()
    assert (tmp_path / record.files.inverse).exists()
    assert not (tmp_path / "transform.h5").exists()


@pytest.mark.parametrize("entities", ["sub-01", "from-T1w", "sub-01_to-A_from-B", "../from-A_to-B", "from-A_to-B_xfm"])
def test_names_that_bids_does_not_have_are_refused(entities):
    with pytest.raises(InputError, match="wanted entities that end in the spaces"):
        BidsNames.of(entities)


def test_one_space_for_both_images_is_refused():
    with pytest.raises(
        InputError, match="names one space, 'T1w', for both images: the transform and its inverse would"
    ):
        BidsNames.of("sub-01_from-T1w_to-T1w")


@pytest.mark.parametrize("ending", [".png", ".JPG", ".jpeg"])
def test_picture_that_went_in_comes_out_as_a_picture(registered, ending, tmp_path):
    write_registration(registered, tmp_path, inputs=Inputs(moving=f"picture{ending}"))

    files = json.loads((tmp_path / "registration.json").read_text(encoding="utf-8"))["files"]
    assert (files["warped"], files["warped_labels"]) == ("warped.png", "warped_labels.png")
    assert (tmp_path / "warped.png").exists()
    assert (tmp_path / "warped_labels.png").exists()
    assert np.unique(read_image(tmp_path / "fixed_mask.png").array).tolist() == [0, 255]


def test_record_comes_back_as_it_was(registered):
    record = registered.record

    assert Record.model_validate_json(record.model_dump_json()) == record


def test_folder_appears_as_a_whole(tmp_path):
    out = tmp_path / "deep" / "out"

    with result_folder(out, overwrite=False) as folder:
        (folder / "a.txt").write_text("a")
        assert not out.exists()

    assert [path.name for path in out.iterdir()] == ["a.txt"]
    assert [path.name for path in out.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("there", [False, True])
def test_what_goes_wrong_leaves_no_trace(there, tmp_path):
    out = tmp_path / "out"
    if there:
        out.mkdir()
        (out / "a.txt").write_text("older")

    def fail() -> None:
        with result_folder(out, overwrite=True) as folder:
            (folder / "a.txt").write_text("a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert [path.name for path in tmp_path.iterdir()] == (["out"] if there else [])
    assert not there or (out / "a.txt").read_text(encoding="utf-8") == "older"


def test_overwriting_keeps_what_is_not_written_anew(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "a.txt").write_text("older")

    with result_folder(tmp_path, overwrite=True) as folder:
        (folder / "a.txt").write_text("newer")

    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "newer"


def _file(folder: Path) -> Path:
    (folder / "file").write_text("")
    return folder / "file"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (_file, "is a file, but must be a folder"),
        (lambda folder: _file(folder).parent, "is not empty: choose another folder, or add --overwrite"),
        (lambda folder: _file(folder) / "out", r"cannot be written: .*file does not allow it"),
    ],
)
def test_place_that_will_not_do_is_refused(place, message, tmp_path):
    out = place(tmp_path)

    with pytest.raises(InputError, match=message):
        check_result_folder(out, overwrite=False)
    with pytest.raises(InputError, match=message), result_folder(out, overwrite=False):
        pass


def test_empty_and_missing_folders_will_do(tmp_path):
    check_result_folder(tmp_path, overwrite=False)
    check_result_folder(tmp_path / "a" / "b", overwrite=False)

    assert not list(tmp_path.iterdir())
