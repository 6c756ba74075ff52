"""The guide of docs/data.md, from a folder of images to a fine-tuned model: its commands as they stand, but shorter."""

import json
import re
import shlex
from pathlib import Path

import pytest
import torch

from sarnet.networks import load_generator

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/data.md").read_text(encoding="utf-8")

SHORT = {
    "train": ("--set", "initial.steps=2", "--set", "initial.batch=1", "--set", "size=64", "--set", "precision=32-true")
}
"""What is added to a command: settings that come later win."""


@pytest.fixture
def mine(visits, tmp_path, monkeypatch):
    """Six images of three people, as the guide wants them, where the commands are run."""
    for number, path in enumerate(("ann/2019", "ann/2021", "bob/2020", "bob/2022", "cid/2018", "cid/2023")):
        to = tmp_path / f"mine/{path}.png"
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_bytes((visits.parent / f"image{number}.png").read_bytes())
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    monkeypatch.chdir(tmp_path)


def _commands():
    (block,) = re.findall(r"<!-- guide -->\n```\n(.*?)```", TEXT, flags=re.DOTALL)
    return [shlex.split(line)[1:] for line in block.splitlines()]


def test_guide_leads_from_a_folder_to_a_fine_tuned_model(mine, run, tmp_path):
    pytest.importorskip("lightning_fabric")

    for words in _commands():
        ran = run(*words, *SHORT.get(words[0], ()))
        assert ran.code == 0, (words, ran.err)

    tuned = load_generator(tmp_path / "runs/mine/initial/generator.safetensors")
    released = load_generator("sarnet-cxr-initial")
    told = json.loads((tmp_path / "registered/registration.json").read_text(encoding="utf-8"))
    apart = [
        float((one - other).abs().max())
        for one, other in zip(tuned.generator.parameters(), released.generator.parameters(), strict=True)
    ]
    assert told["weights_sha256"] == tuned.sha256
    assert 0 < max(apart) < 0.01  # two small steps away from the released weights
    assert (tmp_path / "prepared/sheet.png").is_file()


def test_python_of_the_guide_runs(mine, run, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    run("data", "prepare", "folder", "mine", "--out", "prepared", "--workers", 1)

    exec(compile(code, "docs/data.md", "exec"), {})  # our own file, and the point of the test

    assert capsys.readouterr().out == "98000 (1, 2, 64, 64)\n"
    assert torch.is_grad_enabled()


def test_every_source_and_column_is_in_the_page():
    from sarnet.curation.manifest import ManifestRow
    from sarnet.curation.sources import SOURCES

    assert not [name for name in SOURCES if f"| `{name}` |" not in TEXT]
    assert not [name for name in ManifestRow._fields if f"`{name}`" not in TEXT]
