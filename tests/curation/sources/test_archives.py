"""Every archive's layout, as it is unpacked: which images come out, whose they are, and what is said of the rest."""

import json

import numpy as np
import pytest

from sarnet.config import CurationSettings
from sarnet.curation import settings_for
from sarnet.curation.sources import SOURCES
from sarnet.curation.sources import adni as adni_source
from sarnet.curation.sources import chestxray14 as chestxray14_source
from sarnet.errors import DataError
from sarnet.images import read_image, read_labels

ARCHIVES = [name for name in SOURCES if name not in ("csv", "folder")]


@pytest.mark.parametrize("source", ARCHIVES)
def test_empty_folder_is_told_what_belongs_there(source, tmp_path, plain):
    with pytest.raises(DataError, match=r"wanted are|one is wanted"):
        SOURCES[source].survey(tmp_path, plain)


def test_shenzhen_masks_are_found_by_their_names_and_the_last_digit_is_the_group(shenzhen, prepared):
    done, rows = prepared("shenzhen", shenzhen)

    assert (done.images, done.left_out) == (2, ())
    assert [(row.group, bool(row.mask)) for row in rows.values()] == [("normal", True), ("tuberculosis", False)]
    assert rows["CHNCXR_0001_0"].mask_by == "manual"


def test_montgomery_lungs_become_one_mask(montgomery, prepared, disc, tmp_path):
    _, rows = prepared("montgomery", montgomery)

    mask = read_labels(tmp_path / "out" / rows["MCUCXR_0001_0"].mask).array

    np.testing.assert_array_equal(mask, disc())


@pytest.mark.parametrize(
    ("source", "lung"),
    [("montgomery", "ManualMask/leftMask/MCUCXR_0001_0.png"), ("jsrt", "scratch/fold1/masks/left lung/JPCLN001.gif")],
)
def test_mask_of_one_lung_alone_is_left_out(source, lung, request, prepared):
    root = request.getfixturevalue(source)
    other = root / lung.replace("left", "right")
    other.unlink()

    done, rows = prepared(source, root)
    (row,) = rows.values()

    assert (row.mask, row.mask_by) == ("", "")
    assert [each.name for each in done.left_out] == ["/".join(lung.split("/")[-2:])]
    assert "the other lung's mask is not there" in done.left_out[0].reason


def test_acdc_patient_whose_card_lacks_a_phase_is_left_out(acdc, prepared):
    other = acdc / "database/training/patient008/Info.cfg"
    other.parent.mkdir()
    other.write_text("ED: 1\nGroup: DCM\n")

    done, rows = prepared("acdc", acdc)

    assert list(rows) == ["patient007_ed", "patient007_es"]
    assert done.left_out[0].name == "patient008"
    assert "its Info.cfg has no number for ['ES']" in done.left_out[0].reason


def test_acdc_phases_are_visits_with_labels_and_spacing(acdc, prepared, tmp_path):
    done, rows = prepared("acdc", acdc)

    assert done.images == 2
    assert [(row.patient, row.visit, row.group) for row in rows.values()] == [
        ("patient007", "ed", "DCM"),
        ("patient007", "es", "DCM"),
    ]
    assert rows["patient007_ed"].spacing_mm == "1.5 1.5 10"
    assert set(np.unique(read_labels(tmp_path / "out" / rows["patient007_es"].labels).array)) == {0, 3}


def test_ibsr_takes_the_stripped_brain_and_its_tissues(ibsr, prepared, tmp_path):
    _, rows = prepared("ibsr", ibsr)

    row = rows["IBSR_01"]

    stripped = read_image(ibsr / "IBSR_01/IBSR_01_ana_strip.nii.gz")
    np.testing.assert_array_equal(read_image(tmp_path / "out" / row.image).array, stripped.array)
    assert read_labels(tmp_path / "out" / row.labels).array.max() == 2
    assert read_labels(tmp_path / "out" / row.mask).array.max() == 255


