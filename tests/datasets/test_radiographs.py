from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from sarnet.datasets import (
    Radiograph,
    later_visits,
    load_images,
    load_masks,
    load_originals,
    read_radiographs,
    split_by_patient,
)
from sarnet.errors import DataError, InputError

HEADER = "image,mask,dataset,patient,visit"


def _csv(folder, *lines, encoding="utf-8"):
    path = folder / "visits.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def _of_patients(count, *, visits=1):
    return tuple(
        Radiograph(image=Path(f"{p}-{v}.png"), mask=Path(f"{p}-{v}m.png"), dataset="d", patient=f"p{p}", visit=str(v))
        for p in range(count)
        for v in range(visits)
    )


def _written(folder, array):
    sitk.WriteImage(sitk.GetImageFromArray(array), str(folder / "image.png"))
    path = folder / "image.png"
    return (Radiograph(image=path, mask=path, dataset="d", patient="p", visit="0"),)


def test_rows_come_in_order_with_paths_beside_the_csv(tmp_path):
    path = _csv(tmp_path, HEADER, "a/1.png,m/1.png,x,ann,0", "a/2.png,m/2.png,y,bob,3")

    first, second = read_radiographs(path)

    assert first == Radiograph(
        image=tmp_path / "a/1.png", mask=tmp_path / "m/1.png", dataset="x", patient="ann", visit="0"
    )
    assert (second.dataset, second.patient, second.visit) == ("y", "bob", "3")


def test_further_columns_are_left_alone(tmp_path):
    path = _csv(tmp_path, f"licence,{HEADER}", "CC0,1.png,m.png,x,ann,0")

    assert read_radiographs(path)[0].image == tmp_path / "1.png"


def test_byte_order_mark_of_a_spreadsheet_is_no_part_of_a_name(tmp_path):
    path = _csv(tmp_path, HEADER, "1.png,m.png,x,ann,0", encoding="utf-8-sig")

    assert read_radiographs(path)[0].image == tmp_path / "1.png"


def test_only_rows_of_the_data_set_are_read(tmp_path):
    path = _csv(tmp_path, HEADER, "1.png,m.png,x,ann,0", "2.png,m.png,y,bob,0", "3.png,m.png,x,cy,0")

    assert [radiograph.patient for radiograph in read_radiographs(path, dataset="x")] == ["ann", "cy"]


def test_missing_column_is_named(tmp_path):
    path = _csv(tmp_path, "image,mask,dataset,visit", "1.png,m.png,x,0")

    with pytest.raises(DataError, match=r"visits\.csv has no column \['patient'\]; wanted are \['image', 'mask'"):
        read_radiographs(path)


def test_empty_file_has_none_of_the_columns(tmp_path):
    (tmp_path / "visits.csv").touch()

    with pytest.raises(DataError, match=r"has no column \['image', 'mask', 'dataset', 'patient', 'visit'\]"):
        read_radiographs(tmp_path / "visits.csv")


def test_missing_csv_is_named(tmp_path):
    with pytest.raises(DataError, match=r"nowhere\.csv cannot be read as a CSV: .*No such file"):
        read_radiographs(tmp_path / "nowhere.csv")


def test_what_is_no_text_is_refused(tmp_path):
    (tmp_path / "visits.csv").write_bytes(b"\x89PNG\r\n\x1a\n")

    with pytest.raises(DataError, match=r"visits\.csv cannot be read as a CSV"):
        read_radiographs(tmp_path / "visits.csv")


def test_csv_without_rows_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"visits\.csv has no row$"):
        read_radiographs(_csv(tmp_path, HEADER))


def test_unknown_data_set_is_named(tmp_path):
    path = _csv(tmp_path, HEADER, "1.png,m.png,x,ann,0")

    with pytest.raises(DataError, match=r"no row of the data set 'shenzhen', but of \['x'\]: name one of them"):
        read_radiographs(path, dataset="shenzhen")


def test_row_without_an_image_is_named_by_its_line(tmp_path):
    path = _csv(tmp_path, HEADER, "1.png,m.png,x,ann,0", ",m.png,x,bob,0")

    with pytest.raises(DataError, match=r"visits\.csv names no image in line 3"):
        read_radiographs(path)


