import numpy as np
import pytest

from sarnet.images import read_image, read_labels, sample_files


@pytest.fixture
def sample():
    with sample_files() as files:
        yield files


def test_saved_transform_makes_the_warped_image_again(run, demo, sample, tmp_path):
    ran = run(
        "apply",
        *("--transform", demo.folder / "transform.h5", "--moving", sample.moving),
        *("--reference", sample.fixed, "--out", tmp_path / "again.nii.gz"),
    )

    again, warped = read_image(tmp_path / "again.nii.gz"), read_image(demo.folder / "warped.nii.gz")
    assert (ran.code, ran.out.strip(), ran.err) == (0, f"Wrote {tmp_path / 'again.nii.gz'}.", "")
    assert again.grid == warped.grid
    np.testing.assert_array_equal(again.array, warped.array)


def test_displacement_field_does_the_same(run, demo, sample, tmp_path):
    run(
        "apply",
        *("--transform", demo.folder / "displacement.nii.gz", "--moving", sample.moving),
        *("--reference", sample.fixed, "--out", tmp_path / "again.nii.gz"),
    )

    again, warped = read_image(tmp_path / "again.nii.gz"), read_image(demo.folder / "warped.nii.gz")
    assert np.abs(again.array - warped.array).max() < 1e-3 * np.ptp(warped.array)


def test_nearest_makes_the_warped_labels_again(run, demo, sample, tmp_path):
    run(
        "apply",
        *("--transform", demo.folder / "transform.h5", "--moving", sample.moving_labels),
        *("--reference", sample.fixed, "--out", tmp_path / "labels.nii.gz", "--interpolation", "nearest"),
    )

    np.testing.assert_array_equal(
        read_labels(tmp_path / "labels.nii.gz").array, read_labels(demo.folder / "warped_labels.nii.gz").array
    )


def test_label_keeps_labels_but_smooths_their_borders(run, demo, sample, tmp_path):
    run(
        "apply",
        *("--transform", demo.folder / "transform.h5", "--moving", sample.moving_labels),
        *("--reference", sample.fixed, "--out", tmp_path / "labels.nii.gz", "--interpolation", "label"),
    )

    labels, nearest = (
        read_labels(folder / name).array
        for folder, name in ((tmp_path, "labels.nii.gz"), (demo.folder, "warped_labels.nii.gz"))
    )
    assert set(np.unique(labels)) == set(np.unique(nearest))
    assert 0 < (labels != nearest).mean() < 0.05


def test_pictures_take_the_spacing_they_were_registered_by(run, files, tmp_path):
    images = ("--moving", files / "moving.png", "--threads", 1, "--spacing", "0.4")
    run("register", "--fixed", files / "fixed.png", *images, "--out", tmp_path / "out", "--transform", "affine")

    ran = run(
        "apply",
        *("--transform", tmp_path / "out" / "transform.h5", "--moving", files / "moving.png", "--spacing", "0.4"),
        *("--reference", files / "fixed.png", "--out", tmp_path / "again.png"),
    )

    assert (ran.code, ran.err) == (0, "")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "out" / "warped.png").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--transform": "nowhere.h5"}, "there is no such file"),
        ({"--moving": "nowhere.nii.gz"}, "does not exist"),
        ({"--out": "again.xyz"}, "cannot be written: wanted a name that ends in"),
        ({"--moving": "volume"}, "transform, moving and reference have 2, 3 and 2 axes"),
        ({"--spacing": "wide"}, "spacing is 'wide', but must be millimetres"),
    ],
)
def test_wrong_input_is_told_in_one_line(change, message, run, demo, sample, tmp_path):
    if change.get("--moving") == "volume":
        with sample_files(3) as volumes:
            change = {"--moving": str(volumes.moving)}
    words = {
        "--transform": demo.folder / "transform.h5",
        "--moving": sample.moving,
        "--reference": sample.fixed,
        "--out": "again.nii.gz",
    } | change
    words["--out"] = tmp_path / words["--out"]

    ran = run("apply", *(word for option in words.items() for word in option))

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err
    assert not list(tmp_path.iterdir())