@pytest.mark.parametrize(("dimension", "size", "label"), [(3, "16 14 12", 17), (2, "16 20", 5)])
def test_oasis_has_volumes_or_slices(oasis, prepared, tmp_path, dimension, size, label):
    done, rows = prepared("oasis", oasis, dimension=dimension)

    row = rows["OASIS_OAS1_0001_MR1"]

    assert (done.images, row.patient, row.size) == (2, "OASIS_OAS1_0001", size)
    assert read_labels(tmp_path / "out" / row.labels).array.max() == label


def test_learn2reg_names_tell_patient_and_visit_and_the_file_tells_the_split(learn2reg, prepared):
    done, rows = prepared("learn2reg", learn2reg)

    assert done.images == 7
    first = rows["ThoraxCBCT_0001_0001"]
    assert (first.patient, first.visit, first.split, bool(first.labels), bool(first.mask)) == (
        *("0001", "0001", "train"),
        *(True, True),
    )
    assert {row.split for row in rows.values() if row.patient == "0003"} == {"validation"}
    assert rows["ThoraxCBCT_0009_0000"].split == "test"


def test_bids_sessions_are_visits_and_derivatives_are_masks(bids, prepared):
    done, rows = prepared("bids", bids)

    first = rows["sub-01_ses-1_T1w"]

    assert done.images == 4  # no T2w
    assert (first.patient, first.visit, first.group) == ("sub-01", "1", "patient")
    assert (bool(first.mask), bool(first.labels)) == (True, True)
    assert not rows["sub-02_ses-1_T1w"].mask


DERIVED = "derivatives/prep/sub-01/ses-1"
BRAIN = f"{DERIVED}/anat/sub-01_ses-1_desc-brain_mask.nii.gz"


@pytest.mark.parametrize(
    "other",
    [
        f"{DERIVED}/func/sub-01_ses-1_task-rest_desc-brain_mask.nii.gz",
        f"{DERIVED}/func/sub-01_ses-1_desc-brain_mask.nii.gz",
        f"{DERIVED}/anat/sub-01_ses-1_space-MNI152_desc-brain_mask.nii.gz",
        f"{DERIVED}/anat/sub-01_ses-1_desc-lesion_mask.nii.gz",
        f"{DERIVED}/anat/sub-01_ses-1_run-2_desc-brain_mask.nii.gz",
        f"{DERIVED}/anat/sub-01_ses-1_acq-fast_desc-brain_mask.nii.gz",
        "derivatives/prep/sub-01/anat/sub-01_desc-brain_mask.nii.gz",
    ],
)
def test_bids_mask_of_something_else_is_not_taken(other, bids, plain):
    (bids / other).parent.mkdir(parents=True, exist_ok=True)
    (bids / BRAIN).rename(bids / other)

    items = SOURCES["bids"].survey(bids, plain).items

    assert [item.mask for item in items] == [None] * 4


def test_bids_mask_of_the_brain_goes_before_others(bids, plain):
    for name in (
        "sub-01_ses-1_mask",
        "sub-01_ses-1_desc-a_mask",
        "sub-01_ses-1_desc-z_dseg",
        "sub-01_ses-1_desc-a_dseg",
    ):
        (bids / BRAIN).with_name(f"{name}.nii.gz").touch()

    first = SOURCES["bids"].survey(bids, plain).items[0]

    assert first.mask.paths[0].name == "sub-01_ses-1_desc-brain_mask.nii.gz"
    assert first.labels.paths[0].name == "sub-01_ses-1_dseg.nii.gz"


def test_bids_file_without_a_subject_is_left_out(bids, plain):
    (bids / "sub-01/ses-1/anat/foo_T1w.nii.gz").touch()

    survey = SOURCES["bids"].survey(bids, plain)

    assert len(survey.items) == 4
    assert [each.name for each in survey.left_out] == ["foo_T1w.nii.gz"]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"training": [{"img": "x"}]}, r"has in 'training' the entry \{'img': 'x'\}"),
        ({"training": {"0": "a"}}, "has as 'training'"),
        ({"training": [], "registration_val": ["x"]}, "has in 'registration_val' 'x'"),
    ],
)
def test_learn2reg_file_of_another_form_is_told(told, message, tmp_path, plain):
    (tmp_path / "dataset.json").write_text(json.dumps(told))

    with pytest.raises(DataError, match=message):
        SOURCES["learn2reg"].survey(tmp_path, plain)


