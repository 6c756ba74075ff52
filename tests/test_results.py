"""The figures that the documents state are those of the result files beside them."""

import json
from pathlib import Path

import pytest

from sarnet.benchmark import Row, summarise
from sarnet.networks import released_models

DOCS = Path(__file__).parent.parent / "docs"
RESULTS = DOCS / "results"
ROW_FILES = sorted(RESULTS.glob("*.jsonl"))


def _rows(path: Path) -> list[Row]:
    return [Row.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()]


RUNS = [(path, method) for path in ROW_FILES for method in dict.fromkeys(row.method for row in _rows(path))]


@pytest.mark.parametrize(("path", "method"), RUNS, ids=lambda part: getattr(part, "stem", part))
def test_stated_figures_are_those_of_the_rows(path: Path, method: str) -> None:
    page = (DOCS / "results.md").read_text(encoding="utf-8").splitlines()
    stated = [line for line in page if f"({path.name})" in line]
    if len([other for other, _ in RUNS if other == path]) > 1:
        stated = [line for line in stated if line.startswith(f"| {method} |")]
    rows = [row for row in _rows(path) if row.method == method]

    summary = summarise(rows)

    (line,) = stated
    assert len({row.pair for row in rows}) == len(rows)
    assert f"{summary.seconds:.2f} s" in line
    for figure in ("dice_before", "dice", "relative_field_error"):
        value = getattr(summary, figure)
        assert value is None or f"{value:.3f}" in line, figure
    if line.startswith(f"| {method} |") and summary.folding_percent is not None:
        assert f"{summary.folding_percent:.3f} %" in line
        both_ways = summary.inverse_consistency_voxels
        assert both_ways is None or f"{both_ways:.3f}" in line


def test_every_row_of_ours_is_of_released_weights() -> None:
    models = {row.model for path in ROW_FILES for row in _rows(path)} - {None}

    assert models == set(released_models())


def test_stated_speeds_of_transforms_are_those_measured() -> None:
    measured = json.loads((RESULTS / "transform-speed.json").read_text(encoding="utf-8"))
    page = (DOCS / "transforms.md").read_text(encoding="utf-8").partition("## How fast")[2]

    assert f"{measured['voxels']} x {measured['voxels']}" in page
    assert f"{measured['smallest_determinant']:.2f}" in page
    for run in measured["runs"]:
        assert f"{run['seconds']:.1f} s" in page, run["name"]
        for figure, form in (("mean_residual_voxels", ".5f"), ("p999_voxels", ".4f")):
            assert figure not in run or format(run[figure], form) in page, run["name"]


@pytest.mark.parametrize("verb", ["compose", "apply", "invert"])
def test_no_peer_is_quicker_on_transforms_nor_inverts_better(verb: str) -> None:
    runs = json.loads((RESULTS / "transform-speed.json").read_text(encoding="utf-8"))["runs"]
    ours, *peers = sorted(
        (run for run in runs if run["name"].startswith(verb)), key=lambda run: "sarnet" not in run["name"]
    )

    assert ours["name"] == f"{verb}, sarnet"
    assert {name for run in peers for name in ("SimpleITK", "ANTs") if name in run["name"]} == {"SimpleITK", "ANTs"}
    for peer in peers:
        assert ours["seconds"] <= peer["seconds"]
        assert ours.get("mean_residual_voxels", 0) <= peer.get("mean_residual_voxels", 0)
