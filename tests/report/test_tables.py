import numpy as np
import pytest

from sarnet.benchmark import Row
from sarnet.errors import InputError
from sarnet.report import result_tables, write_tables


def _rows(method, dice, *, lost=False, settings_hash="one", **further):
    return [
        Row(
            protocol="brain2d",
            pair=f"{subject}<-0",
            subjects=(str(subject), "atlas"),
            method=method,
            settings_hash=settings_hash,
            version="0",
            seconds=0.5,
            dice_before=0.4,
            dice=value,
            dice_by_label={"4": value, "10": 0.0 if lost else value},
            hd95=3.0,
            hd95_by_label={"4": 3.0, "10": None if lost else 3.0},
            mad=1.0,
            **further,
        )
        for subject, value in enumerate(dice)
    ]


@pytest.fixture
def rows():
    sarnet = 0.5 + 0.01 * np.arange(8)
    return [*_rows("sarnet", sarnet), *_rows("syn", sarnet - 0.01 * np.arange(1, 9), lost=True)]


def _cells(table, method):
    (line,) = [line for line in table.lines if line[0] == method]
    return dict(zip(table.headings, line, strict=True))


def test_each_method_has_a_line_below_what_was_before(rows):
    (table,) = result_tables(rows)

    assert [line[0] for line in table.lines] == ["before", "sarnet", "syn"]
    assert _cells(table, "before")["Dice, 95 % interval"] == "0.400"
    assert _cells(table, "sarnet")["Dice, 95 % interval"].startswith("0.535 [0.5")
    assert _cells(table, "syn")["HD95, mm"] == "3.00"


def test_before_is_of_all_pairs_whichever_methods_have_them():
    few = [row.model_copy(update={"dice_before": 0.1}) for row in _rows("sarnet", [0.5])]
    many = [
        row.model_copy(update={"pair": f"{place}", "dice_before": 0.4})
        for place, row in enumerate(_rows("syn", [0.5] * 3))
    ]

    (table,) = result_tables([*few, *many])

    assert table.lines[0][:4] == ("before", "", "", f"{(0.1 + 3 * 0.4) / 4:.3f}")


def test_differences_come_with_corrected_tests_on_subjects(rows):
    (table,) = result_tables(rows, reference="sarnet")

    cells = _cells(table, "syn")
    assert cells["subjects"] == "8"
    assert cells["sarnet less this, 95 % interval"].startswith("+0.045 [+0.0")
    assert cells["p"] == cells["p, Holm"] == f"{2 / 2**8:.3f}"  # all eight signs alike, either way
    assert _cells(table, "sarnet")["p"] == ""


def test_few_subjects_have_neither_tests_nor_intervals(rows):
    few = [row for row in rows if row.subjects[0] in {"0", "1", "2", "3", "4"}]

    (table,) = result_tables(few, reference="sarnet")

    assert _cells(table, "sarnet")["Dice"] == "0.520"
    assert not [heading for heading in table.headings if heading in {"p", "p, Holm"} or "interval" in heading]
    assert "No tests: sarnet shares pairs of fewer than 6 subjects with any other method." in table.notes


def test_methods_that_share_no_pair_are_shown_without_tests(rows):
    apart = [row.model_copy(update={"pair": f"{row.pair}, other"}) if row.method == "syn" else row for row in rows]

    (table,) = result_tables(apart, reference="sarnet")

    assert [line[0] for line in table.lines] == ["before", "sarnet", "syn"]
    assert "p" not in table.headings


def test_columns_that_nothing_is_in_are_left_out_and_lost_labels_counted(rows):
    (table,) = result_tables(rows)

    assert not {"landmarks, mm", "folding, %"} & set(table.headings)
    assert [note for note in table.notes if note.startswith("Not in HD95 and MAD") and note.endswith(": syn 8.")]


def test_pixels_are_said_to_be_pixels():
    (table,) = result_tables(_rows("sarnet", [0.5, 0.6], length_unit="pixels"))

    assert "HD95, pixels" in table.headings
    assert any(note.endswith("in pixels: the data set records no spacing.") for note in table.notes)


