import json
from pathlib import Path
from typing import Any

import pytest

from sarnet.errors import DataError
from sarnet.registration import read_record

Recorded = dict[str, Any]


def _write(folder: Path, content: object) -> Path:
    (folder / "registration.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def test_what_not_every_registration_has_may_be_missing(tmp_path: Path, least: Recorded) -> None:
    record = read_record(_write(tmp_path, least))

    assert record.files.displacement == "displacement.nii.gz"
    assert record.mean_dice() == (None, None)


def test_unknown_keys_are_left_alone(tmp_path: Path, least: Recorded) -> None:
    assert read_record(_write(tmp_path, {**least, "of_tomorrow": 1})).seconds == 0.5


def test_mean_dice_is_that_of_the_labels_that_have_one(tmp_path: Path, least: Recorded) -> None:
    dice = {"dice_before": {"1": 0.2, "2": 0.4}, "dice": {"1": 0.5, "2": float("nan"), "3": None, "4": 0.7}}

    before, after = read_record(_write(tmp_path, {**least, **dice})).mean_dice()

    assert before == pytest.approx(0.3)
    assert after == pytest.approx(0.6)


def test_recorded_mean_dice_counts(tmp_path: Path, least: Recorded) -> None:
    means = {"dice": {"1": 0.5}, "dice_mean": 0.9, "dice_mean_before": 0.0}

    assert read_record(_write(tmp_path, {**least, **means})).mean_dice() == (0.0, 0.9)


def test_folder_without_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no registration\.json: wanted the folder of a finished registration"):
        read_record(tmp_path)


def test_damaged_record_is_refused(tmp_path: Path) -> None:
    (tmp_path / "registration.json").write_text('{"inputs": ', encoding="utf-8")

    with pytest.raises(DataError, match=r"registration\.json is damaged"):
        read_record(tmp_path)


def test_record_without_a_key_is_refused_by_its_name(tmp_path: Path, least: Recorded) -> None:
    del least["grid"]["size"]

    with pytest.raises(DataError, match=r"registration\.json cannot be used: grid\.size: Field required; register"):
        read_record(_write(tmp_path, least))


def test_record_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "registration.json").mkdir()

    with pytest.raises(DataError, match="cannot be read"):
        read_record(tmp_path)
