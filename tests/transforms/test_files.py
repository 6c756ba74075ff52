from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import DataError, InputError
from sarnet.images import Grid
from sarnet.transforms import Transform, apply, read_transform, write_displacement, write_transform

AFFINE_FILES = ["t.h5", "t.tfm", "t.txt", "t.mat"]
FIELD_FILES = ["d.nii", "d.nii.gz", "d.nrrd", "d.mha"]


@pytest.fixture
def rigid(grid, turn):
    """A shift of (6, -4, 3) mm after a rotation."""
    n = grid.dimension
    degrees = [12.0] if n == 2 else [5.0, -8.0, 12.0]
    return Transform(grid=grid, matrix=turn(*degrees), translation=np.array([6.0, -4.0, 3.0])[:n])


@pytest.fixture
def full(rigid, bumpy):
    return rigid.with_displacement(bumpy(rigid.grid))


def assert_same(left: Transform, right: Transform, points: np.ndarray, atol: float = 1e-5) -> None:
    np.testing.assert_allclose(left.points(points), right.points(points), atol=atol)


def lps_field(path) -> np.ndarray:
    """A NIfTI field as nibabel alone has it: (*space, axis) in array order."""
    data = np.asanyarray(nib.load(path).dataobj)
    n = data.shape[-1]
    return data.reshape(*data.shape[:n], n).transpose(*reversed(range(n)), n)


@pytest.mark.parametrize("name", AFFINE_FILES)
def test_itk_reads_the_affine_map_with_its_sign_and_size(rigid, name, tmp_path, world):
    points = world(rigid.grid).reshape(-1, rigid.grid.dimension)[::50]

    write_transform(rigid, tmp_path / name)

    itk = sitk.ReadTransform(str(tmp_path / name))
    expected = points @ rigid.matrix.T + rigid.translation
    np.testing.assert_allclose([itk.TransformPoint(p) for p in points.tolist()], expected, atol=1e-9)
    assert [path.name for path in tmp_path.iterdir()] == [name]  # nothing temporary is left


@pytest.mark.parametrize("name", AFFINE_FILES)
def test_an_affine_map_comes_back(rigid, name, tmp_path):
    write_transform(rigid, tmp_path / name)

    back = read_transform(tmp_path / name, grid=rigid.grid)

    assert back.displacement is None
    assert back.grid == rigid.grid
    np.testing.assert_allclose(back.matrix, rigid.matrix, atol=1e-12)
    np.testing.assert_allclose(back.translation, rigid.translation, atol=1e-12)


def test_an_affine_map_needs_no_grid_to_move_points(rigid, tmp_path, rng):
    write_transform(rigid, tmp_path / "t.tfm")

    back = read_transform(tmp_path / "t.tfm")

    assert_same(back, rigid, rng.normal(scale=90, size=(9, rigid.grid.dimension)))


def test_field_and_affine_map_come_back_from_h5(full, tmp_path, world):
    write_transform(full, tmp_path / "t.h5")

    back = read_transform(tmp_path / "t.h5")

    assert back.grid.same_as(full.grid, tolerance=1e-4)
    np.testing.assert_array_equal(back.matrix, full.matrix)
    np.testing.assert_allclose(back.displacement, full.displacement, atol=1e-6)
    itk = sitk.ReadTransform(str(tmp_path / "t.h5"))
    points = world(full.grid).reshape(-1, full.grid.dimension)[::50]
    np.testing.assert_allclose([itk.TransformPoint(p) for p in points.tolist()], full.points(points), atol=1e-9)