def test_jsrt_raw_file_is_read_big_endian_and_turned_over(jsrt, prepared, tmp_path):
    _, rows = prepared("jsrt", jsrt)
    row = rows["JPCLN001"]

    image = read_image(tmp_path / "out" / row.image)
    mask = read_labels(tmp_path / "out" / row.mask)

    np.testing.assert_array_equal(image.array[7], 4095 - np.linspace(0, 4095, 2048).astype(int))
    assert (row.spacing_mm, row.group, mask.array.shape) == ("0.175 0.175", "nodule", (2048, 2048))
    assert 0.2 < (mask.array == 255).mean() < 0.4  # a disc of radius 0.3 of the side


def test_jsrt_of_8_bits_is_left_out_and_says_so(jsrt, prepared):
    np.zeros((2048, 2048), np.uint8).tofile(jsrt / "All247images/JPCNN001.IMG")

    done, rows = prepared("jsrt", jsrt)

    assert list(rows) == ["JPCLN001"]
    assert "8 bits a pixel" in done.left_out[0].reason


def test_chestxray14_takes_patients_with_three_visits_and_the_size_of_the_paper(chestxray14, prepared):
    done, rows = prepared("chestxray14", chestxray14, size=32)

    assert list(rows) == [f"{patient:08}_{visit:03}" for patient in (1, 5) for visit in range(3)]
    assert rows["00000005_002"].visit == "2"
    assert rows["00000001_000"].group == "Effusion|Mass"
    # 0.16 mm x 2048 and 0.168 mm x 2500, onto 32 pixels
    assert rows["00000001_000"].spacing_mm == "10.24 13.125"
    assert "6 of the CSV's 7 images" in done.notes[0]


def test_chestxray14_rule_takes_906_images_in_the_order_of_patients(chestxray14, plain):
    table = next(chestxray14.glob("*.csv"))
    lines = [table.read_text(encoding="utf-8").splitlines()[0]]
    for patient in range(1, 400):
        visits = 1 + patient % 10
        for visit in range(visits):
            name = f"{patient:08}_{visit:03}.png"
            (chestxray14 / f"images_001/images/{name}").touch()
            lines.append(f"{name},No Finding,{visit},{patient},58,M,AP,2048,2500,0.16,0.168,")
    table.write_text("\n".join(lines) + "\n")

    items = chestxray14_source.survey(chestxray14, plain).items

    visits = {item.patient: sum(each.patient == item.patient for each in items) for item in items}
    assert len(items) == 906
    assert set(visits.values()) <= set(range(3, 9))
    assert list(visits) == sorted(visits, key=int)
    assert all(visits[patient] == 1 + int(patient) % 10 for patient in visits)  # whole or not at all


def test_chestxray14_names_what_csv_and_folder_do_not_share(chestxray14, picture, write, prepared):
    write(picture((64, 64)), chestxray14 / "images_001/images/00000077_000.png")
    (chestxray14 / "images_002/images/00000005_001.png").unlink()

    done, _ = prepared("chestxray14", chestxray14, size=32)

    assert dict(done.left_out) == {
        "00000005_001.png": "its file is not there",
        "00000077_000.png": "no row of Data_Entry_2017_v2020.csv names it",
    }


@pytest.mark.parametrize("follow_up", ["", "-3"])
def test_chestxray14_needs_a_follow_up(chestxray14, prepared, follow_up):
    table = next(chestxray14.glob("*.csv"))
    table.write_text(
        table.read_text(encoding="utf-8").replace(
            "00000001_001.png,Effusion|Mass,1,", f"00000001_001.png,Mass,{follow_up},"
        )
    )

    done, rows = prepared("chestxray14", chestxray14, size=32)

    assert done.left_out[0].name == "00000001_001.png"
    assert "its follow-up is" in done.left_out[0].reason
    assert "00000001_000" not in rows  # two visits are left


