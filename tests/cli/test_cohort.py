import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from sarnet.images import Image, read_image, write_image
from sarnet.transforms import apply, read_transform

FAST = ("--transform", "affine", "--no-report")


@pytest.fixture(scope="session")
def many(tmp_path_factory, files):
    """Folder with a table of three pairs, one of them corrupt, and a BIDS directory of two sessions."""
    folder = tmp_path_factory.mktemp("many")
    moving = read_image(files / "moving.nii.gz")
    shifted = ndimage.shift(moving.array, (2, 1), order=1)
    write_image(Image(array=shifted, grid=moving.grid), folder / "shifted.nii.gz")
    (folder / "corrupt.nii.gz").write_bytes((files / "moving.nii.gz").read_bytes()[:500])
    (folder / "pairs.csv").write_text(
        "id,fixed,moving,site\n"
        f"first,{files}/fixed.nii.gz,{files}/moving.nii.gz,north\n"
        f"second,{files}/fixed.nii.gz,shifted.nii.gz,south\n"
        f"third,{files}/fixed.nii.gz,corrupt.nii.gz,south\n"
    )
    for session, image in (("01", moving.array), ("02", shifted)):
        anat = folder / "bids" / "sub-07" / f"ses-{session}" / "anat"
        anat.mkdir(parents=True)
        write_image(Image(array=image, grid=moving.grid), anat / f"sub-07_ses-{session}_T1w.nii.gz")
    (folder / "bids" / "dataset_description.json").write_text('{"Name": "two visits", "BIDSVersion": "1.9.0"}')
    return folder


def test_table_of_pairs_is_registered_resumed_and_summed_up(run, many, cluster, tmp_path):
    words = ("cohort", many / "pairs.csv", "--out", tmp_path / "out", "--transform", "affine")

    first = run(*words, "--scheduler", cluster.address, "--strict")
    again = run(*words, "--workers", 1, "--resume")

    assert (first.code, again.code) == (3, 0)
    assert "3 pairs: 2 registered, 1 failed." in first.out
    assert "third: " in first.out
    assert "Dask's dashboard, while this runs: http://127.0.0.1:" in first.err
    assert "2 of 3 pairs are done already" in again.err
    with (tmp_path / "out" / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["state"], row["site"]) for row in rows] == [
        ("first", "done", "north"),
        ("second", "done", "south"),
        ("third", "failed", "south"),
    ]
    folder = tmp_path / "out" / rows[1]["folder"]
    record = json.loads((folder / "registration.json").read_text(encoding="utf-8"))
    assert (record["transform"], record["threads"]) == ("affine", 1)
    assert record["command"].startswith("sarnet cohort ")
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert page.index("third") < page.index('href="pairs/first/report.html"')
    assert 'src="pairs/second/thumbnail.png"' in page


def test_bids_directory_becomes_derivatives(run, many, cluster, tmp_path):
    ran = run("cohort", many / "bids", "--out", tmp_path / "out", "--scheduler", cluster.address, *FAST)

    folder = tmp_path / "out" / "sub-07" / "ses-02" / "anat"
    assert ran.code == 0
    description = json.loads((tmp_path / "out" / "dataset_description.json").read_text(encoding="utf-8"))
    assert (description["DatasetType"], description["GeneratedBy"][0]["Name"]) == ("derivative", "sarnet")
    transform = read_transform(folder / "sub-07_ses-02_from-T1w_to-ses01_mode-image_xfm.h5")
    moving = read_image(many / "bids" / "sub-07" / "ses-02" / "anat" / "sub-07_ses-02_T1w.nii.gz")
    fixed = read_image(many / "bids" / "sub-07" / "ses-01" / "anat" / "sub-07_ses-01_T1w.nii.gz")
    warped = read_image(folder / "sub-07_ses-02_space-ses01_T1w.nii.gz")
    np.testing.assert_allclose(
        apply(transform, moving, fixed.grid, interpolation="linear").array, warped.array, atol=1e-3
    )
    ignored = (tmp_path / "out" / ".bidsignore").read_text(encoding="utf-8").split("\n")
    assert {"registration.json", "receipt.json", "displacement.nii.gz", "/summary.csv"} <= set(ignored)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("cohort", "nowhere.csv"), "nowhere.csv cannot be read as a CSV"),
        (("cohort", "pairs.csv", "--transform", "elastic"), "'transform'"),
        (("cohort", "pairs.csv", "--model", "sarnet-cxr-initail"), "'sarnet-cxr-initail' is not known"),
        (("cohort", "pairs.csv", "--scheduler", "tcp://127.0.0.1:9"), "scheduler tcp://127.0.0.1:9 cannot be reached"),
        (("cohort", "pairs.csv", "--scheduler", "nonsense://x"), "scheduler nonsense://x is no address: wanted"),
        (("cohort", "pairs.csv", "--scheduler", "localhost"), "scheduler localhost is no address: wanted"),
        (("cohort", "pairs.csv", "--scheduler", "tls://127.0.0.1:9"), "tls://127.0.0.1:9 wants certificates"),
        (("cohort", "pairs.csv", "--atlas", "shifted.nii.gz"), "lists pairs, and an atlas is given, too"),
        (("cohort", "pairs.csv", "--atlas-labels", "shifted.nii.gz"), "--atlas-labels was given, but --atlas is miss"),
    ],
)
def test_wrong_use_is_told_in_one_line(words, message, run, many, tmp_path):
    words = [many / word if Path(str(word)).suffix in (".csv", ".gz") else word for word in words]

    ran = run(*words, "--out", tmp_path / "out", "--no-report")

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err
    assert not (tmp_path / "out").exists()


def test_patients_with_one_visit_are_counted(run, many, files, cluster, tmp_path):
    table = tmp_path / "visits.csv"
    table.write_text(
        f"image,patient,visit\n{files}/fixed.nii.gz,a,0\n{files}/moving.nii.gz,a ,1\n{many}/shifted.nii.gz,b,0\n"
    )

    ran = run("cohort", table, "--out", tmp_path / "out", "--scheduler", cluster.address, *FAST)

    assert ran.code == 0
    assert "1 patient has one visit only, left out: b\n" in ran.err
    assert "1 pairs: 1 registered, 0 failed." in ran.out


def test_missing_dask_says_which_extra_installs_it(run, many, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)

    ran = run("cohort", many / "pairs.csv", "--out", tmp_path / "out")

    assert ran.code == 2
    assert ran.err == (
        "error: many pairs need Dask, but it is missing: run pip install '.[cohort]' in the checkout of sarnet\n"
    )
    assert not (tmp_path / "out").exists()
