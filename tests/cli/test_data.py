import csv
import functools
import http.server
import shutil
import threading

import numpy as np
import pytest
import SimpleITK as sitk


@pytest.fixture
def prepared(run, visits, tmp_path):
    """The folder of prepared data of six patients."""
    assert run("data", "prepare", "csv", visits, "--out", tmp_path / "prepared", "--workers", 1).code == 0
    return tmp_path / "prepared"


def _rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_prepare_tells_what_it_did_and_what_comes_next(run, visits, tmp_path):
    ran = run("data", "prepare", "csv", visits, "--out", tmp_path / "prepared", "--workers", 1)

    assert ran.code == 0
    assert "6 images are in" in ran.out
    assert "sarnet data show" in ran.out
    assert len(_rows(tmp_path / "prepared/manifest.csv")) == 6


def test_second_run_has_nothing_to_do(run, visits, prepared):
    ran = run("data", "prepare", "csv", visits, "--out", prepared)

    assert (ran.code, "nothing to do" in ran.out) == (0, True)


@pytest.mark.parametrize(("strict", "code"), [((), 0), (("--strict",), 3)])
def test_strict_run_that_leaves_an_image_out_ends_with_3(run, visits, tmp_path, strict, code):
    (tmp_path / "image2.png").write_bytes(b"no picture")

    ran = run("data", "prepare", "csv", visits, "--out", tmp_path / "prepared", "--workers", 1, *strict)

    assert ran.code == code
    assert "left out image2: its image is damaged" in ran.err
    assert "5 images are in" in ran.out


def test_run_that_leaves_every_image_out_is_an_error(run, visits, tmp_path):
    for path in tmp_path.glob("image*.png"):
        path.write_bytes(b"no picture")

    ran = run("data", "prepare", "csv", visits, "--out", tmp_path / "prepared", "--workers", 1)

    assert (ran.code, ran.out) == (2, "")
    assert "left-out.csv names every image, none is prepared" in ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nih", "{folder}"), "source is 'nih', but must be one of acdc, adni, bids"),
        (("acdc", "{folder}/nowhere"), "does not exist: wanted for acdc are"),
        (("csv", "{folder}", "--set", "sise=3"), "'sise' is not a setting; did you mean 'size'?"),
        (("csv", "{folder}", "--set", "size"), "--set 'size' is not of the form key=value"),
    ],
)
def test_wrong_words_are_told_in_one_line(run, tmp_path, words, message):
    words = [word.format(folder=tmp_path) for word in words]

    ran = run("data", "prepare", *words, "--out", tmp_path / "prepared")

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err


def test_split_is_by_patient_and_stands_in_the_manifest(run, prepared):
    ran = run("data", "split", prepared, "--shares", "50,25,25", "--seed", 3)

    assert ran.code == 0
    assert "patients for train 3 (3 images)" in ran.out
    parts = [row["split"] for row in _rows(prepared / "manifest.csv")]
    assert sorted(parts) == ["test", "train", "train", "train", "validation", "validation"]


def test_split_that_is_there_is_kept(run, prepared):
    run("data", "split", prepared)
    before = (prepared / "manifest.csv").read_bytes()

    kept = run("data", "split", prepared, "--seed", 5)
    drawn = run("data", "split", prepared, "--seed", 5, "--overwrite")

    assert (kept.code, drawn.code) == (2, 0)
    assert "--overwrite draws a split anew" in kept.err
    assert (prepared / "manifest.csv").read_bytes() != before


def test_patient_in_two_parts_is_refused(run, prepared):
    text = (prepared / "manifest.csv").read_text(encoding="utf-8").replace(",p1,", ",p0,")
    lines = text.splitlines()
    named = lines[0].split(",").index("split")
    for number, part in ((1, "train"), (2, "test")):
        cells = lines[number].split(",")
        cells[named] = part
        lines[number] = ",".join(cells)
    (prepared / "manifest.csv").write_text("\n".join(lines) + "\n")

    ran = run("data", "split", prepared)

    assert ran.code == 2
    assert "patient 'p0' is in the splits 'train' and 'test'" in ran.err


