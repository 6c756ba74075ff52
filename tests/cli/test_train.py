import subprocess
import sys

import pytest

from sarnet.networks import load_generator

TINY = """
size = 32
validate_steps = 2
precision = "32-true"
[initial]
batch = 2
steps = 2
[generator]
stride = 2
blocks = 1
maps = 8
encoder_blocks = 1
matched_maps = 4
radius = 1
"""


@pytest.fixture
def config(tmp_path):
    (tmp_path / "tiny.toml").write_text(TINY)
    return ("--config", tmp_path / "tiny.toml")


def test_trained_weights_register_a_pair(run, config, visits, files, tmp_path):
    pytest.importorskip("lightning_fabric")
    out = tmp_path / "run"

    ran = run("train", *config, "--set", f"visits={visits}", "--set", f"out={out}")
    model = out / "initial" / "generator.safetensors"
    used = run(
        "register",
        *("--fixed", files / "fixed.png", "--moving", files / "moving.png", "--threads", 1, "--no-report"),
        *("--model", model, "--out", tmp_path / "out"),
    )

    assert (ran.code, used.code) == (0, 0)
    assert f"sarnet register --model {model}" in ran.out
    assert load_generator(model).generator.settings.maps == 8


def test_without_a_terminal_a_line_says_how_it_goes(run, config, visits, tmp_path):
    pytest.importorskip("lightning_fabric")

    ran = run(
        "train", *config, "--set", f"visits={visits}", "--set", f"out={tmp_path / 'run'}", "--set", "initial.steps=4"
    )

    lines = [line for line in ran.err.splitlines() if line.startswith("note: initial: ")]
    assert [line.split(",")[0] for line in lines] == ["note: initial: 2 of 4 steps", "note: initial: 4 of 4 steps"]
    assert all("field error " in line for line in lines)


def test_checkpoint_is_not_overwritten(run, config, visits, tmp_path):
    pytest.importorskip("lightning_fabric")
    (tmp_path / "initial").mkdir()
    (tmp_path / "initial" / "checkpoint.pt").write_bytes(b"precious")

    ran = run("train", *config, "--set", f"visits={visits}", "--set", f"out={tmp_path}")

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "go on with --resume, or choose another folder" in ran.err
    assert (tmp_path / "initial" / "checkpoint.pt").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("visits=nowhere.csv", "nowhere.csv cannot be read as a CSV"),
        ("generator.blockss=2", "'generator.blockss' is not a setting; did you mean 'blocks'?"),
        ("initial.steps=-1", "'initial.steps'"),
        ("initial.steps=0", "no stage has steps"),
        ("initial.batch=3", "initial.batch is 3, but 2 devices share them"),
        ("steps", "--set 'steps' is not of the form key=value"),
    ],
)
def test_wrong_setting_is_told_in_one_line(change, message, run, config, visits, tmp_path):
    pytest.importorskip("lightning_fabric")
    settings = ("--set", f"visits={visits}", "--set", f"out={tmp_path / 'run'}", "--set", "devices=2")

    ran = run("train", *config, *settings, "--set", change)

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err
    assert not (tmp_path / "run").exists()


def test_missing_extra_is_named(run, config, visits, monkeypatch):
    for name in [name for name in sys.modules if name.startswith(("sarnet.training", "lightning_fabric"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)  # as if it were not installed

    ran = run("train", *config, "--set", f"visits={visits}")

    assert ran.code == 2
    assert "pip install '.[train]'" in ran.err


@pytest.mark.slow
def test_two_processes_write_once_and_say_it_once(config, visits, tmp_path):
    pytest.importorskip("lightning_fabric")
    script = tmp_path / "sarnet"  # each process starts the program anew, by its file
    script.write_text("from sarnet.cli.main import main\n\nmain()\n")
    out = tmp_path / "run"
    words = ("train", *config, "--set", f"visits={visits}", "--set", f"out={out}", "--set", "devices=2")

    ran = subprocess.run(
        [sys.executable, script, *words], capture_output=True, encoding="utf-8", timeout=600, check=False
    )

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("Weights are in") == 1
    assert [row.split(",")[0] for row in (out / "initial" / "log.csv").read_text(encoding="utf-8").splitlines()] == [
        "step",
        "2",
    ]
    assert load_generator(out / "initial" / "generator.safetensors").generator.settings.maps == 8
