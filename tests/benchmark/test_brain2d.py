from pathlib import Path

import numpy as np
import pytest
from sarnet.benchmark.brain2d import LABELS
from scipy import ndimage

from sarnet.benchmark import brain2d_pairs, measure_brain2d, summarise
from sarnet.config import BenchmarkSettings, RegistrationSettings
from sarnet.errors import DataError
from sarnet.images import Image, write_image

NAMES = ["made-up-20-10", "made-up-20-2", "made-up-20-1"]
FAST = RegistrationSettings(threads=1, longest_voxels=64, magnified_voxels=0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three subjects: squares of every label the protocol scores, moved a little from one to the next."""
    folder = tmp_path_factory.mktemp("brain2d")
    grey = np.random.default_rng(3).uniform(0.3, 1, len(LABELS))
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for subject, name in enumerate(NAMES):
        labels, image = np.zeros((2, 64, 64))
        for index, label in enumerate(LABELS):
            row, column = 8 + 9 * (index // 5) + subject, 8 + 10 * (index % 5)
            labels[row : row + 8, column : column + 8] = label
            image[row : row + 8, column : column + 8] = grey[index]
        write_image(
            Image.from_array(ndimage.gaussian_filter(image, 1).astype(np.float32)), folder / "images" / f"{name}.nii.gz"
        )
        write_image(Image.from_array(labels.astype(np.int16)), folder / "labels" / f"{name}.nii.gz")
    return folder


def test_subjects_are_taken_in_numeric_order(data):
    pairs = brain2d_pairs(BenchmarkSettings(protocol="brain2d", data=data, shifts=(1,)))

    assert [name for name, _, _ in pairs] == ["1<-2", "2<-10", "10<-1"]
    assert [fixed.name for _, fixed, _ in pairs] == [f"made-up-20-{number}.nii.gz" for number in (1, 2, 10)]
    assert pairs[0][2].name == "made-up-20-2.nii.gz"


def test_every_shift_pairs_every_subject(data):
    pairs = brain2d_pairs(BenchmarkSettings(protocol="brain2d", data=data, shifts=(1, 2)))

    assert [name for name, _, _ in pairs] == ["1<-2", "2<-10", "10<-1", "1<-10", "2<-1", "10<-2"]


def test_labels_of_the_protocol_are_22():
    assert len(set(LABELS)) == 22


def test_every_pair_gives_a_row(data):
    settings = BenchmarkSettings(protocol="brain2d", data=data, shifts=(1,), registration=FAST)

    rows = list(measure_brain2d(settings))

    assert [row.pair for row in rows] == ["1<-2", "2<-10", "10<-1"]
    # squares of 8 voxels, a row or two apart; subjects were made in the order 10, 2, 1
    assert [row.dice_before for row in rows] == pytest.approx([7 / 8, 7 / 8, 6 / 8])
    assert all(row.dice > row.dice_before for row in rows)
    assert {row.adapt for row in rows} == {"last-layer"}
    assert all(row.seconds == pytest.approx(sum(row.seconds_by_stage.values())) for row in rows)
    assert summarise(rows).pairs == 3


def test_label_that_no_image_has_is_named(data, tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
        for path in (data / name).iterdir():
            (tmp_path / name / path.name).write_bytes(path.read_bytes())
    for path in (tmp_path / "labels").iterdir():
        write_image(Image.from_array(np.full((64, 64), LABELS[0], np.int16)), path)
    settings = BenchmarkSettings(
        protocol="brain2d", data=tmp_path, registration=FAST.model_copy(update={"transform": "rigid"})
    )

    with pytest.raises(DataError, match=r"pair .*: neither image has the labels \[10, 11, 12"):
        list(measure_brain2d(settings))


def test_folder_without_pairs_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds 0 files"):
        brain2d_pairs(BenchmarkSettings(protocol="brain2d", data=tmp_path))


def test_subject_without_a_number_is_refused(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        (tmp_path / "images" / f"{name}.nii.gz").write_bytes(b"")

    with pytest.raises(DataError, match="has no number in its name"):
        brain2d_pairs(BenchmarkSettings(protocol="brain2d", data=tmp_path))