def test_sunnybrook_outlines_are_filled(sunnybrook, prepared, tmp_path):
    _, rows = prepared("sunnybrook", sunnybrook)

    diastole = read_labels(tmp_path / "out" / rows["SC-HF-I-1_IM-0001-0048"].labels).array
    systole = read_labels(tmp_path / "out" / rows["SC-HF-I-1_IM-0001-0059"].labels).array

    assert [row.visit for row in rows.values()] == ["ed", "es"]
    assert rows["SC-HF-I-1_IM-0001-0048"].group == "infarction"
    assert rows["SC-HF-I-1_IM-0001-0048"].spacing_mm == "1.25 1.25"
    # pixel centres 10 to 19 lie in the cavity, 6 to 25 within the wall
    assert ((diastole == 3).sum(), (diastole == 2).sum()) == (100, 300)
    assert ((systole == 3).sum(), (systole == 2).sum()) == (100, 0)


def test_adni_takes_each_subjects_first_visit_and_names_what_is_missing(adni, plain):
    survey = adni_source.survey(adni, plain)

    assert [(item.patient, item.group, item.visit) for item in survey.items] == [
        ("002_S_0295", "CN", "0-sc"),
        ("011_S_0003", "AD", "0-sc"),
        ("023_S_0061", "MCI", "0-sc"),
    ]
    assert dict(survey.left_out) == {"I99999": "its folder is not there"}
    assert "1 of 200 CN, 1 of 400 MCI, 1 of 200 AD" in survey.notes[0]
    assert len(survey.items[2].image.files) == 48  # the whole series


def _with_rows(adni, *rows):
    table = next(adni.glob("*.csv"))
    table.write_text(table.read_text(encoding="utf-8") + "\n".join(rows) + "\n")


def test_adni_second_row_of_an_id_and_another_subjects_row_are_left_out(adni, plain):
    _with_rows(adni, "I45108,002_S_0295,AD,M,85,m12,MRI,MPR,Processed,4/18/2007,NiFTI,")
    stray = adni / "ADNI/011_S_0003/MPR/2007-09-01_09_14_21.0/I55555"
    stray.mkdir(parents=True)
    _with_rows(adni, "I55555,023_S_0061,MCI,F,77,m24,MRI,MPR,Processed,9/01/2007,NiFTI,")

    survey = adni_source.survey(adni, plain)

    assert (survey.items[0].group, survey.items[0].visit) == ("CN", "0-sc")
    assert dict(survey.left_out) == {
        "I99999": "its folder is not there",
        "I45108": "an earlier row of the CSV names it already",
        "I55555": "its row says the subject '023_S_0061', its folder '011_S_0003'",
    }


def test_adni_visits_sort_as_text_by_their_time(tmp_path):
    in_time = ["sc", "bl", "m06", "m12", "m36", "m108"]
    lines = ["Image Data ID,Subject,Group,Visit"]
    for number, visit in enumerate(in_time):
        folder = tmp_path / f"ADNI/002_S_0295/MPR/2006-01-0{number + 1}_00_00_00.0/I{number}"
        folder.mkdir(parents=True)
        (folder / "volume.nii").touch()
        lines.append(f"I{number},002_S_0295,CN,{visit}")
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")

    items = adni_source.survey(tmp_path, CurationSettings(selection="all")).items

    assert [item.name for item in sorted(items, key=lambda item: item.visit)] == [
        f"002_S_0295_I{number}" for number in range(len(in_time))
    ]


def test_adni_without_a_template_is_neither_aligned_nor_averaged():
    settings = settings_for("adni", {"template": "none"})

    assert (settings.template, settings.atlas, settings.brain) == (None, False, "deepbet")
    assert settings_for("adni", {"template": "none", "atlas": True}).atlas


