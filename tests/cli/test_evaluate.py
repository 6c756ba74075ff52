import json
from dataclasses import replace

import numpy as np
import pytest

from sarnet.images import Image, write_image
from sarnet.transforms import Transform, write_transform


@pytest.fixture
def maps(tmp_path):
    labels = np.zeros((24, 24), np.uint8)
    labels[4:12, 4:12] = 1
    for ending in ("nii.gz", "png"):
        write_image(Image.from_array(labels, spacing=(2.0, 2.0)), tmp_path / f"fixed.{ending}")
        write_image(Image.from_array(np.roll(labels, 2, axis=1), spacing=(2.0, 2.0)), tmp_path / f"warped.{ending}")
    return tmp_path


def test_table_and_file_have_the_same_figures(run, maps):
    image = Image.from_array(np.zeros((24, 24)), spacing=(2.0, 2.0))
    write_transform(Transform.identity(image.grid), maps / "transform.h5")

    ran = run(
        *("evaluate", "--fixed-labels", maps / "fixed.nii.gz", "--warped-labels", maps / "warped.nii.gz"),
        *("--transform", maps / "transform.h5", "--out", maps / "scores.json"),
    )

    found = json.loads((maps / "scores.json").read_text(encoding="utf-8"))
    assert ran.code == 0
    assert ran.out.splitlines()[0].split() == ["label", "Dice", "HD95,", "mm", "MAD,", "mm"]
    assert ran.out.splitlines()[1].split() == ["1", "0.7500", "4.0000", f"{found['mad']:.4f}"]
    assert "Folding: 0 % of voxels; SDlogJ 0.0000." in ran.out
    assert (found["labels"]["1"]["dice"], found["hd95"], found["length_unit"]) == (0.75, 4.0, "mm")
    assert found["transform"]["folding_percent"] == 0
    assert found["inputs"]["fixed_labels"] == str(maps / "fixed.nii.gz")
    assert found["command"].startswith("sarnet evaluate")


def test_transform_is_judged_by_landmarks_and_the_opposite_direction(run, maps):
    grid = Image.from_array(np.zeros((24, 24)), spacing=(2.0, 2.0)).grid
    shift = replace(Transform.identity(grid), translation=np.array([4.0, 0.0]))
    write_transform(shift, maps / "there.h5")
    write_transform(replace(shift, translation=-shift.translation), maps / "back.h5")
    (maps / "fixed.csv").write_text("x,y\n10,10\n20,20\n")
    (maps / "moving.csv").write_text("x,y\n14,10\n24,23\n")  # the second 3 mm off

    ran = run(
        *("evaluate", "--fixed-labels", maps / "fixed.nii.gz", "--warped-labels", maps / "warped.nii.gz"),
        *("--transform", maps / "there.h5", "--reverse-transform", maps / "back.h5", "--label", "1"),
        *("--fixed-points", maps / "fixed.csv", "--moving-points", maps / "moving.csv"),
    )

    assert ran.code == 0
    assert "both ways composed miss by 0.0000 mm on average" in ran.out
    assert "Landmarks miss by 1.5000 mm on average" in ran.out


def test_transform_is_judged_without_labels(run, maps):
    image = Image.from_array(np.zeros((24, 24), np.float32), spacing=(2.0, 2.0))
    write_image(image, maps / "image.nii.gz")
    shift = replace(Transform.identity(image.grid), translation=np.array([4.0, 0.0]))
    write_transform(shift, maps / "there.h5")
    (maps / "fixed.csv").write_text("x,y\n10,10\n")
    (maps / "moving.csv").write_text("x,y\n14,12\n")

    ran = run(
        *("evaluate", "--reference", maps / "image.nii.gz", "--transform", maps / "there.h5"),
        *("--fixed-points", maps / "fixed.csv", "--moving-points", maps / "moving.csv", "--out", maps / "scores.json"),
    )

    found = json.loads((maps / "scores.json").read_text(encoding="utf-8"))
    assert ran.out.splitlines()[:2] == [
        "Folding: 0 % of voxels; SDlogJ 0.0000.",
        "Landmarks miss by 2.0000 mm on average.",
    ]
    assert (found["dice"], found["labels"], found["transform"]["tre"]) == (None, {}, 2.0)


