import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.curation import divide, read_manifest
from sarnet.errors import ConfigError, DataError
from sarnet.images import read_image


@pytest.fixture
def table(tmp_path, picture, write, disc):
    """`table("image,patient,visit", "1.png,ann,0", ...)`: a CSV beside four images and a mask."""
    for number in range(1, 5):
        write(picture(), tmp_path / f"own/{number}.png")
    write(disc(), tmp_path / "own/masks/m.png")

    def to(*lines):
        path = tmp_path / "own/list.csv"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return to


def test_rows_keep_what_the_csv_says(table, prepared):
    path = table(
        "image,mask,patient,visit,group,dataset,spacing_mm",
        "1.png,masks/m.png,ann,0,sick,x,0.2",
        "2.png,,bob,3,well,y,0.2 0.3",
        "3.png,,cid,0,well,y,",
        "4.png,,dan,0,well,y,",
    )

    done, rows = prepared("csv", path)

    assert done.left_out == ()
    first, second, *_ = rows.values()
    assert (first.patient, first.group, first.dataset, first.spacing_mm) == ("ann", "sick", "x", "0.2 0.2")
    assert bool(first.mask)
    assert (second.visit, second.spacing_mm, second.mask) == ("3", "0.2 0.3", "")


def test_columns_may_have_other_names(table, prepared):
    path = table("file,subject,day", "1.png,ann,7", "2.png,bob,1", "3.png,cid,1", "4.png,dan,1")

    _, rows = prepared("csv", path, columns={"image": "file", "patient": "subject", "visit": "day"})

    assert (rows["1"].patient, rows["1"].visit) == ("ann", "7")


def test_what_csv_and_folder_do_not_share_is_named(table, prepared):
    done, rows = prepared("csv", table("image,patient", "1.png,ann", "9.png,bob", "2.png,cid", "3.png,dan"))

    assert set(rows) == {"1", "2", "3"}
    assert dict(done.left_out) == {"9.png": "its image is not there", "4.png": "no row of list.csv names it"}


def test_missing_mask_leaves_the_image_out(table, prepared):
    done, _ = prepared("csv", table("image,patient,mask", "1.png,a,no.png", "2.png,b,", "3.png,c,", "4.png,d,"))

    assert dict(done.left_out) == {"1.png": "its mask is not there"}


def test_second_row_of_an_image_is_left_out(table, prepared):
    path = table("image,patient", "1.png,ann", "1.png,bob", "2.png,cid", "3.png,dan", "4.png,eve")

    done, rows = prepared("csv", path)

    assert dict(done.left_out) == {"1.png": "an earlier row names it already"}
    assert rows["1"].patient == "ann"


def test_row_without_a_patient_is_left_out(table, prepared):
    done, _ = prepared("csv", table("image,patient", "1.png,", "2.png,bob", "3.png,cid", "4.png,dan"))

    assert dict(done.left_out) == {"1.png": "its row names no patient"}


def test_blank_visit_matters_only_where_a_patient_has_several(table, prepared):
    path = table("image,patient,visit", "1.png,ann,", "2.png,ann,5", "3.png,bob,", "4.png,cid,-2")

    done, rows = prepared("csv", path)

    assert [each.name for each in done.left_out] == ["1.png"]
    assert "its visit is blank" in done.left_out[0].reason
    assert (rows["3"].visit, rows["4"].visit) == ("0", "-2")
    assert "1 images have a negative visit" in done.notes[0]


def test_patient_whose_visits_are_all_blank_is_told(table, prepared):
    done, rows = prepared("csv", table("image,patient", "1.png,ann", "2.png,ann", "3.png,bob", "4.png,cid"))

    assert {row.visit for row in rows.values()} == {"0"}
    assert done.notes[0].startswith("1 patients have several images and no visit")


@pytest.mark.parametrize("cell", ["abc", "-1", "0.5 nan"])
def test_row_whose_spacing_is_none_is_left_out(cell, table, prepared):
    path = table("image,patient,spacing_mm", "1.png,a,0.5", f"2.png,b,{cell}", "3.png,c,", "4.png,d,")

    done, rows = prepared("csv", path)

    assert (set(rows), [each.name for each in done.left_out]) == ({"1", "3", "4"}, ["2.png"])
    assert f"its spacing_mm is '{cell}', but wanted are millimetres" in done.left_out[0].reason


def _with_split(table, *parts):
    rows = (f"{number}.png,{number},{part}" for number, part in enumerate(parts, start=1))
    return table("image,patient,split", *rows)


def test_corrected_split_of_the_csv_stands(table, prepared):
    prepared("csv", _with_split(table, "train", "train", "validation", "test"))

    done, rows = prepared("csv", _with_split(table, "train", "test", "validation", "train"))

    assert [row.split for row in rows.values()] == ["train", "test", "validation", "train"]
    assert done.notes == ("The source's own split stands: 2 images were in another part before.",)


def test_split_that_was_drawn_stays_where_the_csv_says_nothing(table, prepared, tmp_path):
    prepared("csv", _with_split(table, "", "", "", ""))
    (drawn,) = divide(tmp_path / "out", seed=1)
    before = {row.image: row.split for row in read_manifest(tmp_path / "out")}

    _, rows = prepared("csv", _with_split(table, "", "", "", ""), size=16)

    assert {row.image: row.split for row in rows.values()} == before
    assert drawn.images.total() == 4


