"""The verbs on transforms: invert, compose, jacobian, points, convert."""

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.images import Grid, Image, read_image, write_image
from sarnet.transforms import Transform, compose, invert, jacobian, read_transform, write_format, write_transform

SHIFT = np.array([6.0, -4.0, 3.0])


@pytest.fixture
def grid() -> Grid:
    """Anisotropic, oblique, left-handed."""
    c, s = np.cos(0.4), np.sin(0.4)
    turn = np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    turn[:, 0] *= -1
    direction = tuple(turn.ravel().tolist())
    return Grid(size=(24, 20, 16), spacing=(1.5, 2.0, 3.5), origin=(-37.0, 12.0, 55.0), direction=direction)


@pytest.fixture
def folder(grid, tmp_path):
    """Images, a shift, a rotation and a bumpy field, in files."""
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    array = (np.sin(index[..., 2] / 3) + np.cos(index[..., 1] / 4) + index[..., 0] / 9).astype(np.float32)
    write_image(Image(array=array, grid=grid), tmp_path / "fixed.nii.gz")
    moving = Grid.plain((18, 22, 26), spacing=(2.0, 1.8, 3.0))
    write_image(Image(array=np.ones(moving.shape, np.float32), grid=moving), tmp_path / "moving.nii.gz")
    points = index @ grid.voxel_to_world().T + np.array(grid.origin)
    field = 3 * np.sin(points / 13 + [0, 1, 2])
    shift = Transform(grid=grid, matrix=np.eye(3), translation=SHIFT)
    c, s = np.cos(0.2), np.sin(0.2)
    rotation = Transform(grid=grid, matrix=np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]), translation=np.zeros(3))
    for name, transform in (("shift", shift), ("rotation", rotation), ("bumpy", rotation.with_displacement(field))):
        write_transform(transform, tmp_path / f"{name}.h5")
    (tmp_path / "p.csv").write_text("x,y,z,name\n0,0,0,a\n-30,20,60,b\n")
    return tmp_path


def rows(path) -> np.ndarray:
    return np.loadtxt(path, delimiter=",", skiprows=1, usecols=(0, 1, 2))


def test_several_transforms_are_applied_in_the_order_given(run, folder):
    ran = run(
        "apply",
        *("--transform", folder / "rotation.h5", "--transform", folder / "shift.h5"),
        *("--moving", folder / "fixed.nii.gz", "--reference", folder / "fixed.nii.gz", "--out", folder / "w.nii.gz"),
    )

    first, then = (sitk.ReadTransform(str(folder / name)) for name in ("rotation.h5", "shift.h5"))
    image = sitk.ReadImage(str(folder / "fixed.nii.gz"))
    lowest = float(sitk.GetArrayViewFromImage(image).min())
    wanted = sitk.Resample(image, image, sitk.CompositeTransform([then, first]), sitk.sitkLinear, lowest)  # last first
    assert (ran.code, ran.err) == (0, "")
    np.testing.assert_allclose(read_image(folder / "w.nii.gz").array, sitk.GetArrayFromImage(wanted), atol=1e-4)


def test_invert_of_a_shift_is_the_shift_back(run, folder):
    ran = run(
        "invert", "--transform", folder / "shift.h5", "--reference", folder / "moving.nii.gz", "--out", folder / "i.tfm"
    )

    itk = sitk.ReadTransform(str(folder / "i.tfm"))
    assert (ran.code, ran.err) == (0, "")
    np.testing.assert_allclose(itk.TransformPoint((1, 2, 3)), np.array([1, 2, 3]) - SHIFT)
    assert "0 mm on average, 0 mm at most" in ran.out


def test_invert_lies_on_the_moving_grid_and_tells_its_residual(run, folder):
    ran = run(
        "invert", "--transform", folder / "bumpy.h5", "--reference", folder / "moving.nii.gz", "--out", folder / "i.h5"
    )

    back = read_transform(folder / "i.h5")
    moving = read_image(folder / "moving.nii.gz").grid
    expected = invert(read_transform(folder / "bumpy.h5"), moving)
    assert back.grid.same_as(moving)
    np.testing.assert_allclose(back.displacement, expected.transform.displacement, atol=1e-6)
    assert f"{expected.mean_mm:.2g} mm on average" in ran.out


def test_invert_says_where_there_is_no_inverse(run, folder):
    folding = read_transform(folder / "bumpy.h5")
    write_transform(folding.with_displacement(8 * folding.displacement), folder / "folding.h5")

    ran = run(
        "invert", "--transform", folder / "folding.h5", "--reference", folder / "fixed.nii.gz", "--out", folder / "i.h5"
    )

    assert ran.code == 0
    assert "note: The transform folds at" in ran.err