def test_adni_rule_stops_at_200_400_200(tmp_path):
    lines = ["Image Data ID,Subject,Group,Visit"]
    for number in range(1, 1001):
        subject, group = f"{number % 9:03}_S_{number:04}", ("CN", "MCI", "AD", "SMC")[number % 4]
        folder = tmp_path / f"ADNI/{subject}/MPR/2006-01-01_00_00_00.0/I{number}"
        folder.mkdir(parents=True)
        (folder / "volume.nii").touch()
        lines.append(f"I{number},{subject},{group},sc")
    (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")

    items = adni_source.survey(tmp_path, CurationSettings()).items

    groups = [item.group for item in items]
    assert {group: groups.count(group) for group in groups} == {"CN": 200, "MCI": 250, "AD": 200}


def test_adni_volumes_are_aligned_normalised_and_averaged(adni, prepared, tmp_path):
    done, rows = prepared("adni", adni, brain="done", spacing_mm=6.0, size=32)

    volumes = [read_image(tmp_path / "out" / row.image) for row in rows.values()]
    atlas = read_image(tmp_path / "out/atlas.nii.gz")

    assert done.images == 3
    assert {(row.size, row.spacing_mm) for row in rows.values()} == {("32 32 32", "6 6 6")}
    assert all(volume.grid.same_as(volumes[0].grid) for volume in volumes)
    assert all(0 <= volume.array.min() < 0.01 and 0.9 < volume.array.max() <= 1 for volume in volumes)
    np.testing.assert_allclose(atlas.array, np.mean([volume.array for volume in volumes], axis=0), atol=1e-6)


@pytest.mark.parametrize("patient", ["SC-HF-I-1", "SC-HF-NI-3", "SC-HYP-1", "SC-N-2"])
@pytest.mark.parametrize("series", ["0001", "0379"])
def test_sunnybrook_knows_every_group_and_copies_that_number_the_series(series, patient, sunnybrook, plain):
    for path in sorted(sunnybrook.glob("**/SC-HF-I-*"), reverse=True):
        path.rename(path.with_name(patient))
    for path in sunnybrook.glob("**/IM-*.dcm"):
        path.rename(path.with_name(path.name.replace("IM-0001", f"IM-{series}")))

    survey = SOURCES["sunnybrook"].survey(sunnybrook, plain)

    assert [(item.patient, bool(item.group)) for item in survey.items] == [(patient, True)] * 2
    assert survey.left_out == ()


def test_sunnybrook_slice_of_several_series_is_not_guessed(sunnybrook, plain):
    slice_ = next(sunnybrook.glob("**/IM-0001-0048.dcm"))
    for series in ("0004", "0005"):
        slice_.with_name(f"IM-{series}-0048.dcm").write_bytes(slice_.read_bytes())
    slice_.unlink()

    survey = SOURCES["sunnybrook"].survey(sunnybrook, plain)

    assert [each.name for each in survey.left_out] == ["IM-0001-0048-icontour-manual.txt"]


def test_jsrt_mask_is_never_taken_for_the_picture(tmp_path, picture, disc, write, prepared):
    write(picture(), tmp_path / "JSRT/Images/JPCLN001.png")
    for folder in ("left lung", "right lung", "heart"):
        write(disc(), tmp_path / f"JSRT/{folder}/JPCLN001.png")

    _, rows = prepared("jsrt", tmp_path / "JSRT")

    assert rows["JPCLN001"].source == "Images/JPCLN001.png"
    assert rows["JPCLN001"].mask


def test_shenzhen_second_mask_is_no_image(shenzhen, picture, disc, write, prepared):
    write(disc(), shenzhen / "masks/CHNCXR_0001_0.png")
    write(disc(), shenzhen / "mask/CHNCXR_0999_1_mask.png")

    done, rows = prepared("shenzhen", shenzhen)

    assert set(rows) == {"CHNCXR_0001_0", "CHNCXR_0400_1"}
    assert {each.name for each in done.left_out} == {"mask/CHNCXR_0001_0_mask.png", "mask/CHNCXR_0999_1_mask.png"}


@pytest.mark.parametrize(
    ("source", "lung"),
    [("montgomery", "ManualMask/leftMask/MCUCXR_0001_0.png"), ("jsrt", "scratch/fold1/masks/left lung/JPCLN001.gif")],
)
def test_mask_of_no_image_is_left_out(source, lung, request, prepared):
    root = request.getfixturevalue(source)
    other = lung.replace("0001", "0009").replace("N001", "N009")
    (root / other).write_bytes((root / lung).read_bytes())

    done, _ = prepared(source, root)

    assert dict(done.left_out) == {"/".join(other.split("/")[-2:]): "it belongs to no image: none has its name"}


def test_learn2reg_image_is_not_its_own_mask_whatever_its_folder_is_called(learn2reg, plain):
    (learn2reg / "imagesTr").rename(learn2reg / "scans")
    table = next(learn2reg.glob("*dataset.json"))
    told = json.loads(table.read_text(encoding="utf-8").replace("imagesTr", "scans"))
    told["training"] = [{"image": entry["image"]} for entry in told["training"]]
    table.write_text(json.dumps(told))

    found = SOURCES["learn2reg"].survey(learn2reg, plain)

    items = [item for item in found.items if item.image.paths[0].parent.name == "scans"]
    assert len(items) == 6
    assert all(item.mask is None and item.labels is None for item in items)


def test_learn2reg_listed_label_that_is_not_there_leaves_the_image_out(learn2reg, plain):
    gone = sorted(learn2reg.glob("labelsTr/*"))[0]
    gone.unlink()

    survey = SOURCES["learn2reg"].survey(learn2reg, plain)

    assert dict(survey.left_out) == {gone.name: "its label is listed, but not there"}


def test_bids_unknown_group_is_none(bids, plain):
    table = bids / "participants.tsv"
    table.write_text(table.read_text(encoding="utf-8").replace("control", "n/a"))

    groups = {item.patient: item.group for item in SOURCES["bids"].survey(bids, plain).items}

    assert groups == {"sub-01": "patient", "sub-02": ""}


@pytest.mark.parametrize("side", [64, 128])
def test_chestxray14_spacing_is_of_the_file_whatever_its_size(side, chestxray14, picture, write, prepared):
    write(picture((side, side)), chestxray14 / "images_001/images/00000001_000.png")

    _, rows = prepared("chestxray14", chestxray14, size=None)

    row = rows["00000001_000"]
    assert [float(mm) * side for mm in row.spacing_mm.split()] == pytest.approx([0.16 * 2048, 0.168 * 2500])


def test_chestxray14_patient_with_blanks_about_the_number_is_the_same(chestxray14, plain):
    table = next(chestxray14.glob("*.csv"))
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("00000001_001.png,Effusion|Mass,1,1,", "00000001_001.png,Effusion|Mass, 1, 1 ,"))

    items = chestxray14_source.survey(chestxray14, plain).items

    assert [(item.patient, item.visit) for item in items[:3]] == [("1", "0"), ("1", "1"), ("1", "2")]


