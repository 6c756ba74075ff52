import csv
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest

from sarnet.cohort import Cluster, CohortPair, Row, open_cohort, worst_first
from sarnet.cohort.job import Job, Outcome, WorkerState, _load_once, worker_state
from sarnet.cohort.receipt import Stamp, is_valid
from sarnet.config import RegistrationSettings
from sarnet.errors import DataError, InputError
from sarnet.images import Image, read_image, write_image
from sarnet.registration import PairFiles, read_pair, read_record, register
from sarnet.transforms import compose, read_transform

MakePairs = Callable[[int], list[CohortPair]]


def _run(
    pairs: list[CohortPair],
    out: Path,
    settings: RegistrationSettings,
    cluster: Cluster,
    *,
    resume: bool = False,
    both_ways: bool = False,
) -> tuple[list[Row], list[str]]:
    """The rows, and the pairs that were registered."""
    with open_cohort(pairs, out, settings, resume=resume, both_ways=both_ways) as cohort:
        done = [each.pair.id for each in cohort.register(cluster)]
        return cohort.summarise(), sorted(done)


def test_pairs_come_out_as_registering_them_one_by_one_does(
    pairs: MakePairs, affine: RegistrationSettings, cluster: Cluster, tmp_path: Path
) -> None:
    made = pairs(3)

    rows, _ = _run(made, tmp_path / "out", affine, cluster)

    for pair, row in zip(made, rows, strict=True):
        images = read_pair(pair.files)
        alone = register(images.fixed, images.moving, affine)
        warped = read_image(tmp_path / "out" / row.folder / "warped.nii.gz")
        np.testing.assert_array_equal(warped.array, alone.warped.array)
        assert (row.state, row.cost_final) == ("done", alone.record.cost_final)
    assert not list((tmp_path / "out" / "pairs").glob(".*"))


def test_corrupt_image_is_recorded_and_does_not_stop_the_others(
    pairs: MakePairs, affine: RegistrationSettings, cluster: Cluster, tmp_path: Path
) -> None:
    made = pairs(4)
    made[1].files.moving.write_bytes(made[1].files.moving.read_bytes()[:200])
    write_image(Image.from_array(np.zeros((44, 40), np.float32)), made[2].files.moving)

    rows, _ = _run(made, tmp_path / "out", affine, cluster)

    assert [row.state for row in rows] == ["done", "failed", "failed", "done"]
    assert "moving1.nii.gz is cut off" in rows[1].reason
    assert rows[2].reason == "moving is 0 everywhere, but must be an image with contrast"
    failure = json.loads((tmp_path / "out" / "failures" / "p1.json").read_text(encoding="utf-8"))
    assert failure["reason"] == rows[1].reason


def test_resuming_registers_what_failed_or_is_not_valid_and_nothing_else(
    pairs: MakePairs, affine: RegistrationSettings, cluster: Cluster, tmp_path: Path
) -> None:
    made, out = pairs(7), tmp_path / "out"
    whole = made[0].files.moving.read_bytes()
    made[0].files.moving.write_bytes(whole[:200])
    _run(made, out, affine, cluster)
    before = {pair.id: (out / pair.folder / "receipt.json").stat().st_ino for pair in made[1:]}

    made[0].files.moving.write_bytes(whole)  # mended
    (out / "pairs" / "p1" / "transform.h5").unlink()
    (out / "pairs" / "p2" / "warped.nii.gz").write_bytes(b"cut off")
    (out / "pairs" / "p3" / "registration.json").write_text("{")
    made[4].files.moving.write_bytes(whole)  # another image
    (out / "pairs" / "p5" / "mine.txt").write_text("mine")
    (out / "pairs" / ".p6-killed").mkdir()
    rows, registered = _run(made, out, affine, cluster, resume=True)

    assert registered == ["p0", "p1", "p2", "p3", "p4"]
    assert [row.state for row in rows] == ["done"] * 7
    assert all((out / pair.folder / "receipt.json").stat().st_ino == before[pair.id] for pair in made[5:])
    assert all(is_valid(pair, out / pair.folder) for pair in made)
    assert (out / "pairs" / "p5" / "mine.txt").exists()
    assert not list((out / "failures").iterdir())
    assert not list((out / "pairs").glob(".*"))


def test_pair_whose_files_have_other_roles_is_registered_again(
    pairs: MakePairs, affine: RegistrationSettings, cluster: Cluster, tmp_path: Path
) -> None:
    made, out = pairs(4), tmp_path / "out"
    labels = Image.from_array((read_image(made[0].files.fixed).array > 0).astype(np.uint8))
    write_image(labels, tmp_path / "labels.nii.gz")
    compared = {"fixed_labels": tmp_path / "labels.nii.gz", "moving_labels": tmp_path / "labels.nii.gz"}
    steering = {"guide_fixed": tmp_path / "labels.nii.gz", "guide_moving": tmp_path / "labels.nii.gz"}
    begun = [replace(pair, files=replace(pair.files, **compared)) for pair in made[:2]] + made[2:]
    _run(begun, out, affine, cluster)

    files = made[2].files
    changed = [
        begun[0],
        replace(made[1], files=replace(made[1].files, **steering)),
        replace(made[2], files=replace(files, fixed=files.moving, moving=files.fixed)),
        made[3],
    ]
    rows, registered = _run(changed, out, affine, cluster, resume=True)

    assert registered == ["p1", "p2"]
    assert (rows[1].dice, rows[2].fixed) == (None, str(files.moving))
    assert read_record(out / "pairs" / "p2").inputs == changed[2].files.inputs()


