import csv

import pytest

from sarnet.errors import MissingExtraError
from sarnet.training.log import Log

pytest.importorskip("tensorboard")


def _rows(folder):
    with (folder / "log.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_row_has_the_step_and_every_figure_by_its_name(tmp_path):
    log = Log(tmp_path, after=0)

    log.write(10, {"total": 1.25, "nmi": 0.123456789})
    log.write(20, {"total": 1.0, "nmi": 1e-7})

    assert _rows(tmp_path) == [
        {"step": "10", "total": "1.25", "nmi": "0.12346"},
        {"step": "20", "total": "1", "nmi": "1e-07"},
    ]


def test_training_that_goes_on_drops_what_it_will_do_again(tmp_path):
    first = Log(tmp_path, after=0)
    for step in (10, 20, 30):
        first.write(step, {"total": float(step)})

    again = Log(tmp_path, after=20)
    again.write(30, {"total": -1.0})

    assert [(row["step"], row["total"]) for row in _rows(tmp_path)] == [("10", "10"), ("20", "20"), ("30", "-1")]


def test_rows_are_at_hand_those_from_before_a_stop_included(tmp_path):
    first = Log(tmp_path, after=0)
    for step in (10, 20, 30):
        first.write(step, {"total": step / 4, "nmi": float("nan")})

    again = Log(tmp_path, after=20)
    again.write(30, {"total": -1.0, "nmi": 0.5})

    assert [(row["step"], row["total"]) for row in again.rows] == [(10, 2.5), (20, 5.0), (30, -1.0)]
    assert [row["nmi"] for row in again.rows] == pytest.approx([float("nan"), float("nan"), 0.5], nan_ok=True)


def test_training_that_kept_nothing_begins_its_log_anew(tmp_path):
    Log(tmp_path, after=0).write(10, {"total": 1.0})

    Log(tmp_path, after=0).write(10, {"total": 2.0})

    assert _rows(tmp_path) == [{"step": "10", "total": "2"}]


def test_log_of_other_terms_of_which_nothing_is_kept_begins_with_its_own_head(tmp_path):
    Log(tmp_path, after=0).write(10, {"total": 1.0, "nmi": 0.5})

    Log(tmp_path, after=0).write(10, {"total": 2.0})
    again = Log(tmp_path, after=10)

    assert _rows(tmp_path) == [{"step": "10", "total": "2"}]
    assert again.rows == [{"step": 10, "total": 2.0}]


@pytest.mark.parametrize("cut", ["20,0.2", "20,0.25,", "20,0.25,0.1"])
def test_row_that_was_cut_off_is_dropped(tmp_path, cut):
    Log(tmp_path, after=0).write(10, {"total": 1.0, "nmi": 0.5})
    with (tmp_path / "log.csv").open("a", encoding="utf-8") as file:
        file.write(cut)

    assert [row["step"] for row in Log(tmp_path, after=30).rows] == [10]
    assert [row["step"] for row in _rows(tmp_path)] == ["10"]


def test_file_that_was_never_written_to_gets_its_head(tmp_path):
    (tmp_path / "log.csv").touch()

    Log(tmp_path, after=0).write(10, {"total": 1.0})

    assert _rows(tmp_path) == [{"step": "10", "total": "1"}]


def test_tensorboard_is_given_the_same_curves(tmp_path):
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    log = Log(tmp_path, after=0)

    log.write(10, {"total": 1.5, "nmi": 0.5})

    (file,) = (tmp_path / "tensorboard").iterdir()
    points = {
        value.tag: (event.step, value.tensor.float_val[0])
        for event in EventFileLoader(str(file)).Load()
        for value in event.summary.value
    }
    assert points == {"total": (10, 1.5), "nmi": (10, 0.5)}


def test_missing_extra_is_named(tmp_path, monkeypatch):
    from lightning_fabric.loggers import tensorboard

    for name in ("_TENSORBOARD_AVAILABLE", "_TENSORBOARDX_AVAILABLE"):
        monkeypatch.setattr(tensorboard, name, False)  # as if neither were installed

    with pytest.raises(MissingExtraError, match=r"it is missing: run pip install '\.\[train\]'"):
        Log(tmp_path, after=0)