@pytest.mark.parametrize(
    ("last", "message"),
    [("train", "patient '1' is in the splits 'test' and 'train'"), ("dev", "has the split 'dev'")],
)
def test_split_that_training_would_refuse_is_told(last, message, table, prepared):
    path = table("image,patient,split", "1.png,1,test", "2.png,2,train", "3.png,3,validation", f"4.png,1,{last}")

    done, _ = prepared("csv", path)

    assert any(note.startswith("The split cannot be used") and message in note for note in done.notes)


def test_same_name_in_two_folders_is_told_apart(tmp_path, picture, write, prepared):
    for patient in ("ann", "bob"):
        write(picture(), tmp_path / f"own/{patient}/scan.png")
    (tmp_path / "own/list.csv").write_text("image,patient\nann/scan.png,ann\nbob/scan.png,bob\n")

    _, rows = prepared("csv", tmp_path / "own")

    assert list(rows) == ["ann_scan", "bob_scan"]


@pytest.mark.parametrize(
    ("lines", "settings", "error", "message"),
    [
        (("image,subject", "1.png,a"), {}, DataError, r"no column \['patient'\]"),
        (("image,patient",), {}, DataError, "has no row"),
        (("image,patient", "1.png,a"), {"columns": {"sex": "gender"}}, ConfigError, r"names \['sex'\]"),
        (("image,patient", "1.png,a"), {"columns": {"visit": "day"}}, DataError, r"no column \['day'\]"),
    ],
)
def test_csv_that_cannot_be_used_is_refused(lines, settings, error, message, table, prepared):
    with pytest.raises(error, match=message):
        prepared("csv", table(*lines), **settings)


def test_prepared_data_can_be_prepared_again(table, prepared, tmp_path):
    rows = ("1.png,a,0.5", "2.png,b,0.5", "3.png,c,0.5", "4.png,d,0.5")
    _, first = prepared("csv", table("image,patient,spacing_mm", *rows))

    done, second = prepared("csv", tmp_path / "out/manifest.csv", out=tmp_path / "smaller", size=16)

    assert (done.left_out, list(second)) == ((), list(first))
    assert second["1"].size == "16 16"
    assert second["1"].spacing_mm == "1 1.25"  # 32 x 40 pixels of half a millimetre onto 16


def test_spacing_of_the_csv_goes_to_the_mask_too(tmp_path, picture, write, disc, prepared):
    shape = (6, 8, 10)
    write(picture(shape), tmp_path / "own/a.nii.gz")
    write(disc(shape), tmp_path / "own/a_mask.nii.gz")
    (tmp_path / "own/list.csv").write_text("image,mask,patient,spacing_mm\na.nii.gz,a_mask.nii.gz,ann,1 1 5\n")

    done, rows = prepared("csv", tmp_path / "own")

    assert (done.left_out, rows["a"].spacing_mm) == ((), "1 1 5")
    assert read_image(tmp_path / "out" / rows["a"].mask).grid.spacing == (1.0, 1.0, 5.0)


def test_spacing_of_the_csv_that_contradicts_the_file_is_noted(tmp_path, picture, write, prepared):
    write(picture((6, 8, 10)), tmp_path / "own/a.nii.gz")
    (tmp_path / "own/list.csv").write_text("image,patient,spacing_mm\na.nii.gz,ann,1 1 5\n")

    _, rows = prepared("csv", tmp_path / "own")

    assert "table says 1 x 1 x 5 mm, which were taken; the file says" in rows["a"].notes


def test_row_with_a_comma_too_many_is_refused_and_a_trailing_one_is_not(table, prepared):
    _, rows = prepared("csv", table("image,patient", "1.png,a,", "2.png,b"))
    assert {"1", "2"} <= set(rows)

    with pytest.raises(DataError, match="row 3, has more cells than the 3 columns of the first row"):
        prepared("csv", table("image,patient,group", "1.png,a,none", "2.png,b,nodule, left"))


def test_folder_of_a_dicom_series_is_an_image(adni, prepared):
    (adni / "own.csv").write_text("image,patient\nADNI/023_S_0061/MP-RAGE/2006-01-20_10_31_00.0/I13722,ann\n")

    done, rows = prepared("csv", adni / "own.csv")

    assert (done.left_out, rows["I13722"].size, rows["I13722"].spacing_mm) == ((), "44 52 48", "4 4 4")


def test_mask_that_a_network_drew_stays_marked(table, prepared):
    path = table("image,mask,patient,mask_by", "1.png,masks/m.png,ann,sarnet-cxr 0123", "2.png,masks/m.png,bob,")

    _, rows = prepared("csv", path)

    assert (rows["1"].mask_by, rows["2"].mask_by) == ("sarnet-cxr 0123", "manual")


def test_spacing_of_the_csv_leaves_the_other_notes(table, picture, prepared, tmp_path):
    path = table("image,patient,spacing_mm", "1.png,ann,0.5")
    grey = picture()
    sitk.WriteImage(sitk.GetImageFromArray(np.stack([grey] * 3, axis=-1), isVector=True), str(path.parent / "1.png"))

    _, rows = prepared("csv", path)

    assert (rows["1"].spacing_mm, rows["1"].notes) == ("0.5 0.5", "1.png is in colour: read as grey by luminance.")
