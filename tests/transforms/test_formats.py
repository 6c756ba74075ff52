"""Every format there and back, and what none of them may do with a damaged file."""

import gzip
import io
import itertools
import logging
import struct
import tracemalloc
import zipfile
import zlib
from dataclasses import replace

import h5py
import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.errors import DataError, InputError, SarnetError
from sarnet.images import Grid
from sarnet.transforms import Transform, read_transform, write_format
from sarnet.transforms.files import FORMATS
from sarnet.transforms.learn2reg import read_learn2reg_voxels

FIELDS = {
    "itk": "t.h5",
    "itk-field": "d.nii.gz",
    "nifti-ras": "r.nii.gz",
    "learn2reg": "l.npz",
    "fsl": "w.nii.gz",
    "freesurfer": "w.mgz",
}
AFFINES = {"itk": "a.mat", "fsl": "f.mat", "freesurfer": "a.lta"}
PLANES = ("itk", "itk-field", "nifti-ras")  # formats that hold images of two axes
FILES = [
    *(("itk", name) for name in ("t.h5", "a.tfm", "a.mat")),
    *(("itk-field", name) for name in ("d.nii", "d.nii.gz", "d.nrrd", "d.mha")),
    *(("nifti-ras", "r.nii"), ("learn2reg", "l.nii.gz"), ("learn2reg", "l.npz")),
    *(("fsl", "w.nii"), ("fsl", "f.mat"), ("freesurfer", "w.mgz"), ("freesurfer", "a.lta")),
]


def write(transform, path, form, moving):
    affine = path.suffix in (".tfm", ".mat", ".lta")
    write_format(transform.with_displacement(None) if affine else transform, path, form, moving=moving)


def read(path, form, grid, moving):
    """As a user must read it: with both grids where the format does not stand by itself."""
    both = {"grid": grid, "form": form, "moving": moving} if form in ("learn2reg", "fsl") else {}
    return read_transform(path, **both)


def unpacked(name, whole):
    """What a file holds beneath its compression, and the way to pack it again."""
    if name.endswith((".nii.gz", ".mgz")):
        return gzip.decompress(whole), lambda content: gzip.compress(content, 1)
    if not name.endswith(".npz"):
        return whole, bytes
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        (entry,) = archive.namelist()
        inside = archive.read(entry)

    def packed(content):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(entry, content)
        return file.getvalue()

    return inside, packed


def moving_grid(n: int) -> Grid:
    """Another grid than the fixed one, right-handed."""
    return Grid(
        size=(33, 28, 21)[:n],
        spacing=(1.2, 2.2, 3.0)[:n],
        origin=(-60.0, 5.0, 40.0)[:n],
        direction=tuple(np.eye(n).ravel().tolist()),
    )


@pytest.mark.parametrize(("form", "n"), [*((form, 3) for form in FIELDS), *((form, 2) for form in PLANES)])
def test_a_known_shift_comes_back_with_its_sign_and_size(form, n, oblique, tmp_path):
    shift = np.array([6.0, -4.0, 3.0])[:n]
    grid, moving = oblique(n), moving_grid(n)
    transform = Transform(grid=grid, matrix=np.eye(n), translation=shift)

    write(transform, tmp_path / FIELDS[form], form, moving)
    back = read(tmp_path / FIELDS[form], form, grid, moving)

    total = back.total_displacement()
    np.testing.assert_allclose(total, np.broadcast_to(shift, total.shape), atol=1e-4)


@pytest.mark.parametrize(
    ("first", "second", "n"),
    [
        *((*pair, 3) for pair in itertools.permutations(FIELDS, 2)),
        *((*pair, 2) for pair in itertools.permutations(PLANES, 2)),
    ],
)
def test_from_format_to_format_the_field_stays(first, second, n, oblique, turned_and_bumpy, tmp_path):
    grid, moving = oblique(n), moving_grid(n)
    transform = turned_and_bumpy(grid)

    write(transform, tmp_path / FIELDS[first], first, moving)
    write(read(tmp_path / FIELDS[first], first, grid, moving), tmp_path / FIELDS[second], second, moving)
    back = read(tmp_path / FIELDS[second], second, grid, moving)

    assert back.grid.same_as(grid, tolerance=1e-3)
    np.testing.assert_allclose(back.total_displacement(), transform.total_displacement(), atol=1e-3)


