import gzip
import logging

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import DataError, InputError
from sarnet.images import Grid, Image, read_image, read_labels, write_image

CR = "1.2.840.10008.5.1.4.1.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
VOLUME_FORMATS = [".nii", ".nii.gz", ".nrrd", ".mha"]


def write_dicom(path, array, *, kind=CT, spacing=(0.2, 0.1), monochrome=2, tags=()):
    """Write a single slice; spacing is between rows, then columns."""
    image = sitk.GetImageFromArray(array.astype(np.uint16))
    image.SetSpacing(spacing[::-1])
    for key, value in {"0008|0016": kind, "0008|0060": "CR" if kind == CR else "CT", **dict(tags)}.items():
        image.SetMetaData(key, value)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    writer.SetFileName(str(path))
    writer.Execute(image)
    if monochrome == 1:
        path.write_bytes(path.read_bytes().replace(b"MONOCHROME2", b"MONOCHROME1"))


def write_series(folder, heights, *, uid="1.2.3.4", description="chest", tilt=0.0):
    folder.mkdir(exist_ok=True)
    for i, z in enumerate(heights):
        tags = {
            "0020|000e": uid,
            "0020|000d": "1.2.3",
            "0008|0018": f"{uid}.{i + 1}",
            "0008|103e": description,
            "0020|0013": str(i + 1),
            "0020|0032": f"-10\\{-20 + tilt * i}\\{z}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
        }
        write_dicom(folder / f"{uid}-{i}.dcm", np.full((4, 5), 100 * (i + 1)), tags=tags.items())


def write_nifti(path, array, affine=None):
    nib.save(nib.Nifti1Image(array, np.eye(4) if affine is None else affine), path)
    return path


@pytest.mark.parametrize("suffix", VOLUME_FORMATS)
def test_values_and_grid_survive_a_file(tmp_path, oblique_grid, rng, suffix):
    image = Image(array=rng.random(oblique_grid.shape).astype(np.float32), grid=oblique_grid)

    write_image(image, tmp_path / f"image{suffix}")
    back = read_image(tmp_path / f"image{suffix}")

    np.testing.assert_array_equal(back.array, image.array)
    assert back.grid.same_as(image.grid, tolerance=1e-4)
    assert back.notes == ()


def test_nibabel_has_the_same_voxel_at_the_same_place(tmp_path, oblique_grid, rng):
    image = Image(array=rng.random(oblique_grid.shape).astype(np.float32), grid=oblique_grid)
    n = oblique_grid.dimension
    index = np.array([2, 3, 4][:n])  # x first

    write_image(image, tmp_path / "image.nii.gz")
    seen = nib.load(tmp_path / "image.nii.gz")

    assert seen.get_fdata().squeeze()[tuple(index)] == pytest.approx(image.array[tuple(index[::-1])])
    world_ras = seen.affine @ [*index, *([0] * (3 - n)), 1]
    world_lps = np.array(oblique_grid.origin) + oblique_grid.voxel_to_world() @ index[::-1]
    np.testing.assert_allclose(world_ras[:n] * np.array([-1, -1, 1])[:n], world_lps, atol=1e-4)


def test_what_nibabel_writes_is_read_in_lps(tmp_path, rng):
    values = rng.random((4, 5, 6)).astype(np.float32)
    path = write_nifti(
        tmp_path / "ras.nii", values, np.array([[2, 0, 0, 7], [0, 3, 0, 8], [0, 0, 4, 9], [0, 0, 0, 1.0]])
    )

    image = read_image(path)

    np.testing.assert_array_equal(image.array, values.T)
    assert image.grid.spacing == (2, 3, 4)
    assert image.grid.origin == (-7, -8, 9)
    assert image.grid.direction == (-1, 0, 0, 0, -1, 0, 0, 0, 1)


def test_intensities_are_float32_and_scaled_as_the_header_says(tmp_path):
    file = nib.Nifti1Image(np.zeros((3, 4, 5), np.float32), np.eye(4))
    file = nib.Nifti1Image(np.arange(60.0).reshape(3, 4, 5) * 0.5 - 7, np.eye(4))
    file.set_data_dtype(np.int16)
    nib.save(file, tmp_path / "scaled.nii")

    image = read_image(tmp_path / "scaled.nii")

    assert image.array.dtype == np.float32
    np.testing.assert_allclose(image.array, nib.load(tmp_path / "scaled.nii").get_fdata().T, rtol=1e-6)


