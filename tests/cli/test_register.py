import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from safetensors.torch import save_file

from sarnet.images import Image, foreground, read_image, read_labels, sample_files, sample_pair, write_image
from sarnet.losses import VggFeatures
from sarnet.losses.vgg_weights import OXFORD
from sarnet.registration import Record
from sarnet.transforms import read_transform


@pytest.fixture
def pair(files):
    return ("--fixed", files / "fixed.nii.gz", "--moving", files / "moving.nii.gz", "--threads", 1, "--no-report")


def _record(folder) -> Record:
    return Record.model_validate_json((folder / "registration.json").read_text(encoding="utf-8"))


def test_options_go_into_the_settings(run, pair, files, tmp_path):
    (tmp_path / "my.toml").write_text("adapt = 'none'\nseed = 3\n[adaptation]\nsmoothness = 0.5\n")

    ran = run("register", *pair, "--out", tmp_path / "out", "--config", tmp_path / "my.toml", "--seed", 7)

    record = _record(tmp_path / "out")
    assert (ran.code, ran.err) == (0, "")
    assert (record.adapt, record.seed, record.threads) == ("none", 7, 1)
    assert record.settings["adaptation"]["smoothness"] == 0.5
    assert record.inputs.fixed == str((files / "fixed.nii.gz").resolve())
    assert not (tmp_path / "out" / "report.html").exists()
    assert "report.html" not in ran.out


def test_no_affine_leaves_the_images_where_their_headers_place_them(run, pair, tmp_path):
    ran = run("register", *pair, "--out", tmp_path / "out", "--adapt", "none", "--no-affine")

    record = _record(tmp_path / "out")
    transform = read_transform(tmp_path / "out" / "transform.h5")
    assert (ran.code, record.settings["affine_start"]) == (0, False)
    assert "affine" not in record.seconds_by_stage
    np.testing.assert_array_equal(transform.homogeneous(), np.eye(3))
    assert np.abs(transform.displacement).max() > 1


def test_names_of_other_programs_for_the_images_will_do(run, files, tmp_path):
    images = ("--reference", files / "fixed.nii.gz", "--floating", files / "moving.nii.gz")

    ran = run("register", *images, "--out", tmp_path / "out", "--transform", "affine", "--threads", 1)

    assert ran.code == 0
    record = _record(tmp_path / "out")
    assert (record.transform, record.model) == ("affine", None)
    assert record.inputs.moving.endswith("moving.nii.gz")
    assert (tmp_path / "out" / "report.html").exists()


def test_pictures_give_a_picture_and_say_what_a_pixel_is_taken_for(run, files, tmp_path):
    images = ("--fixed", files / "fixed.png", "--moving", files / "moving.png")

    plain = run("register", *images, "--out", tmp_path / "plain", "--transform", "rigid", "--threads", 1)
    spaced = run(
        "register", *images, "--out", tmp_path / "out", "--transform", "rigid", "--threads", 1, "--spacing", "0.5"
    )

    assert (plain.code, spaced.code, spaced.err) == (0, 0, "")
    assert plain.err.count("a voxel is taken for 1 mm") == 2
    assert read_image(tmp_path / "out" / "warped.png").array.shape == read_image(files / "fixed.png").array.shape
    assert not (tmp_path / "out" / "warped.nii.gz").exists()
    assert _record(tmp_path / "out").grid.spacing_mm == (0.5, 0.5)
    # half the millimetres for the same pixels
    lengths = [_record(tmp_path / name).mean_displacement_mm for name in ("plain", "out")]
    assert lengths[1] == pytest.approx(lengths[0] / 2, rel=0.2)


def test_each_picture_may_have_a_spacing_of_its_own(run, files, tmp_path):
    images = ("--fixed", files / "fixed.png", "--moving", files / "moving.png", "--spacing", 0.5)

    ran = run(
        *("register", *images, "--moving-spacing", "0.6,0.4", "--out", tmp_path / "out"),
        *("--transform", "rigid", "--threads", 1),
    )

    record = _record(tmp_path / "out")
    assert (ran.code, record.grid.spacing_mm, record.moving_grid.spacing_mm) == (0, (0.5, 0.5), (0.6, 0.4))


def test_labels_and_masks_and_an_initial_transform_are_taken(run, pair, files, tmp_path):
    first = run("register", *pair, "--out", tmp_path / "first", "--transform", "rigid")
    ran = run(
        "register",
        *pair,
        *("--out", tmp_path / "out", "--initial-transform", tmp_path / "first" / "transform.h5"),
        *("--fixed-mask", files / "fixed_labels.nii.gz", "--moving-mask", files / "moving_labels.nii.gz"),
        *("--fixed-labels", files / "fixed_labels.nii.gz", "--moving-labels", files / "moving_labels.nii.gz"),
    )

    record = _record(tmp_path / "out")
    assert (first.code, ran.code, ran.err) == (0, 0, "")
    assert record.affine.start == "initial"
    assert set(record.dice) == {"1", "2", "3"}
    assert record.inputs.initial_transform.endswith("transform.h5")
    assert np.unique(read_labels(tmp_path / "out" / "warped_labels.nii.gz").array).tolist() == [0, 1, 2, 3]
    assert "mean overlap (Dice)" in ran.out


def test_overwrite_replaces_results_and_keeps_the_rest(run, pair, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "registration.json").write_text("older")

    ran = run("register", *pair, "--out", tmp_path, "--transform", "rigid", "--overwrite")

    assert ran.code == 0
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert json.loads((tmp_path / "registration.json").read_text(encoding="utf-8"))["transform"] == "rigid"