@pytest.mark.parametrize("name", FIELD_FILES)
def test_a_known_shift_has_its_sign_and_size_in_every_field_file(grid, name, tmp_path):
    shift = np.array([6.0, -4.0, 3.0])[: grid.dimension]
    transform = Transform(grid=grid, matrix=np.eye(grid.dimension), translation=shift)

    write_displacement(transform, tmp_path / name)

    image = sitk.ReadImage(str(tmp_path / name))
    assert Grid.of(image).same_as(grid, tolerance=1e-4)
    vectors = sitk.GetArrayFromImage(image)
    np.testing.assert_allclose(vectors, np.broadcast_to(shift, vectors.shape), atol=1e-5)
    if ".nii" in name:
        np.testing.assert_allclose(lps_field(tmp_path / name), vectors)


@pytest.mark.parametrize("name", FIELD_FILES)
def test_the_total_displacement_comes_back(full, name, tmp_path, world):
    write_displacement(full, tmp_path / name)

    back = read_transform(tmp_path / name)

    assert back.grid.same_as(full.grid, tolerance=1e-4)
    np.testing.assert_array_equal(back.matrix, np.eye(full.grid.dimension))
    inside = world(full.grid).reshape(-1, full.grid.dimension)
    assert_same(back, full, inside[::13], atol=1e-3)


def test_nifti_is_what_itk_and_ants_expect(full, tmp_path, world):
    n = full.grid.dimension

    write_displacement(full, tmp_path / "d.nii.gz")

    header = nib.load(tmp_path / "d.nii.gz").header
    assert header["intent_code"] == 1007
    size = (*full.grid.size, 1)[:3]
    assert header["dim"].tolist() == [5, *size, 1, n, 1, 1]
    points = world(full.grid).reshape(-1, n)
    np.testing.assert_allclose(lps_field(tmp_path / "d.nii.gz").reshape(-1, n), full.points(points) - points, atol=1e-3)


@pytest.mark.parametrize("intent", [1006, 1007])
def test_fields_that_nibabel_made_are_read_in_their_own_frame(grid, bumpy, intent, tmp_path):
    n = grid.dimension
    field = bumpy(grid)
    lps_to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])
    affine = np.eye(4)
    affine[:n, :n] = grid.voxel_to_world()[:, ::-1]
    affine[:n, 3] = grid.origin
    vectors = field * np.array([-1.0, -1.0, 1.0])[:n] if intent == 1006 else field
    data = vectors.transpose(*reversed(range(n)), n).reshape(*(*grid.size, 1)[:3], 1, n)
    image = nib.Nifti1Image(data.astype(np.float32), lps_to_ras @ affine)
    image.header["intent_code"] = intent
    nib.save(image, tmp_path / "d.nii.gz")

    back = read_transform(tmp_path / "d.nii.gz")

    assert back.grid.same_as(grid, tolerance=1e-3)
    np.testing.assert_allclose(back.displacement, field, atol=1e-4)


def test_a_big_endian_header_is_understood(oblique, bumpy, tmp_path):
    field = bumpy(oblique(3))
    data = field.transpose(2, 1, 0, 3)[:, :, :, None]
    image = nib.Nifti1Image(data, np.eye(4), nib.Nifti1Header(endianness=">"))
    image.header["intent_code"] = 1006
    nib.save(image, tmp_path / "d.nii")

    back = read_transform(tmp_path / "d.nii")

    np.testing.assert_allclose(back.displacement, field * [-1, -1, 1], atol=1e-5)


@pytest.mark.parametrize(("name", "atol"), [("t.h5", 1e-6), ("d.nii.gz", 2e-3), ("d.mha", 2e-3)])
def test_applying_the_file_gives_the_image_of_the_transform_in_memory(full, phantom, name, atol, tmp_path):
    moving = phantom(full.grid)
    (write_transform if name == "t.h5" else write_displacement)(full, tmp_path / name)

    ours = apply(full, moving, full.grid, interpolation="linear")
    read = apply(read_transform(tmp_path / name), moving, full.grid, interpolation="linear")

    assert np.abs(ours.array - moving.array).max() > 0.1
    np.testing.assert_allclose(read.array, ours.array, atol=atol)