def test_an_axial_slice_of_a_volume_file_has_two_axes(tmp_path, rng):
    values = rng.random((4, 5, 1)).astype(np.float32)

    image = read_image(write_nifti(tmp_path / "slice.nii", values, np.diag([2, 3, 4, 1.0])))

    np.testing.assert_array_equal(image.array, values[..., 0].T)
    assert (image.grid.spacing, image.grid.direction) == ((2, 3), (-1, 0, 0, -1))
    assert image.notes == ()


def test_a_coronal_slice_lies_in_the_x_and_z_of_the_world(tmp_path, rng):
    values = rng.random((4, 1, 6)).astype(np.float32)
    affine = np.diag([2, 3, 4, 1.0])
    affine[:3, 3] = 10, 20, 30

    image = read_image(write_nifti(tmp_path / "slice.nii", values, affine))

    np.testing.assert_array_equal(image.array, values[:, 0].T)
    assert image.grid == Grid(size=(4, 6), spacing=(2.0, 4.0), origin=(-10.0, 30.0), direction=(-1.0, 0.0, 0.0, 1.0))
    assert "across the y axis" in image.notes[0]


def test_an_oblique_slice_leaves_its_place_out_and_says_so(tmp_path):
    turned = np.array([[1, 0, 0, 5], [0, 0.8, -0.6, 6], [0, 0.6, 0.8, 7], [0, 0, 0, 1.0]])

    image = read_image(write_nifti(tmp_path / "slice.nii", np.zeros((4, 5, 1), np.float32), turned))

    assert image.grid.same_as(Grid.plain((5, 4)))
    assert "oblique" in image.notes[0]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_picture_comes_back_and_its_spacing_is_said_aloud(tmp_path, suffix):
    image = Image.from_array(np.tile(np.arange(0, 160, 8, dtype=np.uint8), (16, 1)))

    write_image(image, tmp_path / f"picture{suffix}")
    back = read_image(tmp_path / f"picture{suffix}")

    np.testing.assert_allclose(back.array, image.array, atol=6 if suffix == ".jpg" else 0)
    assert back.grid.spacing == (1, 1)
    assert back.notes == (f"picture{suffix} gives no physical spacing: a voxel is taken for 1 mm.",)


@pytest.mark.parametrize(("given", "taken"), [((0.2, 0.3), (0.2, 0.3)), ((0.2,), (0.2, 0.2))])
def test_a_given_spacing_replaces_the_files_and_nothing_is_said(tmp_path, given, taken):
    write_image(Image.from_array(np.eye(4, dtype=np.uint8)), tmp_path / "picture.png")

    image = read_image(tmp_path / "picture.png", spacing=given)

    assert image.grid.spacing == taken
    assert image.notes == ()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.0,), (1.0, -1.0), (np.inf, 1.0)])
def test_a_spacing_that_is_none_is_refused(tmp_path, spacing):
    write_image(Image.from_array(np.eye(4, dtype=np.uint8)), tmp_path / "picture.png")

    with pytest.raises(InputError, match="the image has 2 axes: wanted one positive number or one for each"):
        read_image(tmp_path / "picture.png", spacing=spacing)


def test_a_png_keeps_the_spacing_written_into_it(tmp_path):
    write_image(Image.from_array(np.eye(4, dtype=np.uint8), spacing=(0.143, 0.2)), tmp_path / "picture.png")

    image = read_image(tmp_path / "picture.png")

    assert image.grid.spacing == pytest.approx((0.143, 0.2))
    assert image.notes == ()


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_becomes_luminance_and_is_said_aloud(tmp_path, rng, channels):
    colours = rng.integers(0, 256, (6, 7, channels), dtype=np.uint8)
    sitk.WriteImage(sitk.GetImageFromArray(colours, isVector=True), tmp_path / "colour.png")

    image = read_image(tmp_path / "colour.png")

    np.testing.assert_allclose(image.array, colours[..., :3] @ [0.299, 0.587, 0.114], rtol=1e-5)
    assert "colour.png is in colour: read as grey by luminance." in image.notes