def test_papers_figures_stand_beside_the_methods_it_has(rows):
    (table,) = result_tables(rows, paper="table1")

    assert table.lines[0][-4:] == ("0.672", "14.5", "16.1", "")
    assert table.lines[1][-4:] == ("0.741", "10.8", "12.0", "0.5")
    assert table.lines[2][-4:] == ("", "", "", "")


def test_two_settings_of_one_method_are_two_lines():
    one, other = (_rows("sarnet", [0.5, 0.6], settings_hash=8 * letter) for letter in "ab")

    (table,) = result_tables([*one, *other])

    assert [line[0] for line in table.lines] == ["before", "sarnet (aaaaaa)", "sarnet (bbbbbb)"]


def test_folds_of_a_cross_validation_are_one_line_beside_the_papers(rows):
    folds = [
        row.model_copy(
            update={
                "fold": 1 + place % 2,
                "settings": {
                    "method": {"model": f"fold-{place % 2}", "weights_sha256": str(place % 2), "adapt": "none"}
                },
                "settings_hash": f"{row.method} by the weights of {place % 2}",
            }
        )
        for place, row in enumerate(rows)
    ]

    (table,) = result_tables(folds, reference="sarnet", paper="table2")

    (whole,) = result_tables(rows, reference="sarnet", paper="table2")
    assert table == whole


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            {"fold": 1, "settings": {"method": {"adapt": "none"}}},
            {"fold": 2, "settings": {"method": {"adapt": "refined"}}},
        ),
        ({"fold": None}, {"fold": 1}),
    ],
)
def test_folds_by_other_settings_and_rows_of_no_fold_are_lines_of_their_own(one, other):
    rows = [*_rows("sarnet", [0.5, 0.6], **one), *_rows("sarnet", [0.5, 0.6], settings_hash="two", **other)]

    (table,) = result_tables(rows)

    assert [line[0].partition(" (")[0] for line in table.lines] == ["before", "sarnet", "sarnet"]


def test_protocols_have_a_table_each(rows):
    hearts = [row.model_copy(update={"protocol": "cardiac"}) for row in rows]

    assert [table.title for table in result_tables([*rows, *hearts])] == ["brain2d", "cardiac"]


def test_markdown_and_html_hold_every_cell(rows, tmp_path):
    tables = result_tables([*rows, *_rows("a|b<i>", [0.5, 0.6])], paper="table2")

    markdown = write_tables(tables, tmp_path / "results.md").read_text(encoding="utf-8")
    html = write_tables(tables, tmp_path / "results.html").read_text(encoding="utf-8")

    lines = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in lines} == {len(tables[0].headings) + 1}
    assert "a\\|b<i>" in markdown
    assert "a|b&lt;i&gt;" in html
    for cell in {cell for line in tables[0].lines for cell in line[1:]}:
        assert cell in markdown
        assert cell.replace("<", "&lt;") in html


@pytest.mark.parametrize(
    ("kept", "reference", "message"),
    [
        (0, None, "rows are empty"),
        (16, "elastix", r"reference is 'elastix', but brain2d has the methods \['sarnet', 'syn'\]"),
    ],
)
def test_what_makes_no_table_is_refused(kept, reference, message, rows):
    with pytest.raises(InputError, match=message):
        result_tables(rows[:kept], reference=reference)


def test_same_row_twice_is_refused(rows):
    with pytest.raises(InputError, match="rows have the pair '0<-0' twice by sarnet: give each file once"):
        result_tables([*rows, rows[0]])


def test_pairs_of_a_fold_by_older_and_by_newer_weights_are_not_averaged(rows):
    older, newer = (
        rows[0].model_copy(update={"fold": 1, "settings": {"method": {"weights_sha256": told}}, "settings_hash": told})
        for told in ("older", "newer")
    )

    with pytest.raises(InputError, match="if weights of a cross-validation were trained anew, begin a new file"):
        result_tables([older, newer])


def test_other_endings_are_refused(rows, tmp_path):
    with pytest.raises(InputError, match=r"must end in \.md or \.html"):
        write_tables(result_tables(rows), tmp_path / "results.pdf")
