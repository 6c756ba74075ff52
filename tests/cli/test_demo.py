import json
import re

import pytest

from sarnet.images import read_image
from sarnet.registration import Record

CONTRACT = {
    *("seconds", "seconds_by_stage", "iterations", "stop_reason", "cost_initial", "cost_final", "folding_percent"),
    *("inverse_consistency_mm", "adapt", "model", "weights_sha256", "version", "settings", "seed", "dice"),
}


def test_demo_shows_the_overlap_before_and_after(demo):
    assert (demo.ran.code, demo.ran.err) == (0, "")
    said = re.search(r"\(Dice\) rose from (0\.\d{3}) to (0\.\d{3})\.", demo.ran.out)
    record = Record.model_validate_json((demo.folder / "registration.json").read_text(encoding="utf-8"))
    assert said is not None
    assert (float(said[1]), float(said[2])) == pytest.approx(record.mean_dice(), abs=5e-4)
    assert float(said[2]) > float(said[1]) + 0.03
    assert demo.ran.out.startswith("Registering the packaged brain slices")
    assert f"open {demo.folder / 'report.html'}" in demo.ran.out


def test_demo_writes_what_is_promised(demo):
    assert {path.name for path in demo.folder.iterdir()} == {
        *("warped.nii.gz", "transform.h5", "inverse.h5", "displacement.nii.gz", "warped_labels.nii.gz"),
        *("fixed_mask.nii.gz", "moving_mask.nii.gz", "registration.json", "report.html"),
    }
    assert json.loads((demo.folder / "registration.json").read_text(encoding="utf-8")).keys() >= CONTRACT
    assert read_image(demo.folder / "warped.nii.gz").grid.size == (165, 196)


def test_demo_is_over_in_twenty_seconds(demo):
    assert demo.seconds < 20


def test_record_holds_the_command(demo):
    record = Record.model_validate_json((demo.folder / "registration.json").read_text(encoding="utf-8"))

    assert record.command == f"sarnet demo --out {demo.folder}"


def test_second_demo_asks_before_it_overwrites(demo, run):
    before = {path: path.read_bytes() for path in demo.folder.iterdir()}

    ran = run("demo", "--out", demo.folder)

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "is not empty: choose another folder, or add --overwrite" in ran.err
    assert before == {path: path.read_bytes() for path in demo.folder.iterdir()}
