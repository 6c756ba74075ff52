import numpy as np
import pytest

from sarnet.errors import ConfigError, DataError, InputError
from sarnet.images import read_image, read_labels


def test_images_masks_and_labels_in_folders_of_their_own_go_by_their_names(tmp_path, picture, write, disc, prepared):
    for name in ("a", "b"):
        write(picture(), tmp_path / f"own/images/{name}.png")
    write(disc(), tmp_path / "own/masks/a.png")
    write(disc(value=4), tmp_path / "own/labels/b.nii.gz")

    _, rows = prepared("folder", tmp_path / "own")

    assert [(name, bool(row.mask), bool(row.labels)) for name, row in rows.items()] == [
        ("a", True, False),
        ("b", False, True),
    ]
    assert [row.patient for row in rows.values()] == ["a", "b"]


def test_mask_and_labels_may_lie_beside_the_image(tmp_path, picture, write, disc, prepared):
    write(picture(), tmp_path / "own/scan.nii.gz")
    write(disc(), tmp_path / "own/scan_mask.nii.gz")
    write(disc(value=2), tmp_path / "own/scan_labels.nii.gz")

    _, rows = prepared("folder", tmp_path / "own")

    assert list(rows) == ["scan"]
    assert (bool(rows["scan"].mask), bool(rows["scan"].labels)) == (True, True)


def test_folder_of_an_image_is_its_patient_and_its_name_the_visit(tmp_path, picture, write, prepared):
    for path in ("ann/2019.png", "ann/2020.png", "bob/2019.png"):
        write(picture(), tmp_path / "own" / path)

    _, rows = prepared("folder", tmp_path / "own")

    assert [(name, row.patient, row.visit) for name, row in rows.items()] == [
        ("ann_2019", "ann", "2019"),
        ("ann_2020", "ann", "2020"),
        ("bob_2019", "bob", "2019"),
    ]


def test_pattern_tells_patient_visit_and_group(tmp_path, picture, write, prepared):
    write(picture(), tmp_path / "own/sick/p07-day12.png")

    _, rows = prepared("folder", tmp_path / "own", pattern=r"(?P<group>\w+)/(?P<patient>p\d+)-day(?P<visit>\d+)")

    row = rows["sick_p07-day12"]
    assert (row.patient, row.visit, row.group) == ("p07", "12", "sick")


def test_file_that_the_pattern_misses_is_named(tmp_path, picture, write, prepared):
    write(picture(), tmp_path / "own/odd.png")

    with pytest.raises(DataError, match=r"odd\.png does not match the pattern"):
        prepared("folder", tmp_path / "own", pattern=r"(?P<patient>p\d+)")


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", "must be a regular expression"), (r"(?P<person>\d+)", "must have a group")]
)
def test_pattern_that_tells_nothing_is_refused(pattern, message, tmp_path, picture, write, prepared):
    write(picture(), tmp_path / "own/p1.png")

    with pytest.raises(ConfigError, match=message):
        prepared("folder", tmp_path / "own", pattern=pattern)


@pytest.mark.parametrize("layout", ["{patient}/2019_mask.png", "masks/{patient}/2019.png"])
def test_mask_is_that_of_the_image_in_the_same_folder(layout, tmp_path, picture, write, disc, prepared):
    masks = {"ann": disc(), "bob": 255 - disc()}
    for patient, mask in masks.items():
        write(picture(), tmp_path / f"own/{patient}/2019.png")
        write(mask, tmp_path / "own" / layout.format(patient=patient))

    done, rows = prepared("folder", tmp_path / "own")

    assert (list(rows), done.left_out) == (["ann_2019", "bob_2019"], ())
    for patient, mask in masks.items():
        np.testing.assert_array_equal(read_labels(tmp_path / "out" / rows[f"{patient}_2019"].mask).array, mask)


