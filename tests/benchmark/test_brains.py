import numpy as np
import pytest

from sarnet.benchmark.brains import STRUCTURES, brain_cases
from sarnet.config import BenchmarkSettings
from sarnet.errors import DataError
from sarnet.images import Image, read_image, write_image


def _settings(data, **changes):
    return BenchmarkSettings(protocol="brain2d", data=data, **changes)


def test_subjects_are_taken_in_numeric_order(brains):
    cases = brain_cases(_settings(brains, shifts=(1,)))

    assert [case.name for case in cases] == ["1<-2", "2<-10", "10<-1"]
    pair = cases[0].load()
    np.testing.assert_array_equal(pair.fixed.array, read_image(brains / "images" / "made-up-20-1.nii.gz").array)
    np.testing.assert_array_equal(pair.moving.array, read_image(brains / "images" / "made-up-20-2.nii.gz").array)
    assert pair.labels.fixed.array[10, 8] == pair.labels.moving.array[9, 8] == 4  # the first square's corner


def test_halves_share_no_subject(brains):
    first, second = (brain_cases(_settings(brains, subjects=half, shifts="all")) for half in ("all", "second"))

    assert {case.name for case in second} == {"2<-10", "10<-2"}
    assert {case.name for case in first} == {"1<-2", "1<-10", "2<-1", "2<-10", "10<-1", "10<-2"}
    with pytest.raises(DataError, match="subjects = 'first' takes 1 of them, but pairs need two at least"):
        brain_cases(_settings(brains, subjects="first"))


def test_labels_of_the_slices_are_22():
    assert len(set(STRUCTURES["brain2d"])) == 22


def test_label_that_a_subject_has_not_is_named(brains, tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
        for path in (brains / name).iterdir():
            (tmp_path / name / path.name).write_bytes(path.read_bytes())
    for path in (tmp_path / "labels").iterdir():
        write_image(Image.from_array(np.full((64, 64), 4, np.int16)), path)

    with pytest.raises(DataError, match=r"made-up-20-1\.nii\.gz has no label \[10, 11, 12"):
        brain_cases(_settings(tmp_path, shifts=(1,)))[0].load()


def test_folder_without_pairs_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds 0 files images/\*.nii.gz, and subjects = 'all' takes 0 of them"):
        brain_cases(_settings(tmp_path))


@pytest.mark.parametrize("names", [("sub-01_T1w", "sub-02_T1w"), ("ann", "bob"), ("1", "ann")])
def test_subjects_whom_numbers_do_not_tell_apart_go_by_their_whole_names(names, tmp_path):
    (tmp_path / "images").mkdir()
    for name in names:
        (tmp_path / "images" / f"{name}.nii.gz").write_bytes(b"")

    (case, *_) = brain_cases(_settings(tmp_path))

    assert (case.name, case.subjects) == (f"{names[0]}<-{names[1]}", names)


def _listed(path, parts):
    rows = [
        f"images/made-up-20-{number}.nii.gz,labels/made-up-20-{number}.nii.gz,made-up,{number},0,{part}"
        for number, part in parts.items()
    ]
    path.write_text("\n".join(["image,labels,dataset,patient,visit,split", *rows]) + "\n")
    return path


def test_csv_gives_the_subjects_that_it_has_for_tests(brains):
    fold = _listed(brains / "fold-1.csv", {10: "test", 1: "test", 2: "train"})

    cases = brain_cases(_settings(fold, shifts="all"))

    assert [case.name for case in cases] == ["1<-10", "10<-1"]
    np.testing.assert_array_equal(
        cases[1].load().fixed.array, read_image(brains / "images" / "made-up-20-10.nii.gz").array
    )
    assert len(brain_cases(_settings(fold, shifts="all", split="all"))) == 6


def test_image_of_a_csv_without_labels_is_named(brains):
    fold = _listed(brains / "bare.csv", {10: "test", 1: "test"})
    fold.write_text(fold.read_text().replace("labels/made-up-20-1.nii.gz", ""))

    with pytest.raises(DataError, match=r"bare.csv has no labels for images/made-up-20-1.nii.gz"):
        brain_cases(_settings(fold))


def test_csv_without_tests_is_refused(brains):
    fold = _listed(brains / "none.csv", {10: "train", 1: "test", 2: "train"})

    with pytest.raises(DataError, match=r"none\.csv holds 1 images with split = 'test'"):
        brain_cases(_settings(fold))