def test_parts_share_no_patient_and_lose_no_image():
    radiographs = _of_patients(50, visits=3)

    split = split_by_patient(radiographs, seed=0)

    parts = [split.train, split.validation, split.test]
    patients = [{radiograph.patient for radiograph in part} for part in parts]
    assert sum(len(names) for names in patients) == len(set.union(*patients)) == 50
    assert sorted(r.image for part in parts for r in part) == sorted(r.image for r in radiographs)


def test_shares_are_those_of_the_paper():
    split = split_by_patient(_of_patients(200), seed=1)

    assert [len(part) for part in (split.train, split.validation, split.test)] == [140, 20, 40]


def test_other_shares_can_be_asked_for():
    split = split_by_patient(_of_patients(20), seed=1, shares=(0.5, 0.25))

    assert [len(part) for part in (split.train, split.validation, split.test)] == [10, 5, 5]


@pytest.mark.parametrize("count", range(3, 9))
def test_few_patients_leave_no_part_empty(count):
    split = split_by_patient(_of_patients(count), seed=0)

    assert min(len(split.train), len(split.validation), len(split.test)) >= 1


def test_fingerprint_says_which_images_are_in_which_part_and_not_where_they_lie():
    people = _of_patients(20)
    elsewhere = tuple(replace(each, image=Path("moved") / each.image) for each in people)
    split = split_by_patient(people, seed=1)

    assert split_by_patient(elsewhere, seed=1).fingerprint == split.fingerprint
    assert split_by_patient(people, seed=2).fingerprint != split.fingerprint
    without = tuple(replace(each, mask=None) for each in people)
    assert split_by_patient(without, seed=1).fingerprint != split.fingerprint
    assert split_by_patient(_of_patients(20, visits=2), seed=1).fingerprint != split.fingerprint


def test_same_seed_gives_the_same_split_and_another_another():
    radiographs = _of_patients(30)

    first, again, other = (split_by_patient(radiographs, seed=seed) for seed in (4, 4, 5))

    assert first == again
    assert set(first.test) != set(other.test)


def test_order_of_the_rows_does_not_change_who_is_tested():
    radiographs = _of_patients(30)

    forward, backward = (split_by_patient(rows, seed=0) for rows in (radiographs, radiographs[::-1]))

    assert set(forward.test) == set(backward.test)


@pytest.mark.parametrize("shares", [(0.0, 0.5), (0.7, -0.1), (0.8, 0.2)])
def test_shares_that_leave_a_part_empty_are_refused(shares):
    with pytest.raises(InputError, match=r"shares are \(.*\), but must be positive and leave something for tests"):
        split_by_patient(_of_patients(10), seed=0, shares=shares)


def test_fewer_patients_than_parts_are_refused():
    with pytest.raises(InputError, match="images come from 2 patients, but a split needs three at least"):
        split_by_patient(_of_patients(2, visits=5), seed=0)


def test_images_are_squared_and_normalised(visits):
    images = load_images(read_radiographs(visits), size=64)

    assert images.shape == (6, 1, 64, 64)
    assert images.dtype == torch.float32
    assert images.amin(dim=(1, 2, 3)).tolist() == [0] * 6
    assert images.amax(dim=(1, 2, 3)).tolist() == [1] * 6


def test_image_of_the_wanted_size_is_only_stretched_in_its_intensities(tmp_path, rng):
    array = rng.integers(0, 256, (32, 32)).astype(np.uint8)

    image = load_images(_written(tmp_path, array), size=32)[0, 0].numpy()

    low, high = np.percentile(array, (0.5, 99.5))
    assert np.allclose(image, (np.clip(array, low, high) - low) / (high - low), atol=1e-6)


def test_edges_stay_edges_when_an_image_is_squared(tmp_path):
    y, x = np.mgrid[:40, :80]
    ramp = _written(tmp_path, (2 * y + x).astype(np.uint8))

    image = load_images(ramp, size=40)[0, 0].numpy()

    # two columns become one, whose centre lies between theirs
    wanted = 2 * np.arange(40)[:, None] + 2 * np.arange(40) + 0.5
    inner = (slice(4, -4), slice(4, -4))  # clear of the smoothing's edge and of the clipped percentiles
    slope, offset = np.polyfit(wanted[inner].ravel(), image[inner].ravel(), 1)
    assert np.allclose(image[inner], slope * wanted[inner] + offset, atol=2e-3)


