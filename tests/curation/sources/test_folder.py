import pytest

from sarnet.errors import ConfigError, DataError


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