@pytest.mark.parametrize(("first", "second"), list(itertools.product(AFFINES, AFFINES)))
def test_from_format_to_format_the_matrix_stays(first, second, oblique, turned_and_bumpy, tmp_path):
    grid, moving = oblique(3), Grid.plain((9, 8, 7), spacing=(1.0, 2.0, 3.0))
    transform = turned_and_bumpy(grid).with_displacement(None)

    write(transform, tmp_path / AFFINES[first], first, moving)
    found = replace(read(tmp_path / AFFINES[first], first, grid, moving), grid=grid)
    write(found, tmp_path / f"again-{AFFINES[second]}", second, moving)
    back = read(tmp_path / f"again-{AFFINES[second]}", second, grid, moving)

    np.testing.assert_allclose(back.homogeneous(), transform.homogeneous(), atol=1e-6)


def test_old_spelling_of_itk_is_read(oblique, turned_and_bumpy, tmp_path):
    transform = turned_and_bumpy(oblique(3))
    write_format(transform, tmp_path / "t.h5", "itk")
    with h5py.File(tmp_path / "t.h5", "a") as file:
        for name, group in file["TransformGroup"].items():
            for old in ("TransformParameters", "TransformFixedParameters"):
                if name != "0":
                    group.move(old, old.replace("Transform", "Tranform", 1))

    back = read_transform(tmp_path / "t.h5")

    np.testing.assert_allclose(back.displacement, transform.displacement, atol=1e-6)
    np.testing.assert_array_equal(back.matrix, transform.matrix)


def test_h5_is_what_its_description_says(oblique, turned_and_bumpy, tmp_path):
    transform = turned_and_bumpy(oblique(3))
    grid = transform.grid

    write_format(transform, tmp_path / "t.h5", "itk")

    with h5py.File(tmp_path / "t.h5") as file:
        group = file["TransformGroup"]["2"]
        vectors = group["TransformParameters"][()].reshape((3, *grid.size), order="F")
        fixed = group["TransformFixedParameters"][()]
    np.testing.assert_allclose(np.moveaxis(vectors, 0, -1).transpose(2, 1, 0, 3), transform.displacement)
    np.testing.assert_allclose(fixed, [*grid.size, *grid.origin, *grid.spacing, *grid.direction])


def test_simpleitk_turns_ras_vectors_as_we_do(oblique, turned_and_bumpy, tmp_path):
    transform = turned_and_bumpy(oblique(3))

    write_format(transform, tmp_path / "r.nii.gz", "nifti-ras")

    header = nib.load(tmp_path / "r.nii.gz").header
    assert (int(header["intent_code"]), header["dim"][0], header["dim"][5]) == (1006, 5, 3)
    itk = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "r.nii.gz")))
    np.testing.assert_allclose(itk, transform.total_displacement(), atol=1e-4)


@pytest.mark.parametrize("form", FORMATS)
def test_what_a_format_cannot_hold_is_refused_with_the_reason(form, oblique, turned_and_bumpy, tmp_path):
    flat, volume = turned_and_bumpy(oblique(2)), turned_and_bumpy(oblique(3))
    nowhere = Transform.identity(Grid.plain((1, 1, 1)))

    if form in ("learn2reg", "fsl", "freesurfer"):
        with pytest.raises(InputError, match="of volumes"):
            write_format(flat, tmp_path / FIELDS[form], form, moving=flat.grid)
        with pytest.raises(InputError, match="moving is missing: give that image"):
            write_format(volume, tmp_path / FIELDS[form], form)
    if form in AFFINES:
        with pytest.raises(InputError, match=r"affine.* alone, but the transform has a"):
            write_format(volume, tmp_path / AFFINES[form], form, moving=volume.grid)
    if form != "itk":
        with pytest.raises(InputError, match="an affine map has none: give it"):
            write_format(nowhere, tmp_path / FIELDS[form], form, moving=volume.grid)
    with pytest.raises(InputError, match="ends in one of"):
        write_format(volume, tmp_path / "t.xyz", form, moving=volume.grid)
    assert not list(tmp_path.iterdir())