def test_colour_in_nifti_becomes_luminance(tmp_path):
    colours = np.zeros((4, 5, 6), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["G"] = 100

    image = read_image(write_nifti(tmp_path / "colour.nii", colours))

    np.testing.assert_allclose(image.array, 58.7, rtol=1e-5)


def test_dicom_pixel_spacing_is_between_rows_first(tmp_path):
    write_dicom(tmp_path / "x.dcm", np.arange(20).reshape(4, 5), spacing=(0.2, 0.1))

    image = read_image(tmp_path / "x.dcm")

    np.testing.assert_array_equal(image.array, np.arange(20).reshape(4, 5))
    assert image.grid.spacing == pytest.approx((0.1, 0.2))
    assert image.notes == ()


def test_a_spacing_that_the_file_tells_is_kept_and_said_aloud(tmp_path):
    write_image(Image.from_array(np.eye(4, dtype=np.float32), spacing=(1.0, 2.0)), tmp_path / "slice.nii.gz")

    image = read_image(tmp_path / "slice.nii.gz", spacing=(0.5,))

    assert image.grid.spacing == (1, 2)
    assert image.notes == ("slice.nii.gz tells its spacing, 1 x 2 mm, which is kept.",)


def test_detector_spacing_is_said_aloud(tmp_path):
    write_dicom(tmp_path / "x.dcm", np.arange(20).reshape(4, 5), kind=CR, spacing=(0.2, 0.1))

    image = read_image(tmp_path / "x.dcm")

    assert image.grid.spacing == pytest.approx((0.1, 0.2))
    assert "on the detector, 0.1 x 0.2 mm" in image.notes[0]


def test_dicom_without_spacing_is_said_aloud(tmp_path):
    path = tmp_path / "x.dcm"
    write_dicom(path, np.arange(20).reshape(4, 5))
    data = path.read_bytes()
    spacing = data.index(b"\x28\x00\x30\x00")  # implicit value representation: tag, then length in four bytes
    length = 8 + int.from_bytes(data[spacing + 4 : spacing + 8], "little")
    path.write_bytes(data[:spacing] + data[spacing + length :])

    image = read_image(path)

    assert image.grid.spacing == (1, 1)
    assert image.notes == ("x.dcm gives no spacing: a voxel is taken for 1 mm.",)


def test_monochrome1_is_turned_over(tmp_path):
    values = np.arange(20).reshape(4, 5) + 7
    write_dicom(tmp_path / "x.dcm", values, monochrome=1)

    image = read_image(tmp_path / "x.dcm")

    assert np.unique(image.array + values).size == 1
    assert "MONOCHROME1" in image.notes[0]


def test_a_dicom_file_needs_no_ending(tmp_path):
    write_dicom(tmp_path / "x.dcm", np.arange(20).reshape(4, 5))
    (tmp_path / "x.dcm").rename(tmp_path / "IM0001")

    assert read_image(tmp_path / "IM0001").array.shape == (4, 5)


def test_a_folder_of_one_series_is_a_volume_in_the_order_of_its_slices(tmp_path):
    write_series(tmp_path / "series", [30, 10, 20])

    image = read_image(tmp_path / "series")

    assert image.array[:, 0, 0].tolist() == [200, 300, 100]
    assert image.grid.spacing == pytest.approx((0.1, 0.2, 10))
    assert image.grid.origin == (-10, -20, 10)


def test_a_folder_of_one_file_is_that_file(tmp_path):
    write_series(tmp_path / "series", [30])

    assert read_image(tmp_path / "series").array.shape == (4, 5)


def test_a_series_with_a_hole_is_refused(tmp_path):
    write_series(tmp_path / "series", [10, 20, 30, 50])

    with pytest.raises(DataError, match="10 mm apart, but slices 3 and 4 are 20 mm: one is missing or double"):
        read_image(tmp_path / "series")


def test_a_series_of_a_tilted_gantry_is_refused(tmp_path):
    """ITK would stand the slices upright: the last of them lies six millimetres from where its header says."""
    write_series(tmp_path / "series", [0, 5, 10, 15], tilt=2.0)

    with pytest.raises(DataError, match=r"slices are shifted against each other, by 6\.\d mm .* tilted gantry"):
        read_image(tmp_path / "series")


@pytest.mark.parametrize("heights", [[10, 10, 10], [10, 10, 20, 20]])
def test_a_series_in_time_is_no_volume(heights, tmp_path):
    write_series(tmp_path / "series", heights)

    with pytest.raises(DataError, match="holds several images of one place, a series in time"):
        read_image(tmp_path / "series")


def test_a_folder_of_several_series_is_refused_by_their_names(tmp_path):
    write_series(tmp_path / "series", [10, 20], uid="1.2.3.4", description="lung")
    write_series(tmp_path / "series", [10, 20, 30], uid="1.2.3.5", description="bone")

    with pytest.raises(DataError, match=r"holds 2 DICOM series.*(?=.*\(lung, 2 files\))(?=.*\(bone, 3 files\))"):
        read_image(tmp_path / "series")


def test_a_folder_without_dicom_is_refused(tmp_path):
    with pytest.raises(DataError, match="a folder without DICOM files"):
        read_image(tmp_path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.nii\.gz does not exist"):
        read_image(tmp_path / "nothing.nii.gz")


@pytest.mark.parametrize("name", ["x.nii.gz", "x.nii", "x.png", "x.txt", "x"])
def test_a_file_that_is_no_image_is_refused(tmp_path, name, capfd):
    (tmp_path / name).write_text("this is no image")

    with pytest.raises(DataError, match=r"(damaged or in no known format|cannot be read)"):
        read_image(tmp_path / name)
    assert "WARNING" not in capfd.readouterr().err


@pytest.mark.parametrize("suffix", VOLUME_FORMATS)
def test_a_cut_off_file_is_refused(tmp_path, rng, suffix):
    path = tmp_path / f"x{suffix}"
    write_image(Image.from_array(rng.random((20, 20, 20))), path)
    path.write_bytes(path.read_bytes()[:-500])

    with pytest.raises(DataError, match=r"(is cut off: 64352 bytes were wanted|cannot be read)"):
        read_image(path)


def test_a_gzip_file_of_several_parts_is_read_whole(tmp_path, rng):
    values = rng.random((4, 5, 6)).astype(np.float32)
    whole = write_nifti(tmp_path / "x.nii", values).read_bytes()
    (tmp_path / "parts.nii.gz").write_bytes(gzip.compress(whole[:500]) + gzip.compress(whole[500:]))

    np.testing.assert_array_equal(read_image(tmp_path / "parts.nii.gz").array, values.T)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 5, 6, 2), "has 4 axes"),
        ((4, 5, 6, 1, 3), "has 5 axes"),
        ((4, 1, 1), "is only a line"),
    ],
)
def test_a_file_that_is_not_one_image_is_refused(tmp_path, shape, message):
    path = write_nifti(tmp_path / "x.nii", np.zeros(shape, np.float32))

    with pytest.raises(DataError, match=message):
        read_image(path)