def test_invert_takes_a_field_of_a_single_slice(run, folder):
    grid = Grid.plain((1, 8, 9))
    write_transform(Transform.identity(grid).with_displacement(np.zeros((1, 8, 9, 3))), folder / "slice.h5")

    ran = run(
        "invert", "--transform", folder / "slice.h5", "--reference", folder / "fixed.nii.gz", "--out", folder / "i.h5"
    )

    assert (ran.code, ran.err) == (0, "")


@pytest.mark.parametrize(("order", "expected"), [(("scale", "shift"), 12), (("shift", "scale"), 22)])
def test_compose_sends_a_point_through_the_first_then_the_second(order, expected, run, folder):
    sitk.WriteTransform(sitk.ScaleTransform(3, (2, 2, 2)), folder / "scale.tfm")
    sitk.WriteTransform(sitk.TranslationTransform(3, (10, 10, 10)), folder / "shift.tfm")

    words = [word for name in order for word in ("--transform", folder / f"{name}.tfm")]
    ran = run("compose", *words, "--reference", folder / "fixed.nii.gz", "--out", folder / "c.tfm")

    assert (ran.code, ran.err) == (0, "")
    assert sitk.ReadTransform(str(folder / "c.tfm")).TransformPoint((1, 1, 1)) == pytest.approx([expected] * 3)


def test_compose_of_fields_is_that_of_the_function(run, folder, grid):
    words = [word for name in ("bumpy", "shift", "bumpy") for word in ("--transform", folder / f"{name}.h5")]

    run("compose", *words, "--reference", folder / "fixed.nii.gz", "--out", folder / "c.h5")

    bumpy, shift = read_transform(folder / "bumpy.h5"), read_transform(folder / "shift.h5")
    expected = compose(bumpy, shift, bumpy, grid=grid)
    found = read_transform(folder / "c.h5").total_displacement()
    np.testing.assert_allclose(found, expected.total_displacement(), atol=1e-3)


@pytest.mark.parametrize("log", [False, True])
def test_jacobian_is_that_of_the_function(log, run, folder, grid):
    words = ("--transform", folder / "bumpy.h5", "--reference", folder / "fixed.nii.gz", "--out", folder / "j.nii.gz")

    ran = run("jacobian", *words, *(["--log"] if log else []))

    expected = jacobian(read_transform(folder / "bumpy.h5"), grid, log=log).array
    np.testing.assert_allclose(read_image(folder / "j.nii.gz").array, expected, atol=1e-4)
    assert f"From {expected.min():.3f} to {expected.max():.3f}; 0 voxels fold." in ran.out


def test_jacobian_of_a_spline_is_taken_on_the_reference(run, folder, grid):
    spline = sitk.BSplineTransformInitializer(grid.empty_itk(), [3, 3, 3])
    spline.SetParameters(np.random.default_rng(0).normal(size=len(spline.GetParameters())).tolist())
    sitk.WriteTransform(spline, folder / "spline.tfm")
    words = ("--reference", folder / "fixed.nii.gz", "--out")

    ran = run("jacobian", "--transform", folder / "spline.tfm", *words, folder / "j.nii.gz")
    run("convert", "--transform", folder / "spline.tfm", "--to", "itk", *words, folder / "field.h5")
    run("jacobian", "--transform", folder / "field.h5", *words, folder / "again.nii.gz")

    assert ran.code == 0
    again = read_image(folder / "again.nii.gz").array
    np.testing.assert_allclose(read_image(folder / "j.nii.gz").array, again, atol=1e-5)
    assert 0.01 < again.std() < 1


def test_jacobian_of_a_mirror_has_no_logarithm_anywhere(run, folder, grid):
    sitk.WriteTransform(sitk.ScaleTransform(3, (-1, 1, 1)), folder / "mirror.tfm")
    words = ("--transform", folder / "mirror.tfm", "--reference", folder / "fixed.nii.gz", "--out", folder / "j.nii.gz")

    ran = run("jacobian", *words, "--log")

    assert (ran.code, ran.err) == (0, "")
    assert ran.out.splitlines()[-1] == f"{np.prod(grid.size)} voxels fold."