def test_an_unknown_format_and_a_missing_image_are_refused(unchecked, oblique, turned_and_bumpy, tmp_path):
    transform = turned_and_bumpy(oblique(3))
    write_format(transform, tmp_path / "w.nii.gz", "fsl", moving=transform.grid)

    with pytest.raises(InputError, match="format is 'spm', but must be one of itk"):
        write_format(transform, tmp_path / "t.h5", "spm")
    with pytest.raises(InputError, match="reference is missing"):
        read_transform(tmp_path / "w.nii.gz", form="fsl")
    with pytest.raises(DataError, match="intent 2006: it is FSL's"):
        read_transform(tmp_path / "w.nii.gz")


def test_a_field_of_another_size_is_refused(oblique, turned_and_bumpy, tmp_path):
    transform = turned_and_bumpy(oblique(3))
    other = Grid.plain((5, 6, 7))
    for form in ("learn2reg", "fsl"):
        write_format(transform, tmp_path / FIELDS[form], form, moving=other)
        with pytest.raises(DataError, match=r"wanted a"):
            read_transform(tmp_path / FIELDS[form], form=form, grid=other, moving=other)


def test_an_image_in_mgz_is_no_warp(tmp_path):
    nib.save(nib.MGHImage(np.zeros((4, 5, 6), np.float32), np.eye(4)), tmp_path / "i.mgz")

    with pytest.raises(DataError, match="an image"):
        read_transform(tmp_path / "i.mgz")


@pytest.mark.parametrize(("form", "name"), FILES)
def test_a_damaged_file_is_refused_or_read_but_never_crashes(
    form, name, oblique, turned_and_bumpy, rng, tmp_path, capfd
):
    transform = turned_and_bumpy(oblique(3))
    path = tmp_path / name
    write(transform, path, form, transform.grid)
    whole = path.read_bytes()
    inside, packed = unpacked(name, whole)
    damaged = [whole[: int(len(whole) * share)] for share in (0, 0.001, 0.01, 0.3, 0.9)]
    for deep in [False, True] * 20:
        content = bytearray(inside if deep else whole)
        reach = len(content) if rng.random() < 0.5 else min(len(content), 600)  # headers are where it hurts
        for place in rng.integers(0, reach, rng.integers(1, 8)):
            content[place] = rng.integers(0, 256)
        damaged.append(packed(content) if deep else bytes(content))

    messages = []
    tracemalloc.start()
    for content in damaged:
        path.write_bytes(content)
        try:
            read(path, form, transform.grid, transform.grid)
        except SarnetError as error:
            messages.append(str(error))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert len(messages) >= 4
    assert all(name in message and "\n" not in message for message in messages)
    assert peak < 2e8
    assert capfd.readouterr() == ("", "")


def _absurd_nifti(path, form, transform):
    write(transform, path, form, transform.grid)
    content = bytearray(path.read_bytes())
    struct.pack_into("<3h", content, 42, 30000, 30000, 30000)
    path.write_bytes(bytes(content))


def _absurd_h5(path, form, transform):
    write(transform, path, form, transform.grid)
    with h5py.File(path, "a") as file:
        file["TransformGroup/2/TransformFixedParameters"][:3] = 1e6


def _empty_h5(path, form, transform):
    """A data set of a terabyte that is nowhere written."""
    write(transform, path, form, transform.grid)
    with h5py.File(path, "a") as file:
        group = file["TransformGroup/2"]
        del group["TransformParameters"]
        group.create_dataset("TransformParameters", shape=(10**11,), dtype="f8", chunks=(1000,))


def _absurd_text(path, form, transform):
    kind = "Transform: DisplacementFieldTransform_double_3_3\nParameters: 0 0 0\n"
    fixed = "FixedParameters: 100000 100000 100000 0 0 0 1 1 1 1 0 0 0 1 0 0 0 1\n"
    path.write_text("#Insight Transform File V1.0\n#Transform 0\n" + kind + fixed)


def _absurd_matlab(path, form, transform):
    path.write_bytes(struct.pack("<5i", 0, 2**30, 1, 0, 27) + b"AffineTransform_double_3_3\0")