def test_a_single_time_point_is_an_image(tmp_path):
    path = write_nifti(tmp_path / "x.nii", np.zeros((4, 5, 6, 1), np.float32))

    assert read_image(path).array.shape == (6, 5, 4)


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_vectors_are_refused(tmp_path, suffix):
    sitk.WriteImage(sitk.Image([4, 5, 6], sitk.sitkVectorFloat32, 3), tmp_path / f"field{suffix}")

    with pytest.raises(DataError, match="holds vectors of 3 components"):
        read_image(tmp_path / f"field{suffix}")


def test_complex_numbers_are_refused(tmp_path):
    path = write_nifti(tmp_path / "x.nii", np.zeros((4, 5, 6), np.complex64))

    with pytest.raises(DataError, match="holds complex numbers"):
        read_image(path)


def test_sheared_axes_are_refused(tmp_path):
    affine = np.eye(4)
    affine[0, 1] = 0.5
    path = write_nifti(tmp_path / "x.nii", np.zeros((4, 5, 6), np.float32), affine)

    with pytest.raises(DataError, match=r"has sheared axes.*resample it"):
        read_image(path)


def test_reading_leaves_itks_warnings_as_they_were(tmp_path):
    before = sitk.ProcessObject.GetGlobalWarningDisplay()

    read_image(write_nifti(tmp_path / "x.nii", np.zeros((4, 5, 6), np.float32)))

    assert sitk.ProcessObject.GetGlobalWarningDisplay() == before


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.uint32, np.int64])
@pytest.mark.parametrize("suffix", VOLUME_FORMATS)
def test_labels_keep_their_values_and_type(tmp_path, kind, suffix):
    largest = min(np.iinfo(kind).max, 2**40 + 1)
    labels = Image.from_array(np.array([[0, 1, 2], [3, largest - 1, largest]], dtype=kind))

    write_image(labels, tmp_path / f"labels{suffix}")
    back = read_labels(tmp_path / f"labels{suffix}")

    assert back.array.dtype == kind
    np.testing.assert_array_equal(back.array, labels.array)


@pytest.mark.parametrize(("largest", "kind"), [(7.0, np.int16), (2.0**24 + 2, np.int32), (2.0**40, np.int64)])
def test_labels_in_floating_point_become_integers(tmp_path, largest, kind):
    write_image(Image.from_array(np.array([[0, 1], [2, largest]])), tmp_path / "labels.nrrd")

    labels = read_labels(tmp_path / "labels.nrrd")

    assert labels.array.dtype == kind
    assert labels.array.max() == largest


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf])
def test_labels_that_are_not_whole_are_refused(tmp_path, value):
    write_image(Image.from_array(np.array([[0, 1], [2, value]])), tmp_path / "labels.nrrd")

    with pytest.raises(DataError, match=f"has {value:g} among its values, but labels are whole"):
        read_labels(tmp_path / "labels.nrrd")