def test_chestxray14_mask_is_named_where_the_archive_has_no_image_and_where_another_is_taken(
    chestxray14, write, disc, tmp_path
):
    given = tmp_path / "given"
    for mask in (
        "lungs/00000001_000.png",
        "heart/00000001_000.png",
        "lungs/00000002_000_mask.png",  # of an image that the paper's rule passes over
        "heart/00000002_000.png",
        "lungs/00000099_000.png",
    ):
        write(disc(), given / mask)

    survey = chestxray14_source.survey(chestxray14, CurationSettings(masks=given))

    assert survey.items[0].mask.paths == (given / "lungs/00000001_000.png",)
    assert dict(survey.left_out) == {
        "lungs/00000099_000.png": "it belongs to no image: none has its name",
        "heart/00000001_000.png": "lungs/00000001_000.png is taken for the same image",
    }


def test_adni_mask_is_named_where_the_archive_has_no_image_and_where_another_is_taken(adni, tmp_path):
    given = tmp_path / "given"
    for mask in ("a/I45108.nii", "b/I45108.nii", "a/I45112.nii", "b/I45112.nii", "a/I1.nii"):
        (given / mask).parent.mkdir(parents=True, exist_ok=True)
        (given / mask).touch()

    survey = adni_source.survey(adni, CurationSettings(masks=given))

    assert dict(survey.left_out) == {
        "I99999": "its folder is not there",
        "a/I1.nii": "it belongs to no image: none has its name",
        "a/I45108.nii": "b/I45108.nii is taken for the same image",
    }


