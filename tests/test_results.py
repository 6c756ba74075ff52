"""The figures that the documents state are those of the result files beside them."""

import json
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from sarnet.benchmark import Summary, read_rows, summarise
from sarnet.networks import released_models

DOCS = Path(__file__).parent.parent / "docs"
RESULTS = DOCS / "results"
ROW_FILES = sorted(RESULTS.glob("*.jsonl"))
SCRIPT = Path(__file__).parent.parent / "scripts" / "results_page.py"


def test_page_of_results_is_what_the_rows_make_it(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SCRIPT, tmp_path / "results.md"], check=True)

    written = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert written == (DOCS / "results.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ROW_FILES, ids=lambda path: path.stem)
def test_every_file_of_rows_is_on_the_page_and_has_each_row_once(path: Path) -> None:
    keys = [row.key for row in read_rows(path)]

    assert f"(results/{path.name})" in (DOCS / "results.md").read_text(encoding="utf-8")
    assert len(set(keys)) == len(keys) > 0


@pytest.mark.parametrize("path", sorted(RESULTS.iterdir()), ids=lambda path: path.name)
def test_no_result_tells_where_a_file_lay_on_one_machine(path: Path) -> None:
    assert not re.findall(r'"(?:/|~|[A-Za-z]:\\)[^"]*', path.read_text(encoding="utf-8"))


def test_every_row_of_ours_is_of_weights_that_are_here() -> None:
    models = {row.model for path in ROW_FILES for row in read_rows(path) if row.method != "unet"} - {None}

    own = {path.stem for path in (DOCS.parent / "weights").rglob("*sarn*.safetensors")}
    assert models == set(released_models()) | own | {"silent"}  # which scripts/silent_network.py writes


def test_stated_speeds_of_transforms_are_those_measured() -> None:
    measured = json.loads((RESULTS / "transform-speed.json").read_text(encoding="utf-8"))
    page = (DOCS / "transforms.md").read_text(encoding="utf-8").partition("## How fast")[2]

    assert f"{measured['voxels']} x {measured['voxels']}" in page
    assert f"{measured['smallest_determinant']:.2f}" in page
    for run in measured["runs"]:
        assert f"{run['seconds']:.1f} s" in page, run["name"]
        for figure, form in (("mean_residual_voxels", ".5f"), ("p999_voxels", ".4f")):
            assert figure not in run or format(run[figure], form) in page, run["name"]


def test_stated_costs_of_preparing_are_those_measured() -> None:
    measured = json.loads((RESULTS / "prepare.json").read_text(encoding="utf-8"))
    page = (DOCS / "data.md").read_text(encoding="utf-8").partition("## Measured")[2]

    for run in measured["runs"]:
        figures = f"| {run['seconds']:.1f} | {run['processor_seconds']:.1f} | {run['peak_memory_mb']:,} MB |"
        assert [line for line in page.splitlines() if figures in line and f"| {run['images']}" in line], run["name"]


def test_stated_overlaps_of_a_head_are_those_measured() -> None:
    measured = json.loads((RESULTS / "brain-extraction.json").read_text(encoding="utf-8"))
    page = (DOCS / "data.md").read_text(encoding="utf-8").partition("## Measured")[2]

    assert f"after {measured['seconds']:.0f} s" in page
    for head in measured["heads"]:
        for figure in ("dice_with_other_mask", "dice_with_template_before", "dice_with_template_prepared"):
            assert f"{head[figure]:.3f}" in page, figure


def test_stated_costs_of_a_cohort_are_those_measured() -> None:
    throughput, scheduler, volume = (
        json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
        for name in ("cohort-throughput", "cohort-scheduler", "volume-memory-one-thread")
    )
    page = (DOCS / "cohort.md").read_text(encoding="utf-8").partition("## How fast")[2]
    share, seconds = scheduler["processor_milliseconds_a_pair"], volume["processor_seconds_with_files"]

    for what in ("loop", "workers", "processes"):
        assert f"{statistics.median(turn[f'{what}_seconds'] for turn in throughput['turns']):.1f} s" in page
    assert f"{throughput['workers_ratio_median']:.2f} times as fast" in page
    assert f"{throughput['processes_ratio_median']:.2f} times" in page
    assert f"| {scheduler['seconds']:.0f} s, beside other work; {share:.2f} ms" in page
    assert f"| {scheduler['megabytes_before']:.0f} MB before, {scheduler['megabytes_largest']:.0f} MB at most" in page
    assert f"| {seconds:.0f} s of processor, {volume['peak_memory_mb'] / 1024:.1f} GB of memory, " in page
    assert f"{volume['megabytes_written'] / 1000:.1f} GB of results" in page
    for workers in (10, 100, 1_000):
        hours, rate = 100_000 * seconds / 3600 / workers, workers / seconds
        assert f"| {workers:,} | {hours:,.1f} h | {rate:.1f} | {rate * share / 10:.1f} % |" in page


_TUNED_OR_PAPERS = ("elastix", "elastix-paper")
"""The better of the two is what the README shows of elastix."""


@pytest.mark.parametrize(
    ("begins", "name", "figure", "methods"),
    [
        ("[brain slices]", "table1-brain2d", "dice", ("sarnet-refined", "sarnet", "syncc", _TUNED_OR_PAPERS)),
        ("[hearts]", "table1-hearts", "dice", ("sarnet-refined", "sarnet", "syncc", _TUNED_OR_PAPERS)),
        ("[brain volumes]", "brain3d-second-half", "dice", ("sarnet-refined", "sarnet", "syn", ("elastix",))),
        (
            "[chest X-rays of another scanner]",
            "table1-montgomery",
            "dice",
            ("sarnet-refined", "sarnet", "syncc", _TUNED_OR_PAPERS),
        ),
        (
            "[chest X-rays, visits of one patient]",
            "table1-visits",
            "dice",
            ("sarnet-refined", "sarnet", "syncc", _TUNED_OR_PAPERS),
        ),
        ("[livers]", "liver", "tre_mm", ("sarnet-refined", "sarnet", "syn", ("elastix",))),
    ],
)
def test_readme_states_the_figures_of_the_rows(begins: str, name: str, figure: str, methods: tuple[str, ...]) -> None:
    rows = read_rows(RESULTS / f"{name}.jsonl")
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    (line,) = [each for each in readme.splitlines() if each.startswith(f"| {begins}")]
    _, pairs, before, *cells = (cell.strip().replace("**", "") for cell in line.strip("|").split(" |"))

    of_method = {
        method: summarise([row for row in rows if row.method == method]) for method in {r.method for r in rows}
    }
    form, choose = ("{:.3f}", max) if figure == "dice" else ("{:.2f} mm", min)
    wanted = []
    for names in methods:
        found = [of_method[each] for each in ([names] if isinstance(names, str) else names)]
        best = choose(found, key=lambda each: getattr(each, figure))
        seconds = f"{best.seconds:.0f}" if best.seconds >= 100 else f"{best.seconds:.1f}"
        wanted.append(f"{form.format(getattr(best, figure))} in {seconds} s")
    assert cells == wanted
    assert int(pairs) == of_method["sarnet"].pairs
    assert before == form.format(getattr(of_method["sarnet"], f"{figure}_before"))


def test_readme_states_in_words_what_the_rows_say() -> None:
    readme = (DOCS.parent / "README.md").read_text(encoding="utf-8")

    def of(name: str, method: str) -> Summary:
        return summarise([row for row in read_rows(RESULTS / f"{name}.jsonl") if row.method == method])

    def dice(name: str, method: str, digits: int) -> str:
        return f"{of(name, method).dice:.{digits}f}"

    simulated = of("simulated-xray", "sarnet")
    round_trips = [
        f"{of(f'{name}-both-ways', 'sarnet-refined').inverse_consistency_voxels:.2f}"
        for name in ("brain2d", "hearts", "montgomery", "brain3d", "liver")
    ]
    peers = [dice("table1-brain2d", peer, 2) for peer in ("voxelmorph", "dirnet", "flownet")]
    silent = {
        name: of(f"silent-{name}", "sarnet-refined").dice - of(f"silent-{name}", "silent").dice
        for name in ("brain2d", "hearts", "montgomery")
    }
    assert abs(of("brain3d-first-half", "sarnet-refined").dice - of("brain3d-first-half", "silent").dice) < 0.002
    for words in (
        f"the default has {dice('montgomery-all', 'sarnet-refined', 3)}, ANTs {dice('montgomery-all', 'syncc', 3)}",
        f"it loses {silent['brain2d']:.3f} on brain slices, {silent['hearts']:.3f} on hearts, "
        f"{silent['montgomery']:.3f} on X-rays of another scanner",
        "on the same X-rays, reach {}, {} and {} on brain slices".format(*peers),
        f"where sarnet's single pass reaches {dice('table1-brain2d', 'sarnet-forward', 2)}",
        f"they reach {dice('table2-brain2d', 'flownet', 2)} to {dice('table2-brain2d', 'voxelmorph', 2)}",
        f"single pass does ({dice('table2-brain2d', 'sarnet-forward', 2)})",
        f"off by {simulated.relative_field_error:.3f} of the true displacement",
        f"from {simulated.dice_before:.3f} to {simulated.dice:.3f}",
        "is {} pixels on brain slices, {} on hearts, {} on X-rays of another scanner, and {} and {} voxels".format(
            *round_trips
        ),
    ):
        assert words in " ".join(readme.split()), words


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
