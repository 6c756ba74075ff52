import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sarnet.cohort import Row
from sarnet.report import write_index

DONE = {"state": "done", "similarity_before": 0.2, "similarity_after": 0.5, "seconds": 1.5}


@pytest.fixture
def page(tmp_path: Path) -> Callable[..., str]:
    """The index of some rows; of pair `a` there is a report."""
    (tmp_path / "pairs" / "a b").mkdir(parents=True)
    (tmp_path / "pairs" / "a b" / "report.html").write_text("")

    def write(*rows: Row) -> str:
        return write_index(rows, tmp_path).read_text(encoding="utf-8")

    return write


def _order(page: str) -> list[str]:
    return re.findall(r'<th scope="row" data-sort="([^"]*)">', page)


def test_failures_come_first_then_the_worst(page: Callable[..., str]) -> None:
    rows = [
        Row(id="good", score=-1.0, cost_final=0.1, **DONE),
        Row(id="bad", score=9.0, cost_final=0.9, outlier=("cost_final",), **DONE),
        Row(id="later", state="left"),
        Row(id="broken", state="failed", reason="image is <cut> off"),
        Row(id="unscored", **DONE),
    ]

    text = page(*rows)

    assert _order(text) == ["broken", "bad", "good", "unscored", "later"]
    assert "image is &lt;cut&gt; off" in text
    assert text.count('class="number apart"') == 1
    assert '<td class="number apart" data-sort="0.9">0.9000</td>' in text
    assert "3 of 5" in text


def test_reports_are_linked_where_there_are_any(page: Callable[..., str]) -> None:
    text = page(Row(id="a", folder="pairs/a b", **DONE), Row(id="c", folder="pairs/c", **DONE))

    assert '<a href="pairs/a%20b/report.html">a</a>' in text
    assert "pairs/c/" not in text
    assert "<img" not in text


def test_figures_that_no_pair_has_make_no_column(page: Callable[..., str]) -> None:
    assert "Inverse consistency" not in page(Row(id="a", **DONE))
    assert "Inverse consistency" in page(Row(id="a", inverse_consistency_mm=0.5, **DONE))


def test_page_needs_no_network_and_runs_its_own_script_alone(page: Callable[..., str]) -> None:
    text = page(Row(id="a", **DONE))

    assert not re.search(r'(?:src|href)="(?:https?:)?//', text)
    assert re.search(r"default-src 'none'; .*script-src 'sha256-[A-Za-z0-9+/=]+'", text)
