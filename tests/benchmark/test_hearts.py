import numpy as np
import pytest

from sarnet.benchmark.hearts import heart_cases
from sarnet.config import BenchmarkSettings
from sarnet.errors import DataError
from sarnet.images import Image, write_image


@pytest.fixture
def hearts(tmp_path):
    """Patient 1 with a stack of five slices, patient 2 with three; a slice's values are 10 x patient + its number."""
    lines = ["image,labels,patient,phase,slice,ndim"]
    for phase, add in (("es", 0.5), ("ed", 0.0)):
        stack = np.broadcast_to(10.0 + add + np.arange(5)[:, None, None], (5, 6, 7))
        lines.append(_written(tmp_path, f"p1{phase}", stack, f"1,{phase},,3"))
        for number in (9, 10, 8):
            lines.append(
                _written(tmp_path, f"p2{phase}{number}", np.full((6, 7), 20.0 + add + number), f"2,{phase},{number},2")
            )
    (tmp_path / "frames.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def _written(folder, name, array, rest):
    write_image(Image.from_array(array.astype(np.float32)), folder / f"{name}.nii.gz")
    write_image(Image.from_array(array.astype(np.uint8) % 4), folder / f"{name}_labels.nii.gz")
    return f"{name}.nii.gz,{name}_labels.nii.gz,{rest}"


def test_middle_slices_of_both_phases_are_paired(hearts):
    cases = heart_cases(BenchmarkSettings(protocol="cardiac", data=hearts))

    assert [case.name for case in cases] == ["1 es<-ed", "2 es<-ed"]
    pairs = [case.load() for case in cases]
    assert [(pair.fixed.array[0, 0], pair.moving.array[0, 0]) for pair in pairs] == [(12.5, 12.0), (29.5, 29.0)]
    assert [pair.labels.moving.array[0, 0] for pair in pairs] == [12 % 4, 29 % 4]
    assert all(pair.fixed.grid == pair.moving.grid for pair in pairs)
    assert {pair.structures for pair in pairs} == {(1, 2, 3)}


def test_half_is_of_the_patients_in_order(hearts):
    (case,) = heart_cases(BenchmarkSettings(protocol="cardiac", data=hearts, subjects="second"))

    assert case.name == "2 es<-ed"


def test_fold_of_prepared_hearts_has_the_patients_of_its_test_split(hearts, tmp_path):
    lines = ["image,labels,dataset,patient,visit,split"]
    for line in (hearts / "frames.csv").read_text(encoding="utf-8").splitlines()[1:]:
        image, labels, patient, phase, *_ = line.split(",")
        lines.append(f"{image},{labels},csv,{patient},{phase},{'test' if patient == '2' else 'train'}")
    (tmp_path / "fold-1.csv").write_text("\n".join(lines) + "\n")

    settings = BenchmarkSettings(protocol="cardiac", data=tmp_path / "fold-1.csv")
    (case,) = heart_cases(settings)

    assert case.name == "2 es<-ed"
    assert case.load().fixed.array[0, 0] == 29.5  # of p2es8, p2es9 and p2es10
    assert len(heart_cases(settings.model_copy(update={"split": "all"}))) == 2


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.nii.gz,b.nii.gz,csv,2,es,", "has no image with split = 'test'"),
        ("a.nii.gz,,csv,2,es,test", "has no labels for a.nii.gz"),
        (
            "a.nii.gz,b.nii.gz,csv,control,es,test",
            "has the patient 'control', but this protocol takes",
        ),
    ],
)
def test_list_that_the_protocol_cannot_use_is_refused(row, message, tmp_path):
    (tmp_path / "list.csv").write_text(f"image,labels,dataset,patient,visit,split\n{row}\n")

    with pytest.raises(DataError, match=message):
        heart_cases(BenchmarkSettings(protocol="cardiac", data=tmp_path / "list.csv"))


def test_patient_without_a_phase_is_named(hearts):
    lines = (hearts / "frames.csv").read_text(encoding="utf-8").splitlines()
    (hearts / "frames.csv").write_text("\n".join(lines[:-3]) + "\n")

    with pytest.raises(DataError, match=r"patient 2 of .* lacks the phase \['ed'\]"):
        heart_cases(BenchmarkSettings(protocol="cardiac", data=hearts))


def test_phases_with_different_numbers_of_slices_are_refused(hearts):
    lines = (hearts / "frames.csv").read_text(encoding="utf-8").splitlines()
    (hearts / "frames.csv").write_text("\n".join(lines[:-1]) + "\n")

    with pytest.raises(DataError, match=r"patient 2 of .* has 2 images at end diastole and 3 at end systole"):
        heart_cases(BenchmarkSettings(protocol="cardiac", data=hearts))


def test_table_of_nobody_is_refused(tmp_path):
    (tmp_path / "frames.csv").write_text("image,labels,patient,phase,slice\n")

    with pytest.raises(DataError, match="lists no patient: name the folder or the CSV that does"):
        heart_cases(BenchmarkSettings(protocol="cardiac", data=tmp_path))


@pytest.mark.parametrize(
    "text", ["image,labels\na,b\n", "patient,phase\none,ed\n", "image,labels,patient,phase,slice\na,b\n"]
)
def test_table_of_another_kind_is_refused(text, tmp_path):
    (tmp_path / "frames.csv").write_text(text)

    with pytest.raises(DataError, match=r"frames\.csv cannot be read as a CSV with the columns image"):
        heart_cases(BenchmarkSettings(protocol="cardiac", data=tmp_path))
