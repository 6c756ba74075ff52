import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sarnet.images import Grid, Image, read_image, read_labels, sample_files, write_image
from sarnet.transforms import Transform, write_transform


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


@pytest.mark.parametrize("interpolation", ["nearest", "label"])
def test_labels_above_2_to_the_24_survive(interpolation, run, tmp_path):
    grid = Grid.plain((5, 6, 7))
    labels = (2**24 + np.arange(210, dtype=np.uint32)).reshape(grid.shape)  # half of which float32 has not
    write_image(Image(array=labels, grid=grid), tmp_path / "labels.nii.gz")
    write_transform(Transform.identity(grid), tmp_path / "t.h5")

    images = ("--moving", tmp_path / "labels.nii.gz", "--reference", tmp_path / "labels.nii.gz")
    out = ("--out", tmp_path / "again.nii.gz", "--interpolation", interpolation)
    ran = run("apply", "--transform", tmp_path / "t.h5", *images, *out)

    assert (ran.code, ran.err) == (0, "")
    again = read_labels(tmp_path / "again.nii.gz").array
    assert again.dtype == np.uint32
    np.testing.assert_array_equal(again, labels)


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


def test_saved_transform_makes_the_warped_volume_again(run, tmp_path, rng):
    turn = tuple(np.array([[-0.8, 0.6, 0], [0.6, 0.8, 0], [0, 0, 1]]).ravel().tolist())  # left-handed
    grid = Grid(size=(14, 12, 8), spacing=(1.5, 1.2, 3.0), origin=(-20.0, 9.0, 4.0), direction=turn)
    blobs = gaussian_filter(rng.random(grid.shape), 1.5).astype(np.float32)
    write_image(Image(array=blobs, grid=grid), tmp_path / "fixed.nii.gz")
    write_image(Image(array=np.roll(blobs, 1, axis=2), grid=grid), tmp_path / "moving.nii.gz")
    images = ("--moving", tmp_path / "moving.nii.gz")
    words = ("--transform", "rigid", "--threads", 1, "--no-report")
    run("register", "--fixed", tmp_path / "fixed.nii.gz", *images, "--out", tmp_path / "out", *words)

    ran = run(
        *("apply", "--transform", tmp_path / "out" / "transform.h5", *images),
        *("--reference", tmp_path / "fixed.nii.gz", "--out", tmp_path / "again.nii.gz"),
    )

    again, warped = read_image(tmp_path / "again.nii.gz"), read_image(tmp_path / "out" / "warped.nii.gz")
    assert (ran.code, ran.err) == (0, "")
    assert again.grid == warped.grid
    np.testing.assert_array_equal(again.array, warped.array)


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