def test_folds_are_a_csv_each(run, prepared):
    ran = run("data", "split", prepared, "--folds", 3)

    assert ran.code == 0
    tested = [
        [row["patient"] for row in _rows(prepared / f"fold-{k}.csv") if row["split"] == "test"] for k in (1, 2, 3)
    ]
    assert [len(people) for people in tested] == [2, 2, 2]
    assert len({person for people in tested for person in people}) == 6


def test_folds_that_are_there_are_kept_unless_they_are_to_be_overwritten(run, prepared):
    run("data", "split", prepared, "--folds", 3)
    before = {path.name: path.read_bytes() for path in prepared.glob("fold-*.csv")}

    kept = run("data", "split", prepared, "--folds", 2, "--seed", 5)
    after_kept = {path.name: path.read_bytes() for path in prepared.glob("fold-*.csv")}
    drawn = run("data", "split", prepared, "--folds", 2, "--seed", 5, "--overwrite")

    assert (kept.code, drawn.code) == (2, 0)
    assert "holds 3 folds already, fold-1.csv the first: --overwrite removes them" in kept.err
    assert after_kept == before
    assert sorted(path.name for path in prepared.glob("fold-*.csv")) == ["fold-1.csv", "fold-2.csv"]


def test_folds_have_no_shares(run, prepared):
    ran = run("data", "split", prepared, "--folds", 2, "--shares", "50,20,30")

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "--shares and --folds were both given" in ran.err


@pytest.mark.parametrize("shares", ["70,30", "70,x,20", "70,0,30", "nan,1,1", "inf,1,1"])
def test_shares_are_three_numbers(run, prepared, shares):
    ran = run("data", "split", prepared, "--shares", shares)

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert f"shares is '{shares}'" in ran.err


def test_show_writes_a_sheet_with_outlines_and_counts(run, prepared, tmp_path):
    ran = run("data", "show", prepared, "--out", tmp_path / "look", "--images", 4)

    sheet = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "look/sheet.png")))[..., :3].astype(int)
    page = (tmp_path / "look/sheet.html").read_text(encoding="utf-8")
    orange = np.abs(sheet - (255, 159, 28)).max(axis=-1) < 8
    assert ran.code == 0
    assert "data set: made-up (6)" in ran.out
    assert page.count("<figure>") == 4
    assert "http" not in page.replace('http-equiv="Content-Security-Policy"', "")
    assert orange.sum() > 4 * 200  # two lungs outlined in each


def test_show_of_nothing_is_told(run, tmp_path):
    ran = run("data", "show", tmp_path / "nowhere")

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "cannot be read as a CSV" in ran.err


def test_split_keeps_the_other_columns_of_a_list_of_ones_own(run, tmp_path):
    own = tmp_path / "own.csv"
    own.write_text("image,dataset,patient,visit,age\n" + "".join(f"{n}.png,x,p{n},0,5{n}\n" for n in range(4)))

    ran = run("data", "split", own)

    assert ran.code == 0
    rows = _rows(own)
    assert [row["age"] for row in rows] == ["50", "51", "52", "53"]
    assert sorted(row["split"] for row in rows) == ["test", "train", "train", "validation"]


def test_simulated_patients_are_in_one_part_whatever_the_seed(run, prepared, tmp_path):
    people = []
    for part, seed in (("train", 0), ("test", 1), ("validation", 2)):
        out = tmp_path / part
        words = ("--out", out, "--split", part, "--seed", seed, "--pairs", 6, "--size", 32, "--workers", 1)
        assert run("data", "simulate", prepared, *words).code == 0
        people.append({row["patient"] for row in _rows(out / "pairs.csv")})

    assert sum(map(len, people)) == len(set.union(*people))


def test_prepare_fetches_from_a_server(run, visits, tmp_path):
    image = tmp_path / "archive/CXR_png/MCUCXR_0001_0.png"
    image.parent.mkdir(parents=True)
    shutil.copy(visits.parent / "image0.png", image)
    shutil.make_archive(str(tmp_path / "served/Montgomery"), "zip", tmp_path / "archive")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "served")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/Montgomery.zip"
        words = ("montgomery", tmp_path / "got", "--out", tmp_path / "prepared", "--fetch", "--url", url)
        ran = run("data", "prepare", *words)
        server.shutdown()
        thread.join()

    assert ran.code == 0, ran.err
    assert [row["source"] for row in _rows(tmp_path / "prepared/manifest.csv")] == ["CXR_png/MCUCXR_0001_0.png"]
