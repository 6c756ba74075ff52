"""What the README shows runs as it stands."""

import re
from pathlib import Path

import pytest

from sarnet.images import read_labels, sample_pair, write_image

DOCS = Path(__file__).parent.parent / "docs"
README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def test_python_of_the_readme_runs_and_improves_the_overlap(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)

    exec(compile(code, "README.md", "exec"), {})  # our own file, and the point of the test

    before, after = re.search(r"Dice (\S+) -> (\S+)", capsys.readouterr().out).groups()
    assert float(after) > float(before) + 0.1
    assert len(code.strip().splitlines()) <= 8


def test_files_that_the_readme_points_to_exist() -> None:
    root = Path(__file__).parent.parent

    missing = [
        link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link and not (root / link).exists()
    ]

    assert missing == []


def test_no_placeholder_is_left_in_the_readme() -> None:
    assert not re.search(r"@[A-Z]+@", README)


def test_blocks_of_the_page_on_python_run_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text(encoding="utf-8"), flags=re.DOTALL)
    pair = sample_pair()
    for name in ("fixed", "moving"):
        write_image(getattr(pair, name), tmp_path / f"{name}.nii.gz")
        write_image(getattr(pair, f"{name}_labels"), tmp_path / f"{name}_labels.nii.gz")
    monkeypatch.chdir(tmp_path)

    for block in blocks:
        exec(compile(block, "python.md", "exec"), {})

    printed = capsys.readouterr().out
    assert printed.startswith("Improved: ")
    assert float(re.search(r"round-trip error (\S+) mm", printed).group(1)) < 0.01
    carried, warped = (
        read_labels(tmp_path / name) for name in ("carried_labels.nii.gz", "results/warped_labels.nii.gz")
    )
    assert (carried.array == warped.array).mean() > 0.99