def test_settings_are_not_mixed_and_the_change_is_named(
    pairs: MakePairs, affine: RegistrationSettings, cluster: Cluster, tmp_path: Path
) -> None:
    made, out = pairs(1), tmp_path / "out"
    _run(made, out, affine, cluster)

    with pytest.raises(InputError, match="holds a cohort already: use --resume"):
        _run(made, out, affine, cluster)
    rigid = affine.model_copy(update={"transform": "rigid"})
    with pytest.raises(InputError, match="was begun with transform = 'affine', now 'rigid': results of both"):
        _run(made, out, rigid, cluster, resume=True)
    with pytest.raises(InputError, match="was begun with both_ways = False, now True"):
        _run(made, out, affine, cluster, resume=True, both_ways=True)
    spaced = [replace(made[0], files=replace(made[0].files, spacing=(2.0, 2.0)))]
    with pytest.raises(InputError, match=r"was begun with spacing = None, now \[2.0, 2.0\]"):
        _run(spaced, out, affine, cluster, resume=True)

    more_threads = affine.model_copy(update={"threads": 2})
    assert _run(made, out, more_threads, cluster, resume=True)[1] == []


def test_files_of_others_are_neither_removed_nor_mixed_with(
    pairs: MakePairs, affine: RegistrationSettings, cluster: Cluster, tmp_path: Path
) -> None:
    made, out = pairs(1), tmp_path / "out"
    _run(made, out, affine, cluster)
    raw = out / "sub-01" / "anat" / "sub-01_T1w.nii.gz"
    raw.parent.mkdir(parents=True)
    raw.write_text("the only copy")

    with pytest.raises(InputError, match="holds files that are no result of a cohort"):
        _run([replace(made[0], folder=Path("sub-01/anat"))], out, affine, cluster, resume=True)
    assert raw.read_text(encoding="utf-8") == "the only copy"

    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        _run(made, tmp_path / "other", affine, cluster, resume=True)


def test_folder_is_one_process_at_a_time(pairs: MakePairs, affine: RegistrationSettings, tmp_path: Path) -> None:
    made = pairs(1)

    with (
        open_cohort(made, tmp_path / "out", affine, resume=False),
        pytest.raises(InputError, match="is being written by another sarnet cohort"),
        open_cohort(made, tmp_path / "out", affine, resume=True),
    ):
        pass


def test_inverse_consistency_is_that_of_both_registrations(
    pairs: MakePairs, affine: RegistrationSettings, cluster: Cluster, tmp_path: Path
) -> None:
    (pair,) = pairs(2)[1:]
    back = PairFiles(fixed=pair.files.moving, moving=pair.files.fixed)
    exchanged = replace(pair, id="back", folder=Path("pairs/back"), files=back)

    rows, _ = _run([pair], tmp_path / "out", affine, cluster, both_ways=True)
    _run([exchanged], tmp_path / "back", affine, cluster)

    there, back_again = (
        read_transform(tmp_path / path / "transform.h5") for path in ("out/pairs/p1", "back/pairs/back")
    )
    fixed = read_image(pair.files.fixed)
    around = compose(there, back_again, grid=fixed.grid)
    inside = fixed.array > 0
    left = np.linalg.norm(around.total_displacement(), axis=-1)[inside]
    assert rows[0].inverse_consistency_mm == pytest.approx(left.mean(), rel=0.1)  # the foreground is nearly that
    assert read_record(tmp_path / "out/pairs/p1").inverse_consistency_mm == rows[0].inverse_consistency_mm


def test_summary_has_a_row_a_pair_in_the_order_of_the_table(
    pairs: MakePairs, affine: RegistrationSettings, cluster: Cluster, tmp_path: Path
) -> None:
    made = [replace(pair, extra={"site": f"s{index}"}) for index, pair in enumerate(pairs(3))]
    made[2].files.moving.write_bytes(b"no image")

    rows, _ = _run(made, tmp_path / "out", affine, cluster)

    with (tmp_path / "out" / "summary.csv").open(newline="", encoding="utf-8") as file:
        written = list(csv.DictReader(file))
    assert [(row["id"], row["state"], row["site"]) for row in written] == [
        ("p0", "done", "s0"),
        ("p1", "done", "s1"),
        ("p2", "failed", "s2"),
    ]
    assert [float(row["similarity_after"]) for row in written[:2]] == [row.similarity_after for row in rows[:2]]
    assert worst_first(rows)[0].id == "p2"