def test_adni_folder_with_two_niftis_is_left_out(adni, plain):
    (first,) = adni.glob("ADNI/**/I45108/*.nii")
    first.with_name("other.nii").write_bytes(first.read_bytes())

    survey = adni_source.survey(adni, plain)

    assert [item.patient for item in survey.items] == ["011_S_0003", "023_S_0061"]
    assert dict(survey.left_out)["I45108"] == "its folder holds 2 NIfTI files, but one is wanted"


def test_acdc_patient_without_a_card_is_left_out(acdc, prepared):
    (acdc / "database/training/patient008").mkdir()
    (acdc / "database/training/patient009").symlink_to(acdc / "nowhere")

    done, _ = prepared("acdc", acdc)

    assert done.left_out == tuple((f"patient{number}", "its Info.cfg is not there") for number in ("008", "009"))


def test_ibsr_subject_without_a_volume_is_left_out(ibsr, prepared):
    (ibsr / "IBSR_02").mkdir()

    done, _ = prepared("ibsr", ibsr)

    assert done.left_out == (("IBSR_02", "its volume is not there, neither ana_strip nor ana"),)


@pytest.mark.parametrize(
    ("source", "file", "name", "kind"),
    [
        ("acdc", "database/training/patient007/patient007_frame01_gt.nii.gz", "patient007_ed", "labels"),
        ("bids", "sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz", "sub-01_ses-1_T1w", "image"),
        ("learn2reg", "masksTr/ThoraxCBCT_0001_0000.nii.gz", "ThoraxCBCT_0001_0000", "mask"),
        ("oasis", "OASIS_OAS1_0001_MR1/aligned_seg35.nii.gz", "OASIS_OAS1_0001_MR1", "labels"),
        ("shenzhen", "mask/CHNCXR_0001_0_mask.png", "CHNCXR_0001_0", "mask"),
        (
            "sunnybrook",
            "TrainingDataContours/SC-HF-I-01/contours-manual/IRCCI-expert/IM-0001-0048-ocontour-manual.txt",
            "SC-HF-I-1_IM-0001-0048",
            "labels",
        ),
    ],
)
def test_image_with_a_link_to_nothing_is_left_out(source, file, name, kind, request, prepared):
    root = request.getfixturevalue(source)
    (root / file).unlink()
    (root / file).symlink_to("nowhere")

    done, rows = prepared(source, root)

    assert name not in rows
    assert done.left_out == ((name, f"its {kind} is a link to a file that is not there"),)


def test_ibsr_link_to_nothing_is_not_passed_over_for_the_head(ibsr, plain):
    file = ibsr / "IBSR_01/IBSR_01_ana_strip.nii.gz"
    file.unlink()
    file.symlink_to("nowhere")

    assert SOURCES["ibsr"].survey(ibsr, plain).items[0].image.paths == (file,)


def test_jsrt_mask_that_is_a_link_to_nothing_leaves_its_image_out(jsrt, plain):
    lung = jsrt / "scratch/fold1/masks/left lung/JPCLN001.gif"
    lung.unlink()
    lung.symlink_to("nowhere")

    assert lung in SOURCES["jsrt"].survey(jsrt, plain).items[0].mask.paths