def test_points_of_the_fixed_image_go_with_the_transform_and_back_with_inverse(run, folder):
    words = ("points", "--transform", folder / "shift.h5")

    ran = run(*words, "--points", folder / "p.csv", "--out", folder / "q.csv")
    run(*words, "--points", folder / "q.csv", "--out", folder / "r.csv", "--inverse")

    assert "2 points of the fixed image, where they lie in the moving one" in ran.out
    np.testing.assert_allclose(rows(folder / "q.csv"), rows(folder / "p.csv") + SHIFT)
    np.testing.assert_allclose(rows(folder / "r.csv"), rows(folder / "p.csv"))
    assert (folder / "q.csv").read_text(encoding="utf-8").splitlines()[1].endswith(",a")


def test_help_of_points_says_which_way_they_go(run):
    words = " ".join(run("points", "--help").out.replace("│", " ").split())

    assert "Points go the other way than images" in words
    assert "landmarks of the moving image need --inverse" in words


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("itk-field", "d.nii.gz"),
        ("nifti-ras", "r.nii"),
        ("learn2reg", "l.npz"),
        ("fsl", "w.nii.gz"),
        ("freesurfer", "w.mgz"),
    ],
)
def test_convert_goes_there_and_back(form, name, run, folder):
    images = ("--reference", folder / "fixed.nii.gz", "--moving", folder / "moving.nii.gz")

    there = run("convert", "--transform", folder / "bumpy.h5", "--to", form, *images, "--out", folder / name)
    back = run(
        *("convert", "--transform", folder / name, "--from", form, "--to", "itk", *images, "--out", folder / "b.h5"),
    )

    assert (there.code, there.err, back.code, back.err) == (0, "", 0, "")
    np.testing.assert_allclose(
        read_transform(folder / "b.h5").total_displacement(),
        read_transform(folder / "bumpy.h5").total_displacement(),
        atol=1e-3,
    )


def test_an_affine_map_gets_the_grid_of_the_reference(run, folder, grid):
    run(
        *("convert", "--transform", folder / "shift.h5", "--to", "itk-field"),
        *("--reference", folder / "fixed.nii.gz", "--out", folder / "d.mha"),
    )

    field = sitk.ReadImage(str(folder / "d.mha"))
    assert Grid.of(field).same_as(grid)
    np.testing.assert_allclose(sitk.GetArrayFromImage(field)[3, 4, 5], SHIFT, atol=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("convert", "--transform", "shift.h5", "--to", "itk-field", "--out", "d.nii"),
            "an affine map has none: give it",
        ),
        (("convert", "--transform", "bumpy.h5", "--to", "fsl", "--out", "w.nii"), "moving is missing"),
        (("convert", "--transform", "bumpy.h5", "--to", "itk", "--out", "t.mat"), "holds an affine map alone"),
        (("convert", "--transform", "fsl.nii", "--to", "itk", "--out", "t.h5"), "sarnet convert --from"),
        (("invert", "--transform", "text.h5", "--reference", "fixed.nii.gz", "--out", "i.h5"), "wanted an HDF5 file"),
        (("compose", "--transform", "no.h5", "--reference", "fixed.nii.gz", "--out", "i.h5"), "there is no such file"),
        (
            ("convert", "--transform", "bumpy.nii", "--from", "nifti-ras", "--to", "itk", "--out", "t.h5"),
            "1007, which is itk-field",
        ),
        (("points", "--transform", f"{'a' * 300}.h5", "--points", "p.csv", "--out", "q.csv"), "File name too long"),
        (("points", "--transform", "spline.tfm", "--points", "p.csv", "--out", "q.csv"), "sarnet convert --to itk"),
        (("jacobian", "--transform", "shift.h5", "--reference", "no.nii", "--out", "j.nii"), "no.nii does not exist"),
        (("points", "--transform", "shift.h5", "--points", "text.csv", "--out", "q.csv"), "wanted columns x, y, z"),
        (("points", "--transform", "shift.h5", "--points", "p.csv", "--out", "q.vtk"), "ends in .csv"),
    ],
)
def test_wrong_input_is_told_in_one_line(words, message, run, folder):
    bumpy = read_transform(folder / "bumpy.h5")
    write_format(bumpy, folder / "fsl.nii", "fsl", moving=bumpy.grid)
    write_format(bumpy, folder / "bumpy.nii", "itk-field")
    sitk.WriteTransform(sitk.BSplineTransform(3), folder / "spline.tfm")
    for name in ("text.h5", "text.csv"):
        (folder / name).write_text("no transform and no points")
    before = sorted(folder.iterdir())

    ran = run(*(folder / word if "." in word else word for word in words))

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert message in ran.err
    assert sorted(folder.iterdir()) == before
