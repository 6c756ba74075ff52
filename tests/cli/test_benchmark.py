import json
from pathlib import Path

import pytest

from sarnet.config import BenchmarkSettings, read_settings

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def test_rows_go_to_the_file_and_means_to_the_screen(run, visits, tmp_path):
    (tmp_path / "my.toml").write_text(f"protocol = 'simulated-xray'\ndata = '{visits}'\n[registration]\nadapt='none'\n")
    rows = tmp_path / "runs" / "rows.jsonl"

    ran = run("benchmark", "--config", tmp_path / "my.toml", "--set", f"rows={rows}")

    (row,) = [json.loads(line) for line in rows.read_text().splitlines()]  # one patient of six is left for tests
    assert ran.code == 0
    assert "simulated-xray, 1 pair" in ran.out
    assert f"{row['dice_before']:.4f} before, {row['dice']:.4f} after" in ran.out
    assert f"{row['field_error_voxels'] / row['field_voxels']:.4f}" in ran.out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data=nowhere", "data nowhere holds 0 files images/*.nii.gz, but pairs need two at least"),
        ("registration.adapt=much", "'registration.adapt'"),
        ("protocol=brain3d", "'protocol'"),
        ("shiftz=[1]", "'shiftz' is not a setting; did you mean 'shifts'?"),
    ],
)
def test_wrong_setting_is_told_in_one_line(change, message, run, tmp_path):
    rows = tmp_path / "rows.jsonl"

    ran = run("benchmark", "--config", CONFIGS / "brain2d.toml", "--set", f"rows={rows}", "--set", change)

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err
    assert not rows.exists()


@pytest.mark.parametrize("name", ["brain2d", "simulated-xray"])
def test_shipped_configuration_is_that_of_its_protocol(name):
    assert read_settings(BenchmarkSettings, CONFIGS / f"{name}.toml").protocol == name