def test_brackets_in_names_are_printed_as_they_are(run, pair, tmp_path):
    out = tmp_path / "[bold]a :smile:"

    ran = run("register", *pair, "--out", out, "--transform", "rigid")

    assert ran.code == 0
    assert f"Results are in {out}." in ran.out


def test_volumes_are_registered_rigidly(run, tmp_path):
    y, x = np.indices((20, 22))
    blob = np.exp(-((y - 9) ** 2 + (x - 11) ** 2) / 20)[None] * np.hanning(18)[:, None, None] * 200
    for name, shift in (("fixed", 0), ("moving", 2)):
        write_image(Image.from_array(np.roll(blob, shift, axis=0).astype(np.float32)), tmp_path / f"{name}.nii.gz")
    images = ("--fixed", tmp_path / "fixed.nii.gz", "--moving", tmp_path / "moving.nii.gz")

    ran = run("register", *images, "--out", tmp_path / "out", "--transform", "rigid", "--no-report")

    assert ran.code == 0
    assert _record(tmp_path / "out").mean_displacement_mm == pytest.approx(2, abs=0.2)


def test_guides_and_uncertainty_are_taken_and_recorded(run, pair, tmp_path):
    points = tmp_path / "points.csv"
    points.write_text("fixed_x,fixed_y,moving_x,moving_y\n10,10,12,10\n40,30,42,30\n", encoding="utf-8")
    out = tmp_path / "out"

    ran = run(
        *("register", *pair, "--out", out, "--adapt", "none", "--uncertainty", "--similarity", "nmi"),
        *("--guide-points", points, "--no-report"),
    )

    assert ran.code == 0, ran.err
    record = _record(out)
    assert record.inputs.guide_points == str(points)
    assert record.similarity == "nmi"
    shown = foreground(read_image(record.inputs.fixed).array)
    assert record.inverse_consistency_mm > 0
    uncertain = read_image(out / record.files.uncertainty).array[shown].mean()
    assert uncertain == pytest.approx(record.uncertainty_mm, rel=1e-4)
    assert uncertain > record.inverse_consistency_mm  # which is a part of it
    assert "the uncertainty is" in ran.out


def test_both_ways_say_how_far_off_points_come_back(run, pair, tmp_path):
    there, back = tmp_path / "there", tmp_path / "back"
    how = ("--adapt", "none", "--threads", 1, "--no-report")

    ran = run("register", *pair, "--out", there, "--adapt", "none", "--both-ways")
    run("register", "--fixed", pair[3], "--moving", pair[1], "--out", back, *how)

    one, other = (sitk.ReadTransform(str(out / "transform.h5")) for out in (there, back))
    fixed = sitk.ReadImage(str(pair[1]))
    shown = np.argwhere(foreground(sitk.GetArrayFromImage(fixed)))
    points = [fixed.TransformIndexToPhysicalPoint(place[::-1].tolist()) for place in shown]
    off = [np.linalg.norm(np.subtract(other.TransformPoint(one.TransformPoint(each)), each)) for each in points]
    assert _record(there).inverse_consistency_mm == pytest.approx(np.mean(off), abs=0.02)
    assert f"points are off by {_record(there).inverse_consistency_mm:.2f} mm on average" in ran.out
    assert _record(back).inverse_consistency_mm is None


def test_guide_of_one_image_alone_is_refused(run, pair, tmp_path):
    ran = run("register", *pair, "--out", tmp_path / "out", "--guide-fixed", tmp_path / "labels.nii.gz")

    assert ran.code == 2
    assert "guide_moving is missing, but structures steer in pairs: give guide_fixed and guide_moving" in ran.err


@pytest.fixture
def vgg(tmp_path):
    """VGG16's names and shapes, its weights drawn."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in VggFeatures(OXFORD).state_dict().items()}
    rng = torch.Generator().manual_seed(0)
    tensors = {name: 0.02 * torch.randn(shape, generator=rng) for name, shape in shapes.items()}
    save_file(tensors, tmp_path / "vgg.safetensors", metadata={"input": "123.68,116.779,103.939"})
    return tmp_path / "vgg.safetensors"


def test_paper_adapts_by_every_term_and_takes_vggs_weights(run, pair, vgg, tmp_path):
    ran = run("register", *pair, "--out", tmp_path / "out", "--adapt", "paper", "--vgg", vgg)

    record = _record(tmp_path / "out")
    assert (ran.code, record.adapt) == (0, "paper")
    assert record.settings["paper"]["vgg"] == str(vgg)
    assert record.settings["paper"]["weights"]["cycle"] == 10
    assert record.cost_final < record.cost_initial


def test_device_that_is_not_there_is_refused(run, pair, tmp_path):
    ran = run("register", *pair, "--out", tmp_path / "out", "--device", "cuda:77")

    assert ran.code == 2
    assert "device is 'cuda:77', but torch cannot compute there" in ran.err
    assert "choose cpu" in ran.err
    assert not (tmp_path / "out").exists()


def test_masks_of_the_network_lie_beside_the_result_on_their_images_grids(run, tmp_path):
    with sample_files() as files:
        run("register", "--fixed", files.fixed, "--moving", files.moving, "--out", tmp_path / "out", "--adapt", "none")

    record = _record(tmp_path / "out")
    assert record.known_to_network is False  # brains
    for name, image in zip((record.files.fixed_mask, record.files.moving_mask), sample_pair(2)[:2], strict=True):
        mask = read_labels(tmp_path / "out" / name)
        assert mask.grid.same_as(image.grid)
        assert np.unique(mask.array).tolist() == [0, 1]
