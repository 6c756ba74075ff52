import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from sarnet.cohort import CohortPair, Row
from sarnet.cohort import summary as module
from sarnet.cohort.summary import summarise, write_summary

MakePairs = Callable[[int], list[CohortPair]]


def test_costs_are_compared_among_pairs_of_one_similarity(
    pairs: MakePairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs = {f"p{index}": ("lncc", 0.30 + 0.01 * index) for index in range(6)}
    costs |= {f"p{index}": ("nmi", 0.90 + 0.01 * index) for index in range(6, 11)} | {"p11": ("nmi", 1.9)}

    def row(pair: CohortPair, out: Path) -> Row:
        similarity, cost = costs[pair.id]
        return Row(id=pair.id, state="done", similarity=similarity, cost_final=cost)

    monkeypatch.setattr(module, "_row", row)

    found = summarise(pairs(12), tmp_path)

    assert [each.id for each in found if each.outlier] == ["p11"]


def test_lengths_say_what_they_are_in_and_further_columns_follow(tmp_path: Path) -> None:
    rows = [Row(id="a", state="done", length_unit="pixels", mean_displacement_mm=2.0, extra={"age": "61"})]

    write_summary(rows, tmp_path / "summary.csv")

    (line,) = csv.DictReader((tmp_path / "summary.csv").read_text(encoding="utf-8").splitlines())
    assert (line["length_unit"], line["mean_displacement_mm"], line["age"]) == ("pixels", "2.0", "61")