@pytest.mark.parametrize("axis", [0, 1])
def test_image_that_is_mirrored_stays_so_when_squared(tmp_path, rng, axis):
    array = rng.integers(0, 256, (40, 56)).astype(np.uint8)

    image = load_images(_written(tmp_path, array), size=24)
    mirrored = load_images(_written(tmp_path, np.flip(array, axis)), size=24)

    assert torch.allclose(mirrored, image.flip(2 + axis), atol=1e-4)


def test_mask_is_one_where_the_file_has_255(tmp_path):
    array = np.zeros((32, 32), np.uint8)
    array[8:16, 4:20] = 255
    array[20:, 20:] = 7  # neither lung nor background

    mask = load_masks(_written(tmp_path, array), size=32)

    assert mask.dtype == torch.float32
    assert np.array_equal(mask[0, 0].numpy(), array == 255)


def test_squared_mask_covers_the_same_share_of_its_image(visits):
    radiographs = read_radiographs(visits)

    masks = load_masks(radiographs, size=64)

    assert set(masks.unique().tolist()) == {0, 1}
    share = (sitk.GetArrayFromImage(sitk.ReadImage(str(radiographs[0].mask))) == 255).mean()
    assert masks[0].mean().item() == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize("load", [load_images, load_masks])
def test_missing_file_is_named(visits, load):
    lost = replace(read_radiographs(visits)[0], image=Path("lost.png"), mask=Path("lost.png"))

    with pytest.raises(DataError, match=r"lost\.png does not exist"):
        load((lost,), size=32)


def _in_parts(*parts, patients="abcdefgh"):
    rows = _of_patients(len(parts))
    return tuple(replace(row, patient=name, part=part) for row, name, part in zip(rows, patients, parts))


def test_column_split_is_read_and_taken_as_it_stands(tmp_path):
    rows = ("1.png,m.png,x,ann,0,test", "2.png,m.png,x,bob,0,train", "3.png,m.png,x,cy,0,validation")
    radiographs = read_radiographs(_csv(tmp_path, f"{HEADER},split", *rows))

    split = split_by_patient(radiographs, seed=0)

    assert [each.patient for part in (split.train, split.validation, split.test) for each in part] == [
        "bob",
        "cy",
        "ann",
    ]


def test_patient_in_two_parts_is_refused_by_name():
    rows = _in_parts("train", "validation", "test", "test", patients="abca")

    with pytest.raises(InputError, match="patient 'a' is in the splits 'train' and 'test', but must be in one only"):
        split_by_patient(rows, seed=0)


@pytest.mark.parametrize("part", ["", "held-out"])
def test_image_of_no_part_is_refused(part):
    with pytest.raises(InputError, match=rf"1-0\.png has the split '{part}', but wanted is one of"):
        split_by_patient(_in_parts("train", part, "test"), seed=0)


def test_namesakes_of_two_data_sets_may_be_in_two_parts():
    rows = _in_parts("train", "validation", "test")
    namesake = replace(rows[0], dataset="another", part="test")

    assert split_by_patient((*rows, namesake), seed=0).test == (rows[2], namesake)


def test_part_without_images_is_refused():
    with pytest.raises(InputError, match=r"the CSV's column split has no image for \['validation'\]"):
        split_by_patient(_in_parts("train", "test", "test"), seed=0)


def _seen(*visits):
    return tuple(
        Radiograph(image=Path("i.png"), mask=Path("m.png"), dataset=dataset, patient=patient, visit=visit)
        for dataset, patient, visit in visits
    )


def test_later_visits_go_with_each_patients_first():
    rows = _seen(("d", "a", "0"), ("d", "b", "0"), ("d", "a", "7"), ("d", "a", "3"))

    assert later_visits(rows) == ((0, 3), (0, 2))