def test_a_field_is_resampled_on_the_grid_that_is_asked_for(oblique, bumpy, tmp_path, world):
    full = Transform(
        grid=oblique(2), matrix=np.diag([1.1, 0.9]), translation=np.ones(2), displacement=bumpy(oblique(2))
    )
    other = Grid(
        size=tuple(2 * size - 1 for size in full.grid.size),
        spacing=tuple(spacing / 2 for spacing in full.grid.spacing),
        origin=full.grid.origin,
        direction=full.grid.direction,
    )
    write_transform(full, tmp_path / "t.h5")

    back = read_transform(tmp_path / "t.h5", grid=other)

    assert back.grid == other
    np.testing.assert_array_equal(back.matrix, full.matrix)
    assert_same(back, full, world(other).reshape(-1, 2)[::5])


def test_writing_replaces_the_whole_file_or_nothing(full, rigid, tmp_path):
    path = tmp_path / "t.h5"
    write_transform(full, path)

    write_transform(rigid, path)

    assert read_transform(path, grid=rigid.grid).displacement is None
    assert [each.name for each in tmp_path.iterdir()] == ["t.h5"]


def test_what_a_format_cannot_hold_is_refused(full, tmp_path):
    with pytest.raises(InputError, match=r"holds an affine map alone.*write \.h5"):
        write_transform(full, tmp_path / "t.mat")
    with pytest.raises(InputError, match=r"ends in one of \.h5"):
        write_transform(full, tmp_path / "t.npz")
    with pytest.raises(InputError, match=r"ends in one of \.nii"):
        write_displacement(full, tmp_path / "d.png")
    with pytest.raises(DataError, match="make it first"):
        write_transform(full, tmp_path / "nowhere" / "t.h5")
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_way_is_refused(full, tmp_path):
    (tmp_path / "t.h5").mkdir()

    with pytest.raises(DataError, match="cannot be written"):
        write_transform(full, tmp_path / "t.h5")
    assert [path.name for path in tmp_path.iterdir()] == ["t.h5"]


