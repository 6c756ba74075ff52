"""The figures that docs/results.md states are those of the rows beside it."""

from pathlib import Path

import pytest

from sarnet.benchmark import Row, summarise

DOCS = Path(__file__).parent.parent / "docs"
ROW_FILES = sorted((DOCS / "results").glob("*.jsonl"))


@pytest.mark.parametrize("path", ROW_FILES, ids=lambda path: path.stem)
def test_stated_figures_are_those_of_the_rows(path: Path) -> None:
    rows = [Row.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
    (line,) = [
        line for line in (DOCS / "results.md").read_text(encoding="utf-8").splitlines() if f"({path.name})" in line
    ]

    summary = summarise(rows)

    assert len({row.pair for row in rows}) == len(rows)
    assert f"{summary.dice_before:.3f}" in line
    assert f"{summary.dice:.3f}" in line
    assert f"{summary.seconds:.2f} s" in line
    if summary.relative_field_error is not None:
        assert f"{summary.relative_field_error:.3f}" in line


def test_every_row_file_is_of_the_released_weights() -> None:
    models = {Row.model_validate_json(line).model for path in ROW_FILES for line in path.read_text().splitlines()}

    assert models == {"sarnet-cxr-initial", "sarnet-cxr"}