def _absurd_meta(path, form, transform):
    head = "ObjectType = Image\nNDims = 3\nDimSize = 20000 20000 20000\nElementNumberOfChannels = 3\n"
    path.write_text(head + "ElementType = MET_FLOAT\nElementDataFile = LOCAL\n")


def _absurd_mgz(path, form, transform):
    write(transform, path, form, transform.grid)
    content = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into(">3i", content, 4, 30000, 30000, 30000)
    path.write_bytes(gzip.compress(bytes(content)))


@pytest.mark.parametrize(
    ("form", "name", "damage"),
    [
        ("itk-field", "d.nii", _absurd_nifti),
        ("itk", "t.h5", _absurd_h5),
        ("itk", "t.h5", _empty_h5),
        ("itk", "a.tfm", _absurd_text),
        ("itk", "a.mat", _absurd_matlab),
        ("itk-field", "d.mha", _absurd_meta),
        ("freesurfer", "w.mgz", _absurd_mgz),
    ],
)
def test_a_file_that_promises_too_much_is_refused_before_memory_is_taken(
    form, name, damage, oblique, turned_and_bumpy, tmp_path
):
    damage(tmp_path / name, form, turned_and_bumpy(oblique(3)))

    tracemalloc.start()
    with pytest.raises(DataError, match=name):
        read_transform(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 5e7


@pytest.mark.parametrize("damage", [b"no array at all", b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((  \n"])
def test_an_archive_of_something_else_is_refused(damage, oblique, tmp_path):
    with zipfile.ZipFile(tmp_path / "l.npz", "w") as archive:
        archive.writestr("arr_0.npy", damage)

    with pytest.raises(DataError, match=r"wanted an array of floating point in its \.npz"):
        read_transform(tmp_path / "l.npz", form="learn2reg", grid=oblique(3), moving=oblique(3))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["<f2", "<f4", ">f4", "<f8"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed], ids=["stored", "deflated"])
def test_arrays_as_numpy_saves_them_are_read(save, kind, order, oblique, rng, tmp_path):
    grid = oblique(3)
    vectors = rng.normal(size=(*grid.size, 3)).astype(kind)
    save(tmp_path / "l.npz", np.asarray(vectors, order=order))

    found = read_learn2reg_voxels(tmp_path / "l.npz", grid)

    np.testing.assert_array_equal(found, vectors.astype(np.float32).transpose(2, 1, 0, 3))


@pytest.mark.parametrize("count", [0, 2])
def test_archive_of_none_or_several_arrays_is_refused(count, oblique, tmp_path):
    np.savez(tmp_path / "l.npz", *[np.zeros(3)] * count)

    with pytest.raises(DataError, match=f"with one array, but came one with {count}"):
        read_learn2reg_voxels(tmp_path / "l.npz", oblique(3))


def _damaged(content: bytes, kind: str) -> bytes:
    """An archive of one array, its directory or its content no longer as they were written."""
    damaged = bytearray(content)
    directory, end = content.rindex(b"PK\x01\x02"), content.rindex(b"PK\x05\x06")
    if kind == "no archive":
        return b"no archive"
    if kind == "checksum":
        damaged[200] ^= 1
    elif kind == "another version":
        damaged[directory + 6] = 200
    elif kind == "patched data":
        damaged[directory + 8] |= 0x20
    elif kind == "strong encryption":
        damaged[directory + 8] |= 0x40
    elif kind == "entry near the end":
        damaged[directory + 42 : directory + 46] = struct.pack("<I", len(content) - 8)
    elif kind == "entry before the file":
        damaged[end + 16 : end + 20] = struct.pack("<I", 2**31)
    elif kind == "name in no encoding":
        damaged[directory + 9] |= 8  # says that it is UTF-8
        damaged[directory + 46] = 0xFF
    elif kind == "broken off":
        size = struct.unpack("<I", content[directory + 20 : directory + 24])[0]
        damaged[directory + 20 : directory + 28] = struct.pack("<II", *[size + 10**6] * 2)
    return bytes(damaged)


@pytest.mark.parametrize(
    ("kind", "cause", "reason"),
    [
        ("no archive", zipfile.BadZipFile, "File is not a zip file"),
        ("checksum", zipfile.BadZipFile, "Bad CRC-32"),
        # zipfile's own word for what the format has and it does not read
        ("another version", NotImplementedError, "zip file version 20.0"),
        ("patched data", NotImplementedError, "compressed patched data"),
        ("strong encryption", NotImplementedError, "strong encryption"),
        ("entry near the end", zipfile.BadZipFile, "Truncated file header"),
        ("entry before the file", OSError, "Invalid argument"),
        ("name in no encoding", UnicodeDecodeError, "invalid start byte"),
        ("broken off", EOFError, ""),
    ],
)
def test_archive_that_cannot_be_read_is_refused_by_name_with_the_librarys_reason(kind, cause, reason, tmp_path):
    grid = Grid.plain((64, 64, 64))
    np.savez(tmp_path / "l.npz", np.zeros((2, 2, 2, 3)))
    (tmp_path / "l.npz").write_bytes(_damaged((tmp_path / "l.npz").read_bytes(), kind))

    with pytest.raises(DataError, match=r"l\.npz: wanted a whole \.npz file, but came one that cannot be read") as told:
        read_learn2reg_voxels(tmp_path / "l.npz", grid)

    assert type(told.value.__cause__) is cause
    assert reason in str(told.value)


def test_packed_array_that_does_not_unpack_and_file_that_is_not_there_are_refused(oblique, tmp_path):
    np.savez_compressed(tmp_path / "l.npz", np.arange(3 * np.prod(oblique(3).size)))
    content = bytearray((tmp_path / "l.npz").read_bytes())
    content[60:80] = b"\xff" * 20
    (tmp_path / "l.npz").write_bytes(content)

    with pytest.raises(DataError, match="cannot be read") as told:
        read_learn2reg_voxels(tmp_path / "l.npz", oblique(3))
    with pytest.raises(DataError, match="No such file"):
        read_learn2reg_voxels(tmp_path / "none.npz", oblique(3))

    assert isinstance(told.value.__cause__, zlib.error)


def test_error_of_our_own_in_reading_an_archive_is_not_taken_for_a_damaged_file(oblique, monkeypatch, tmp_path):
    np.savez(tmp_path / "l.npz", np.zeros((*oblique(3).size, 3)))
    monkeypatch.setattr(np, "frombuffer", None)

    with pytest.raises(TypeError):
        read_learn2reg_voxels(tmp_path / "l.npz", oblique(3))


@pytest.mark.parametrize("place", [0, 8], ids=["size of the string", "size of the heap's objects"])
def test_a_damaged_heap_of_strings_is_refused_at_once(place, oblique, tmp_path):
    path = tmp_path / "t.h5"
    write_format(Transform.identity(oblique(3)), path, "itk")
    content = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        reference = file["TransformGroup/1/TransformType"].id.get_offset()
    heap = struct.unpack_from("<Q", content, reference + 4)[0]
    if place == 0:
        struct.pack_into("<I", content, reference, 2**31 - 1)  # HDF5 takes as many bytes of memory
    struct.pack_into("<Q", content, heap + 16 + 8, 0)  # where HDF5 goes round in circles
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"t\.h5: wanted"):
        read_transform(path)


def test_strings_of_fixed_length_are_read(oblique, tmp_path):
    transform = Transform.identity(oblique(3))
    write_format(transform, tmp_path / "t.h5", "itk")
    with h5py.File(tmp_path / "t.h5", "a") as file:
        for group in file["TransformGroup"].values():
            kind = group["TransformType"][()]
            del group["TransformType"]
            group.create_dataset("TransformType", data=np.array(kind, "S"))

    back = read_transform(tmp_path / "t.h5")

    np.testing.assert_array_equal(back.matrix, transform.matrix)


def test_name_that_is_written_in_pieces_is_refused(oblique, tmp_path):
    write_format(Transform.identity(oblique(3)), tmp_path / "t.h5", "itk")
    with h5py.File(tmp_path / "t.h5", "a") as file:
        group = file["TransformGroup/0"]
        kind = group["TransformType"][()]
        del group["TransformType"]
        group.create_dataset("TransformType", data=kind, dtype=h5py.string_dtype(), chunks=(1,), compression="gzip")

    with pytest.raises(DataError, match=r"t\.h5: wanted the name of a transform as ITK writes it"):
        read_transform(tmp_path / "t.h5")


def test_what_nibabel_mends_stays_off_the_terminal(oblique, tmp_path, capfd, monkeypatch):
    path = tmp_path / "d.nii"
    write_format(Transform.identity(oblique(3)), path, "itk-field")
    content = bytearray(path.read_bytes())
    struct.pack_into("<h", content, 254, 57)  # a code of the sform that there is not
    path.write_bytes(content)
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # as in a program: pytest's own catch it

    read_transform(path)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("form", "sign"), [("itk-field", 1), ("nifti-ras", -1)])
@pytest.mark.parametrize("axes", [4, 5])
def test_the_frame_of_a_field_without_intent_is_as_said(form, sign, axes, oblique, bumpy, tmp_path):
    grid = oblique(3)
    transform = Transform.identity(grid).with_displacement(bumpy(grid))
    write_format(transform, tmp_path / "d.nii.gz", "itk-field")
    image = nib.load(tmp_path / "d.nii.gz")
    bare = nib.Nifti1Image(image.get_fdata().reshape(*grid.size, *[1] * (axes - 4), 3), image.affine)
    nib.save(bare, tmp_path / "bare.nii.gz")

    back = read_transform(tmp_path / "bare.nii.gz", form=form)

    np.testing.assert_allclose(back.displacement, transform.displacement * [sign, sign, 1], atol=1e-5)
    with pytest.raises(DataError, match="intent 0: say its format"):
        read_transform(tmp_path / "bare.nii.gz")


def test_a_format_that_is_said_wrongly_is_refused(oblique, bumpy, tmp_path):
    transform = Transform.identity(oblique(3)).with_displacement(bumpy(oblique(3)))
    write_format(transform, tmp_path / "d.nii.gz", "itk-field")
    write_format(transform, tmp_path / "t.h5", "itk")

    with pytest.raises(DataError, match="wanted a field of nifti-ras, but came intent 1007, which is itk-field"):
        read_transform(tmp_path / "d.nii.gz", form="nifti-ras")
    with pytest.raises(InputError, match=r"ends in one of \.lta, \.mgz"):
        read_transform(tmp_path / "d.nii.gz", form="freesurfer")
    with pytest.raises(InputError, match=r"ends in one of \.nii"):
        read_transform(tmp_path / "t.h5", form="itk-field")


def test_slicers_field_for_points_is_not_taken_for_one_for_images(oblique, bumpy, tmp_path):
    image = sitk.GetImageFromArray(bumpy(oblique(3)), isVector=True)
    image.SetMetaData("displacement field type", "modeling")
    sitk.WriteImage(image, tmp_path / "d.nrrd")

    with pytest.raises(DataError, match="wanted a field that resamples images, but came one that moves points"):
        read_transform(tmp_path / "d.nrrd")


@pytest.mark.parametrize("name", ["t.h5", "d.mha", "d.nii"])
def test_a_place_that_cannot_be_written_is_told_without_the_words_of_libraries(name, oblique, tmp_path, capfd):
    form = "itk" if name == "t.h5" else "itk-field"

    with pytest.raises(DataError, match="cannot be written: File name too long"):
        write_format(Transform.identity(oblique(3)), tmp_path / f"{'a' * 300}{name}", form)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["t.h5", "a.tfm", "a.mat"])
def test_nan_in_a_matrix_is_refused(name, oblique, tmp_path):
    transform = Transform.identity(oblique(3))
    write_format(transform, tmp_path / name, "itk")
    if name == "t.h5":
        with h5py.File(tmp_path / name, "a") as file:
            file["TransformGroup/1/TransformParameters"][0] = np.nan
    elif name == "a.tfm":
        text = (tmp_path / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("Parameters: 1", "Parameters: nan", 1))
    else:
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content.replace(struct.pack("<d", 1), struct.pack("<d", np.nan), 1))

    with pytest.raises(DataError, match="finite"):
        read_transform(tmp_path / name)