def test_pictures_are_measured_in_pixels_and_the_program_says_so(run, maps):
    plain = ("evaluate", "--fixed-labels", maps / "fixed.png", "--warped-labels", maps / "warped.png")
    for name in ("fixed", "warped"):  # as a picture that tells nothing
        write_image(Image.from_array(_read(maps / f"{name}.png")), maps / f"{name}.png")

    pixels, told = run(*plain), run(*plain, "--spacing", "0.5")

    assert "HD95, pixels" in pixels.out
    assert "Distances are in pixels: the file of the fixed image or its labels has no spacing" in pixels.out
    assert pixels.out.splitlines()[1].split()[:3] == ["1", "0.7500", "2.0000"]
    assert "HD95, mm" in told.out
    assert told.out.splitlines()[1].split()[:3] == ["1", "0.7500", "1.0000"]


def _read(path):
    from sarnet.images import read_labels

    return read_labels(path).array


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "give --fixed-labels and --warped-labels, or --transform and --reference where there are no labels"),
        (["--fixed-labels", "fixed.nii.gz"], "--fixed-labels and --warped-labels are compared: give both"),
        (["--reference", "fixed.nii.gz"], "--reference was given, but --transform is missing: give both"),
        (
            ["--fixed-labels", "fixed.nii.gz", "--warped-labels", "warped.nii.gz", "--mask", "fixed.nii.gz"],
            "--mask judge a transform: give --transform, too",
        ),
        (
            [
                *("--fixed-labels", "fixed.nii.gz", "--warped-labels", "warped.nii.gz"),
                "--transform",
                "t",
                "--fixed-points",
                "p",
            ],
            "landmarks of one image were given",
        ),
        (["--manifest", "nowhere.json"], "manifest nowhere.json cannot be read"),
    ],
)
def test_what_is_missing_is_told_in_one_line(words, message, run, maps, monkeypatch):
    monkeypatch.chdir(maps)

    ran = run("evaluate", *words)

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err


@pytest.mark.parametrize(
    ("size", "origin", "message"),
    [
        ((20, 24), (0.0, 0.0), "mask has size (24, 20), but fixed_labels (24, 24)"),
        ((24, 24), (500.0, 0.0), "mask lies elsewhere in the world than fixed_labels"),
    ],
)
def test_mask_that_does_not_lie_on_the_fixed_labels_is_refused(size, origin, message, run, maps):
    mask = Image.from_array(np.ones(size, np.uint8), spacing=(2.0, 2.0))
    write_image(replace(mask, grid=replace(mask.grid, origin=origin)), maps / "mask.nii.gz")
    write_transform(Transform.identity(mask.grid), maps / "transform.h5")

    ran = run(
        *("evaluate", "--fixed-labels", maps / "fixed.nii.gz", "--warped-labels", maps / "warped.nii.gz"),
        *("--transform", maps / "transform.h5", "--mask", maps / "mask.nii.gz"),
    )

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert message in ran.err


def test_folder_that_is_a_file_is_told_in_one_line(run, maps):
    ran = run(
        *("evaluate", "--fixed-labels", maps / "fixed.nii.gz", "--warped-labels", maps / "warped.nii.gz"),
        *("--out", maps / "fixed.nii.gz" / "scores.json"),
    )

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "fixed.nii.gz does not exist; make it first" in ran.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--manifest", "dataset.json", "--mask", "fixed.nii.gz"], "--mask was given, but a --manifest names its own"),
        (
            ["--fixed-labels", "fixed.nii.gz", "--warped-labels", "warped.nii.gz", "--test"],
            "--test was given, but no --manifest, which it belongs to: leave it out",
        ),
    ],
)
def test_options_that_would_not_be_read_are_refused(words, message, run, maps, monkeypatch):
    monkeypatch.chdir(maps)

    ran = run("evaluate", *words)

    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert message in ran.err
