import json
from pathlib import Path

import pytest

from sarnet.benchmark import code_hash, read_rows
from sarnet.config import BenchmarkSettings, read_settings

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
WEIGHTS = CONFIGS.parent / "weights"


def test_rows_go_to_the_file_and_means_to_the_screen(run, visits, tmp_path):
    (tmp_path / "my.toml").write_text(f"protocol = 'simulated-xray'\ndata = '{visits}'\n[registration]\nadapt='none'\n")
    rows = tmp_path / "runs" / "rows.jsonl"

    ran = run("benchmark", "--config", tmp_path / "my.toml", "--set", f"rows={rows}")

    (row,) = [
        json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()
    ]  # one patient of six is left for tests
    assert ran.code == 0
    figures = [row["dice_before"], row["dice"], row["field_error_voxels"] / row["field_voxels"]]
    assert ran.out.splitlines()[-1].split()[:5] == ["sarnet", "1", *(f"{figure:.4f}" for figure in figures)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "data=nowhere",
            "data nowhere holds 0 files images/*.nii.gz, and subjects = 'first' takes 0 of them",
        ),
        ("registration.adapt=much", "'registration.adapt'"),
        ("protocol=brain4d", "'protocol'"),
        ("shiftz=[1]", "'shiftz' is not a setting; did you mean 'shifts'?"),
    ],
)
def test_wrong_setting_is_told_in_one_line(change, message, run, tmp_path):
    rows = tmp_path / "rows.jsonl"

    ran = run("benchmark", "--config", CONFIGS / "tuning.toml", "--set", f"rows={rows}", "--set", change)

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err
    assert not rows.exists()


@pytest.mark.parametrize(
    ("name", "protocol"),
    [
        ("table1", "brain2d"),
        ("table1-hearts", "cardiac"),
        ("table1-montgomery", "xray"),
        ("table1-visits", "xray"),
        ("table2", "brain2d"),
        ("table2-hearts", "cardiac"),
        ("brain3d", "brain3d"),
        ("liver", "liver"),
        ("shenzhen", "xray"),
        ("simulated-xray", "simulated-xray"),
    ],
)
def test_shipped_configuration_is_that_of_its_protocol(name, protocol):
    assert read_settings(BenchmarkSettings, CONFIGS / f"{name}.toml").protocol == protocol


def test_quick_table_has_each_method_asked_for_on_three_pairs(run, brains, tmp_path):
    rows, table = tmp_path / "rows.jsonl", tmp_path / "table1.md"
    small = ["registration.longest_voxels=64", "registration.magnified_voxels=0"]
    changes = [
        f"data={brains}",
        f"rows={rows}",
        'methods=["sarnet-forward","sarnet-refined","dirnet","flownet","gcsar"]',
        *(f"peers.{each}={WEIGHTS / each}.safetensors" for each in ("dirnet", "flownet")),
        "subjects=all",
        *small,
    ]

    ran = run(
        *("benchmark", "--config", CONFIGS / "table1.toml", "--quick", "--report", table, "--paper", "table1"),
        *(word for change in changes for word in ("--set", change)),
    )

    assert ran.code == 0
    measured = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    assert [row["pair"] for row in measured[::5]] == ["1<-2", "1<-10", "2<-1"]
    assert {row["method"] for row in measured} == {"sarnet-forward", "sarnet-refined", "dirnet", "flownet", "gcsar"}
    assert {row["code"] for row in measured} == {code_hash()}
    assert "| gcsar | 3 |" in table.read_text(encoding="utf-8")