def test_worker_with_other_weights_or_another_version_stops_the_run(
    pairs: MakePairs, affine: RegistrationSettings, tmp_path: Path
) -> None:
    (pair,) = pairs(1)
    deformable = RegistrationSettings(threads=1)

    gone = deformable.model_copy(update={"model": str(tmp_path / "gone.safetensors")})
    without = Job(out=tmp_path, settings=gone, expected=WorkerState("0.1.0", "5e" * 32))(pair)
    older = Job(out=tmp_path, settings=affine, expected=WorkerState("9.9.9", None))(pair)
    others = Job(out=tmp_path, settings=deformable, expected=WorkerState("0.1.0", "5e" * 32))(pair)

    assert older.stops_all
    assert others.stops_all
    assert without.stops_all
    assert "gone.safetensors" in str(without.reason)
    assert "has sarnet 0.1.0, but this is 9.9.9: install the same version on all" in str(older.reason)
    assert "has other weights (SHA-256 " in str(others.reason)
    assert not list(tmp_path.glob("pairs"))


def test_network_is_loaded_once_for_all_pairs(pairs: MakePairs, tmp_path: Path) -> None:
    settings = RegistrationSettings(threads=1, adapt="none", longest_voxels=64, magnified_voxels=64)
    job = Job(out=tmp_path, settings=settings, expected=worker_state(settings))
    before = _load_once.cache_info().misses

    assert [job(pair) for pair in pairs(2)] == [Outcome()] * 2
    assert _load_once.cache_info().misses == before


def test_network_that_was_trained_anew_is_loaded_anew(tmp_path: Path) -> None:
    file = tmp_path / "mine.safetensors"
    settings = RegistrationSettings(threads=1, model=str(file))
    hashes = []
    for name in ("sarnet-cxr", "sarnoseg-cxr"):
        with as_file(files("sarnet.networks") / "released" / f"{name}.safetensors") as released:
            shutil.copy(released, file)
        hashes.append(worker_state(settings).weights_sha256)

    assert hashes[0] != hashes[1]


@pytest.mark.on_demand
def test_pair_that_kills_its_workers_is_recorded_as_such(cluster: Cluster) -> None:
    results = dict(cluster.spread(_die_of_the_first, {"a": 0, "b": 1, "c": 2}))

    assert type(results["a"]).__name__ == "KilledWorker"
    assert (results["b"], results["c"]) == (2, 3)


def _die_of_the_first(number: int) -> int:
    import os

    if number == 0:
        os._exit(1)
    return number + 1


def test_stamp_does_not_depend_on_where_a_link_leads(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "a.png").write_bytes(b"image")
    (tmp_path / "link").symlink_to(tmp_path / "here")

    assert Stamp.of(tmp_path / "link" / "a.png").path == str(tmp_path / "link" / "a.png")


def test_stamp_of_a_folder_tells_a_slice_of_other_content(tmp_path: Path) -> None:
    for name in ("1.dcm", "2.dcm"):
        (tmp_path / name).write_bytes(b"slice")
        os.utime(tmp_path / name, (1_000, 1_000))
    folder = tmp_path.stat().st_mtime_ns
    before = Stamp.of(tmp_path)
    assert Stamp.of(tmp_path) == before

    (tmp_path / "1.dcm").write_bytes(b"other")  # as long, and older than the newest of them
    os.utime(tmp_path / "1.dcm", (900, 900))

    assert tmp_path.stat().st_mtime_ns == folder
    assert Stamp.of(tmp_path) != before


@pytest.mark.parametrize(
    ("header", "line"),
    [("a.mhd", "ElementDataFile = a.raw"), ("a.nhdr", "data file: a.raw"), ("a.nhdr", "datafile:a.raw")],
)
def test_stamp_of_a_header_tells_other_data(header: str, line: str, tmp_path: Path) -> None:
    (tmp_path / header).write_text(f"NDims = 2\n{line}\n", encoding="utf-8")
    (tmp_path / "a.raw").write_bytes(b"data")
    before = Stamp.of(tmp_path / header)

    (tmp_path / "a.raw").write_bytes(b"more data")

    assert Stamp.of(tmp_path / header) != before


def test_stamp_of_a_header_without_a_data_file_is_that_of_the_header(tmp_path: Path) -> None:
    (tmp_path / "a.mhd").write_text("NDims = 2\nElementDataFile = LOCAL\n", encoding="utf-8")

    assert Stamp.of(tmp_path / "a.mhd").size_bytes == (tmp_path / "a.mhd").stat().st_size


def test_missing_files_are_told_before_anything_is_written(
    pairs: MakePairs, affine: RegistrationSettings, tmp_path: Path
) -> None:
    made = pairs(3)
    made[0].files.moving.unlink()
    made[2].files.moving.unlink()

    with (
        pytest.raises(DataError, match=r"2 files do not exist: .*moving0.nii.gz, .*moving2.nii.gz"),
        open_cohort(made, tmp_path / "out", affine, resume=False),
    ):
        pass
    assert not (tmp_path / "out").exists()