def test_visits_are_ordered_as_numbers_where_they_are_numbers():
    assert later_visits(_seen(("d", "a", "10"), ("d", "a", "9"))) == ((1, 0),)
    assert later_visits(_seen(("d", "a", "2024-10-01"), ("d", "a", "2024-09-30"))) == ((1, 0),)


def test_words_of_one_data_set_leave_the_numbers_of_another_numbers():
    rows = _seen(("d", "a", "10"), ("d", "a", "9"), ("e", "b", "second"), ("e", "b", "first"))

    assert later_visits(rows) == ((1, 0), (3, 2))


def test_image_without_a_visit_is_neither_first_nor_later_and_leaves_numbers_numbers():
    rows = _seen(("d", "a", "19"), ("d", "a", ""), ("d", "a", "5"), ("d", "b", ""), ("d", "b", "0"))

    assert later_visits(rows) == ((2, 0),)


def test_second_image_of_one_visit_is_no_later_one():
    assert later_visits(_seen(("d", "a", "0"), ("d", "a", "0"), ("d", "a", "5"))) == ((0, 2),)


def test_namesakes_of_two_data_sets_are_two_patients():
    assert later_visits(_seen(("d", "a", "0"), ("e", "a", "5"))) == ()


def test_originals_are_images_with_their_masks(visits):
    radiographs = read_radiographs(visits)

    originals = load_originals(radiographs, size=48)

    assert torch.equal(originals.image, load_images(radiographs, size=48))
    assert torch.equal(originals.mask, load_masks(radiographs, size=48))


def test_mask_of_another_size_is_refused_with_both(visits):
    radiograph = read_radiographs(visits)[2]
    sitk.WriteImage(sitk.GetImageFromArray(np.full((50, 40), 255, np.uint8)), str(radiograph.mask))

    with pytest.raises(DataError, match=r"mask2\.png has size \(40, 50\), but its image .*image2\.png has \(80, 96\)"):
        load_originals((radiograph,), size=48)


def test_empty_mask_is_refused_by_name(visits):
    radiograph = read_radiographs(visits)[2]
    sitk.WriteImage(sitk.GetImageFromArray(np.full((96, 80), 127, np.uint8)), str(radiograph.mask))

    with pytest.raises(DataError, match=r"mask2\.png has no voxel of 255, but must show the lungs: leave it out"):
        load_originals((radiograph,), size=48)


def test_image_without_a_mask_has_an_empty_one(tmp_path):
    _written(tmp_path, np.arange(64, dtype=np.uint8).reshape(8, 8))
    (radiograph,) = read_radiographs(_csv(tmp_path, HEADER, "image.png,,x,ann,0"))

    assert radiograph.mask is None
    assert not load_originals((radiograph,), size=32).mask.any()


def test_volume_is_no_radiograph(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((4, 5, 6), np.uint8)), str(tmp_path / "v.nii.gz"))
    radiographs = read_radiographs(_csv(tmp_path, HEADER, "v.nii.gz,,x,ann,0"))

    with pytest.raises(DataError, match=r"v\.nii\.gz is a volume"):
        load_images(radiographs, size=32)


@pytest.mark.parametrize("value", [np.nan, np.inf], ids=["NaN", "infinity"])
def test_image_with_a_pixel_that_has_no_value_is_named(tmp_path, value):
    array = np.linspace(0, 1, 400, dtype=np.float32).reshape(20, 20)
    array[3, 4] = value
    path = tmp_path / "broken.mha"
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))
    broken = Radiograph(image=path, mask=None, dataset="d", patient="p", visit="0")

    with pytest.raises(DataError, match=r"broken\.mha holds NaN or infinity, but every pixel must have a value"):
        load_images((broken,), size=16)


def test_image_that_shows_nothing_is_named(tmp_path):
    sitk.WriteImage(sitk.GetImageFromArray(np.full((20, 20), 7, np.uint8)), str(tmp_path / "blank.png"))
    blank = Radiograph(image=tmp_path / "blank.png", mask=None, dataset="d", patient="p", visit="0")

    with pytest.raises(DataError, match=r"blank\.png is 7 everywhere, but must show something"):
        load_images((blank,), size=16)
