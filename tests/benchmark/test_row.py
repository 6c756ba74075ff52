import pytest

from sarnet.benchmark import Row, append_row, read_rows, settings_hash, summarise
from sarnet.errors import DataError


def _row(**changes: object) -> Row:
    told = {
        "protocol": "simulated-xray",
        "pair": "a",
        "subjects": ("a", "a"),
        "model": "m",
        "adapt": "none",
        "version": "0.1.0",
        "seconds": 1.0,
        "iterations": 0,
        "folding_percent": 0.0,
        "dice_before": 0.5,
        "dice": 0.75,
    }
    return Row.model_validate(told | changes)


def test_means_and_the_median_of_times():
    rows = [
        _row(dice_before=0.25, dice=0.5, seconds=1.0, folding_percent=0.5),
        _row(dice_before=0.5, dice=0.75, seconds=2.0),
        _row(dice_before=0.75, dice=0.625, seconds=30.0, folding_percent=0.25),
    ]

    summary = summarise(rows)

    assert summary.pairs == 3
    assert (summary.dice_before, summary.dice) == (0.5, 0.625)
    assert summary.seconds == 2.0
    assert summary.folding_percent == 0.25
    assert summary.relative_field_error is None


def test_field_error_over_all_pairs_and_pair_by_pair():
    rows = [_row(field_voxels=1.0, field_error_voxels=0.5), _row(field_voxels=9.0, field_error_voxels=0.9)]

    summary = summarise(rows)

    assert summary.relative_field_error == pytest.approx(1.4 / 10)
    assert summary.relative_field_error_of_pairs == pytest.approx((0.5 + 0.1) / 2)


def test_rows_are_added_line_by_line(tmp_path):
    path = tmp_path / "runs" / "rows.jsonl"
    rows = [_row(pair="1<-2"), _row(pair="2<-3", field_voxels=2.0)]

    for row in rows:
        append_row(row, path)

    assert [Row.model_validate_json(line) for line in path.read_text(encoding="utf-8").splitlines()] == rows
    assert read_rows(path) == rows


def test_file_that_is_not_there_has_no_rows(tmp_path):
    assert read_rows(tmp_path / "rows.jsonl") == []


def test_line_that_is_no_row_is_named(tmp_path):
    append_row(_row(), tmp_path / "rows.jsonl")
    with (tmp_path / "rows.jsonl").open("a") as file:
        file.write('{"protocol": "brain\n')

    with pytest.raises(DataError, match=r"rows\.jsonl, line 2, is no row: delete it or choose another file"):
        read_rows(tmp_path / "rows.jsonl")


@pytest.mark.parametrize("where", ["in its first word", "behind an inner brace", "near its end"])
def test_line_that_was_cut_off_is_no_row_and_the_next_one_takes_its_place(where, tmp_path):
    rows = tmp_path / "rows.jsonl"
    append_row(_row(pair="a"), rows)
    whole = rows.read_bytes()
    append_row(_row(pair="b", dice_by_label={"4": 0.5}), rows)
    last = rows.read_bytes()[len(whole) :]
    left = {"in its first word": 5, "behind an inner brace": last.index(b"}") + 1, "near its end": len(last) - 20}
    rows.write_bytes(whole + last[: left[where]])  # what a process leaves that is killed while it writes

    assert [row.pair for row in read_rows(rows)] == ["a"]
    append_row(_row(pair="c"), rows)

    assert [row.pair for row in read_rows(rows)] == ["a", "c"]
    assert rows.read_bytes().startswith(whole)


def test_whole_row_without_the_end_of_its_line_is_kept(tmp_path):
    rows = tmp_path / "rows.jsonl"
    append_row(_row(pair="a"), rows)
    rows.write_bytes(rows.read_bytes().rstrip())  # as some editors leave it

    assert [row.pair for row in read_rows(rows)] == ["a"]
    append_row(_row(pair="b"), rows)

    assert [row.pair for row in read_rows(rows)] == ["a", "b"]


def test_file_of_something_else_is_refused_and_left_alone(tmp_path):
    notes = tmp_path / "notes.txt"
    notes.write_text("a line without an end")

    with pytest.raises(DataError, match="line 1, is no row"):
        read_rows(notes)
    append_row(_row(), notes)

    assert notes.read_text(encoding="utf-8").startswith("a line without an end\n")


def test_figures_that_no_row_has_are_nothing():
    summary = summarise([_row(dice=None, tre_mm=2.0), _row(dice=None, tre_mm=4.0)])

    assert summary.dice is None
    assert summary.tre_mm == 3.0
    assert summary.inverse_consistency_voxels is None


def test_hash_is_of_the_settings_not_of_their_order():
    assert settings_hash({"a": 1, "b": {"c": 2, "d": 3}}) == settings_hash({"b": {"d": 3, "c": 2}, "a": 1})
    assert settings_hash({"a": 1}) != settings_hash({"a": 2})


def test_file_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(DataError, match=r"cannot be written: .*; choose another file"):
        append_row(_row(), tmp_path / "file" / "rows.jsonl")
