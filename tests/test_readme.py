"""What the README shows runs as it stands."""

import re
from pathlib import Path

import pytest

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