def test_labels_beyond_64_bits_are_refused(tmp_path):
    write_image(Image.from_array(np.array([[0, 1], [2, 2.0**63]])), tmp_path / "labels.nrrd")

    with pytest.raises(DataError, match="such as fit in 64 bits"):
        read_labels(tmp_path / "labels.nrrd")


def test_labels_in_colour_are_refused(tmp_path):
    sitk.WriteImage(sitk.Image([4, 5], sitk.sitkVectorUInt8, 3), tmp_path / "labels.png")

    with pytest.raises(DataError, match="is in colour, but labels are"):
        read_labels(tmp_path / "labels.png")


def test_a_mask_is_written_as_zeros_and_ones(tmp_path):
    write_image(Image.from_array(np.eye(5, dtype=bool)), tmp_path / "mask.nii.gz")

    assert read_labels(tmp_path / "mask.nii.gz").array.dtype == np.uint8


@pytest.mark.parametrize(
    ("values", "suffix", "kind", "written"),
    [
        ([0.4, 254.6], ".png", np.uint8, [0, 255]),
        ([0, 1], ".png", np.uint8, [0, 1]),
        ([0, 256], ".png", np.uint16, [0, 256]),
        ([0, 65535.4], ".tif", np.uint16, [0, 255]),
        ([0, 65535], ".tif", np.uint16, [0, 65535]),
        ([0, 256], ".jpg", np.uint8, [0, 255]),
        ([0.25, 0.75], ".png", np.uint8, [0, 255]),
        ([-1000, 1000], ".png", np.uint8, [0, 255]),
        ([-5, -5], ".png", np.uint8, [0, 0]),
        ([np.nan, np.inf], ".png", np.uint8, [0, 0]),
    ],
)
def test_a_picture_is_rounded_where_it_fits_and_else_stretched(tmp_path, values, suffix, kind, written):
    halves = np.repeat(np.array(values, float), 8)[:, None] * np.ones(16)

    write_image(Image.from_array(halves), tmp_path / f"picture{suffix}")
    back = sitk.GetArrayFromImage(sitk.ReadImage(tmp_path / f"picture{suffix}"))

    if written == [0, 255] and values == [0, 65535.4]:
        kind = np.uint8  # one step beyond 16 bits
    assert back.dtype == kind
    np.testing.assert_allclose(back[[0, -1], 0], written, atol=2 if suffix == ".jpg" else 0)


def test_stretching_is_logged(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="sarnet"):
        write_image(Image.from_array(np.array([[-1.0, 3.0], [0.0, 1.0]])), tmp_path / "picture.png")

    assert "picture.png: values from -1 to 3 are stretched to 0 to 255" in caplog.text


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path):
    for value in (1, 2):
        write_image(Image.from_array(np.full((3, 3), value, np.uint8)), tmp_path / "image.nii.gz")

    assert read_image(tmp_path / "image.nii.gz").array.max() == 2
    assert [file.name for file in tmp_path.iterdir()] == ["image.nii.gz"]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken.nii.gz").mkdir()

    with pytest.raises(DataError, match=r"taken\.nii\.gz cannot be written"):
        write_image(Image.from_array(np.zeros((3, 3))), tmp_path / "taken.nii.gz")
    assert [file.name for file in tmp_path.iterdir()] == ["taken.nii.gz"]


def test_an_unknown_ending_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"wanted a name that ends in one of \.nii"):
        write_image(Image.from_array(np.zeros((3, 3))), tmp_path / "image.xyz")


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"its folder .* does not exist"):
        write_image(Image.from_array(np.zeros((3, 3))), tmp_path / "nowhere" / "image.nii")


def test_fractions_are_not_rounded_away_in_a_picture(tmp_path, caplog):
    values = np.linspace(0.6, 1.4, 12).reshape(3, 4)

    write_image(Image.from_array(values), tmp_path / "picture.png")

    np.testing.assert_allclose(read_image(tmp_path / "picture.png").array, (values - 0.6) / 0.8 * 255, atol=0.5)
    assert "are stretched to 0 to 255" in caplog.text


def test_a_volume_as_a_picture_is_refused(tmp_path):
    with pytest.raises(DataError, match="a picture has two axes"):
        write_image(Image.from_array(np.zeros((3, 3, 3))), tmp_path / "image.png")