def test_mask_in_a_tree_of_its_own_goes_by_the_same_path_as_its_image(tmp_path, picture, write, disc, prepared):
    for patient, mask in (("ann", disc()), ("bob", 255 - disc())):
        write(picture(), tmp_path / f"own/images/{patient}/2019.png")
        write(mask, tmp_path / f"own/masks/{patient}/2019.png")
        write(mask // 255, tmp_path / f"own/labels/{patient}/2019.png")

    _, rows = prepared("folder", tmp_path / "own")

    np.testing.assert_array_equal(read_labels(tmp_path / "out" / rows["ann_2019"].mask).array, disc())
    np.testing.assert_array_equal(read_labels(tmp_path / "out" / rows["ann_2019"].labels).array, disc() // 255)


def test_masks_of_no_image_and_second_masks_are_left_out(tmp_path, picture, write, disc, prepared):
    write(picture(), tmp_path / "own/ann/2019.png")
    for path in ("ann/2018_mask.png", "masks/2019.png", "masks/ann/2019.png", "ann/2019_mask.png"):
        write(disc(), tmp_path / "own" / path)

    done, rows = prepared("folder", tmp_path / "own")

    assert list(rows) == ["ann_2019"]
    no_image = "it belongs to no image: none in the same folder has its name"
    assert dict(done.left_out) == {
        "ann/2018_mask.png": no_image,
        "2019.png": no_image,
        "ann/2019.png": "2019_mask.png is taken for the same image",
    }


@pytest.mark.parametrize("name", ["a.png", "a_mask.png"])
def test_given_folder_of_masks_has_them_by_name(name, tmp_path, picture, write, disc, prepared):
    for image in "ab":
        write(picture(), tmp_path / f"own/{image}.png")
    write(disc(), tmp_path / "given" / name)

    done, rows = prepared("folder", tmp_path / "own", masks=tmp_path / "given")

    assert [bool(row.mask) for row in rows.values()] == [True, False]
    assert done.notes == (f"1 of 2 images have a mask in {tmp_path / 'given'}.",)


def test_given_folder_of_masks_must_be_there_and_have_some(tmp_path, picture, write, disc, prepared):
    write(picture(), tmp_path / "own/a.png")
    write(disc(), tmp_path / "given/other.png")

    with pytest.raises(InputError, match=r"masks is .*nowhere, but there is no such folder"):
        prepared("folder", tmp_path / "own", masks=tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"has none of these images: wanted are NAME\.png or NAME_mask\.png"):
        prepared("folder", tmp_path / "own", masks=tmp_path / "given")


def test_second_file_of_a_name_is_named_with_its_ending(tmp_path, picture, write, prepared):
    write(picture(), tmp_path / "own/a.nii.gz")
    write(picture(), tmp_path / "own/a.png")

    done, _ = prepared("folder", tmp_path / "own")

    assert dict(done.left_out) == {"a.png": "a.nii.gz has the same name a already"}


def test_negative_visit_that_a_pattern_finds_is_told(tmp_path, picture, write, prepared):
    for visit in ("-3", "0"):
        write(picture(), tmp_path / f"own/p1_{visit}.png")

    done, _ = prepared("folder", tmp_path / "own", pattern=r"(?P<patient>p\d+)_(?P<visit>-?\d+)")

    assert done.notes == ("1 images have a negative visit: kept, as earlier than day 0.",)


def test_image_is_not_its_own_mask_where_masks_are_looked_for_beside_it(tmp_path, picture, write, disc, prepared):
    for name in "ab":
        write(picture(), tmp_path / f"own/{name}.png")
    write(disc(), tmp_path / "own/a_mask.png")

    _, rows = prepared("folder", tmp_path / "own", masks=tmp_path / "own")

    assert {name: bool(row.mask) for name, row in rows.items()} == {"a": True, "b": False}


def test_slices_of_a_dicom_series_are_one_volume(tmp_path, picture, series, write, disc, prepared):
    volumes = {"ann": picture((5, 24, 20)), "bob": picture((5, 24, 20))}
    for patient, volume in volumes.items():
        series(volume, tmp_path / f"own/{patient}", spacing=(1.0, 1.0, 2.5))
    series(picture((6, 24, 20)), tmp_path / "own/bob/2006-04-18.0", spacing=(1.0, 1.0, 2.5), uid=8)
    write(disc((5, 24, 20)), tmp_path / "own/ann_mask.nii.gz", spacing=(1.0, 1.0, 2.5))

    done, rows = prepared("folder", tmp_path / "own")

    assert (done.images, done.left_out, done.notes) == (3, (), ())
    assert [(name, row.patient, row.visit, row.size) for name, row in rows.items()] == [
        ("ann", "ann", "0", "20 24 5"),
        ("bob", "bob", "0", "20 24 5"),
        ("bob_2006-04-18", "bob", "2006-04-18.0", "20 24 6"),
    ]
    assert (rows["ann"].spacing_mm, bool(rows["ann"].mask)) == ("1 1 2.5", True)
    np.testing.assert_array_equal(read_image(tmp_path / "out" / rows["bob"].image).array, volumes["bob"])


def test_series_in_the_folder_itself_is_one_volume_of_its_name(tmp_path, picture, series, prepared):
    series(picture((5, 24, 20)), tmp_path / "own")

    _, rows = prepared("folder", tmp_path / "own")

    assert [(name, row.patient, row.size) for name, row in rows.items()] == [("own", "own", "20 24 5")]


def test_slice_that_cannot_be_read_is_named_beside_its_series(tmp_path, picture, series, prepared):
    series(picture((5, 24, 20)), tmp_path / "own/ann")
    (tmp_path / "own/ann/last.dcm").write_bytes(b"DICM" * 100)

    done, rows = prepared("folder", tmp_path / "own")

    assert [row.size for row in rows.values()] == ["20 24 5"]
    assert [each.name for each in done.left_out] == ["ann_last"]


def test_series_with_a_link_to_nothing_is_left_out(tmp_path, picture, series, prepared):
    for patient in ("ann", "bob"):
        series(picture((5, 24, 20)), tmp_path / f"own/{patient}")
    (tmp_path / "own/ann/last.dcm").symlink_to("nowhere")

    done, rows = prepared("folder", tmp_path / "own")

    assert [row.patient for row in rows.values()] == ["bob"]
    assert dict(done.left_out) == {
        "ann": "its image has a link to a file that is not there",
        "ann_last": "its image is a link to a file that is not there",
    }


@pytest.mark.parametrize("other", [{"modality": "DX"}, {"moving": False}])
def test_series_that_is_no_stack_stays_pictures_and_is_told(other, tmp_path, picture, series, prepared):
    series(picture((3, 24, 20)), tmp_path / "own/ann", **other)

    done, rows = prepared("folder", tmp_path / "own")

    assert [row.size for row in rows.values()] == ["20 24"] * 3
    assert done.notes[0].startswith("1 folders (ann the first) hold a DICOM series that is no stack")


def test_several_series_in_a_folder_stay_pictures_and_are_told(tmp_path, picture, series, prepared):
    for uid in (7, 8):
        series(picture((2, 24, 20)), tmp_path / "own/ann", uid=uid)

    done, rows = prepared("folder", tmp_path / "own")

    assert [row.size for row in rows.values()] == ["20 24"] * 4
    assert done.notes[0].startswith("1 folders (ann the first) hold several DICOM series: each file is an image")


def test_pictures_of_a_series_each_are_told_nothing(tmp_path, picture, series, prepared):
    for uid in (7, 8):
        series(picture((1, 24, 20)), tmp_path / "own/ann", uid=uid)

    done, rows = prepared("folder", tmp_path / "own")

    assert (len(rows), done.notes) == (2, ())


def test_link_to_nothing_is_left_out(tmp_path, picture, write, prepared):
    for name in "ab":
        write(picture(), tmp_path / f"own/{name}.png")
    for name in ("b_mask.png", "c.png"):
        (tmp_path / "own" / name).symlink_to("nowhere")

    done, rows = prepared("folder", tmp_path / "own")

    assert set(rows) == {"a"}
    assert dict(done.left_out) == {
        "b": "its mask is a link to a file that is not there",
        "c": "its image is a link to a file that is not there",
    }