@pytest.mark.parametrize("name", [*AFFINE_FILES, *FIELD_FILES])
def test_files_that_are_missing_or_no_transform_are_refused_in_one_line(name, tmp_path, capfd):
    with pytest.raises(DataError, match="no such file") as missing:
        read_transform(tmp_path / name)
    (tmp_path / name).write_bytes(b"this is no transform " * 40)
    with pytest.raises(DataError, match=r"wanted .*, but came") as wrong:
        read_transform(tmp_path / name)

    for message in (str(missing.value), str(wrong.value)):
        assert name in message
        assert "\n" not in message
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["t.h5", *FIELD_FILES])
def test_files_that_break_off_are_refused(full, name, tmp_path, capfd):
    path = tmp_path / name
    (write_transform if name == "t.h5" else write_displacement)(full, path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with pytest.raises(DataError, match=name):
        read_transform(path)
    assert capfd.readouterr().out == ""


def test_nan_is_refused(oblique, bumpy, tmp_path):
    grid = oblique(2)
    affine = "#Insight Transform File V1.0\n#Transform 0\nTransform: AffineTransform_double_2_2\n"
    (tmp_path / "t.tfm").write_text(affine + "Parameters: nan 0 0 1 0 0\nFixedParameters: 0 0\n")
    field = bumpy(grid)
    field[3, 3] = np.nan
    sitk.WriteImage(sitk.GetImageFromArray(field, isVector=True), tmp_path / "d.mha")

    with pytest.raises(DataError, match=r"t\.tfm: wanted"):
        read_transform(tmp_path / "t.tfm")
    with pytest.raises(DataError, match="finite displacements"):
        read_transform(tmp_path / "d.mha")


def test_a_singular_matrix_is_refused(tmp_path):
    sitk.WriteTransform(sitk.ScaleTransform(2, (1, 0)), tmp_path / "t.tfm")

    with pytest.raises(DataError, match="is singular"):
        read_transform(tmp_path / "t.tfm")


def test_another_number_of_axes_is_refused(rigid, tmp_path):
    write_transform(rigid, tmp_path / "t.h5")
    other = Grid.plain((4,) * (5 - rigid.grid.dimension))

    with pytest.raises(DataError, match=rf"wanted a transform of {other.dimension} axes"):
        read_transform(tmp_path / "t.h5", grid=other)


def test_images_that_are_no_fields_are_refused(oblique, phantom, tmp_path):
    image = phantom(oblique(3)).to_itk()
    sitk.WriteImage(image, tmp_path / "d.mha")
    sitk.WriteImage(image, tmp_path / "d.nii.gz")

    with pytest.raises(DataError, match="1 values a voxel"):
        read_transform(tmp_path / "d.mha")
    with pytest.raises(DataError, match=r"an image of shape \(31, 26, 18\)"):
        read_transform(tmp_path / "d.nii.gz")


@pytest.mark.parametrize("ending", [".h5", ".tfm"])
def test_spline_after_an_affine_map_is_read_where_that_leads(oblique, world, rng, ending, tmp_path):
    grid = oblique(2)
    shift = sitk.TranslationTransform(2, [500.0, -300.0])
    there = replace(grid, origin=(grid.origin[0] + 500.0, grid.origin[1] - 300.0))
    spline = sitk.BSplineTransformInitializer(there.empty_itk(), [4, 4])
    spline.SetParameters(rng.normal(scale=3, size=len(spline.GetParameters())).tolist())
    whole = sitk.CompositeTransform([spline, shift])  # the last acts first
    sitk.WriteTransform(whole, str(tmp_path / f"t{ending}"))

    transform = read_transform(tmp_path / f"t{ending}", grid=grid)

    points = world(grid)[2:-2, 2:-2].reshape(-1, 2)
    expected = np.array([whole.TransformPoint(p) for p in points.tolist()])
    assert np.linalg.norm(expected - points - [500, -300], axis=1).mean() > 1
    np.testing.assert_allclose(transform.points(points), expected, atol=1e-4)


def test_a_transform_that_says_nothing_of_a_grid_wants_one(oblique, tmp_path):
    spline = sitk.BSplineTransformInitializer(oblique(2).empty_itk(), [3, 3])
    sitk.WriteTransform(spline, tmp_path / "t.tfm")

    with pytest.raises(DataError, match="make a field of it on the grid of the fixed image"):
        read_transform(tmp_path / "t.tfm")
    assert read_transform(tmp_path / "t.tfm", grid=oblique(2)).displacement is not None


@pytest.mark.parametrize(
    ("kind", "parameters", "fixed"),
    [
        ("MatrixOffsetTransformBase_double_3_3", "1 0.2 0 -0.2 1 0 0 0 1.1 1 2 3", "4 5 6"),
        ("MatrixOffsetTransformBase_double_2_2", "1 0.2 -0.2 1 1 2", "4 5"),
        ("Rigid2DTransform_double_2_2", "0.3 1 2", "4 5"),
        ("CenteredRigid2DTransform_double_2_2", "0.3 4 5 1 2", ""),
    ],
)
def test_kinds_that_other_programs_write_lead_where_itk_says(kind, parameters, fixed, tmp_path, rng):
    """ITK-SNAP, c3d and older ANTs; SimpleITK has no classes for them, but applies them."""
    lines = ("#Insight Transform File V1.0", "#Transform 0", f"Transform: {kind}")
    text = "\n".join((*lines, f"Parameters: {parameters}", f"FixedParameters: {fixed}", ""))
    (tmp_path / "snap.txt").write_text(text)
    axes = int(kind[-1])
    points = rng.normal(0, 30, (5, axes))

    found = read_transform(tmp_path / "snap.txt")

    itk = sitk.ReadTransform(str(tmp_path / "snap.txt"))
    np.testing.assert_allclose(found.points(points), [itk.TransformPoint(point) for point in points.tolist()])