def test_tables_are_made_of_rows_that_are_there(run, tmp_path):
    results = CONFIGS.parent / "docs" / "results" / "table1-brain2d.jsonl"

    ran = run(
        *("benchmark", "--rows", results, "--reference", "sarnet-refined", "--paper", "table1"),
        *("--report", tmp_path / "results.md", "--report", tmp_path / "results.html"),
    )

    lines = (tmp_path / "results.md").read_text(encoding="utf-8").splitlines()
    assert ran.out == f"Wrote {tmp_path / 'results.md'}.\nWrote {tmp_path / 'results.html'}.\n"
    names = [line.removeprefix("| ").split(" | ")[0] for line in lines if line.startswith("| ") and "---" not in line]
    assert names == ["method", "before", *dict.fromkeys(row.method for row in read_rows(results))]
    assert '<th scope="row">sarnet-refined</th>' in (tmp_path / "results.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give --config to compute rows, or --rows with --report"),
        (["--rows", "rows.jsonl"], "--report is missing"),
        (["--rows", "rows.jsonl", "--report", "a.md"], "rows rows.jsonl does not exist"),
    ],
)
def test_tables_of_nothing_are_refused_in_one_line(words, message, run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    ran = run("benchmark", *words)

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--report", "a.pdf"], "report a.pdf has the ending '.pdf', but must end in .md or .html"),
        (["--report", "a.md", "--reference", "elastics"], "reference is 'elastics', but the methods are ['sarnet']"),
        (["--report", "a.md", "--paper", "table3"], "'table3'"),
    ],
)
def test_tables_that_could_not_be_written_are_refused_before_anything_is_computed(
    words, message, run, visits, tmp_path
):
    rows = tmp_path / "rows.jsonl"

    ran = run(
        *("benchmark", "--config", CONFIGS / "simulated-xray.toml", *words),
        *("--set", f"data={visits}", "--set", f"rows={rows}"),
    )

    assert ran.code == 2
    assert message in ran.err
    assert not rows.exists()


def test_rows_are_kept_and_completed_where_that_is_asked_for(run, visits, tmp_path):
    rows = tmp_path / "rows.jsonl"
    (tmp_path / "my.toml").write_text(f"protocol = 'simulated-xray'\ndata = '{visits}'\nrows = '{rows}'\n")
    first = run("benchmark", "--config", tmp_path / "my.toml")
    written = rows.read_bytes()

    again = run("benchmark", "--config", tmp_path / "my.toml")
    resumed = run("benchmark", "--config", tmp_path / "my.toml", "--resume")
    rows.write_text(rows.read_text(encoding="utf-8").replace(code_hash(), "older"), encoding="utf-8")
    later = run("benchmark", "--config", tmp_path / "my.toml", "--resume")
    rows.write_bytes(written)
    other = run("benchmark", "--config", tmp_path / "my.toml", "--set", "simulation.peak_voxels=[1, 2]")

    assert (again.code, again.out) == (2, "")
    assert "holds 1 of this run's 1 rows already: use --resume to keep them and compute the rest" in again.err
    assert (resumed.code, resumed.out) == (0, first.out)
    assert "of other code" not in resumed.err
    assert "note: 1 of the rows kept are of other code" in later.err
    assert other.code == 0
    assert rows.read_bytes().startswith(written)
    assert len(rows.read_bytes().splitlines()) == 2


def test_methods_stand_beside_each_other(run, visits, tmp_path):
    text = f"""
        protocol = "xray"
        data = "{visits}"
        split = "all"
        shifts = [1]
        most_pairs = 1
        inverse_consistency = true
        rows = "{tmp_path / "rows.jsonl"}"
        methods = ["affine", "forward"]
        [registration]
        threads = 1
        [variants.affine]
        transform = "affine"
        [variants.forward]
        adapt = "none"
    """
    (tmp_path / "my.toml").write_text(text)

    ran = run("benchmark", "--config", tmp_path / "my.toml")

    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["method"] for row in rows] == ["affine", "forward"]
    lines = [line.split() for line in ran.out.splitlines()[-2:]]
    assert [line[:4] for line in lines] == [
        [row["method"], "1", f"{row['dice_before']:.4f}", f"{row['dice']:.4f}"] for row in rows
    ]
