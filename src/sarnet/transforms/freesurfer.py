"""FreeSurfer's transforms: ``.lta`` for affine maps, ``.mgz`` warps for fields; both carry the grids of both images."""

import gzip
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from sarnet.errors import InputError, SarnetError
from sarnet.images.grid import Grid
from sarnet.images.whole import write_whole_by
from sarnet.transforms.frames import ras, voxels
from sarnet.transforms.nifti import grid_of_affine
from sarnet.transforms.refusal import check_room, check_volume, ending_of, refuse
from sarnet.transforms.transform import Transform

FREESURFER_FILES = (".lta", ".mgz")

_VOXELS, _RAS = 0, 1  # types of an .lta
_WARP = 3  # of an .mgz; written above the version's eight bits
_GEOMETRY_TAG, _META_TAG, _NAME_BYTES = 10, 13, 512
_WITHOUT_LENGTH = (1, 2, 10, 11, 12, 20)  # tags
_DISPLACEMENT_RAS = 3
_HEADER_BYTES, _FOOTER_BYTES = 284, 20
_ERRORS = (
    *(OSError, EOFError, ValueError, TypeError, IndexError, KeyError, OverflowError, zlib.error, struct.error),
    *(HeaderDataError, WrapStructError),
)


class _Geometry(NamedTuple):
    """Size, spacing, directions (in columns) and centre of an image in RAS millimetres."""

    size: np.ndarray
    spacing: np.ndarray
    direction: np.ndarray
    centre: np.ndarray

    @classmethod
    def of(cls, grid: Grid) -> "_Geometry":
        affine = ras(grid) @ grid.index_to_world()
        size, spacing = np.array(grid.size), np.array(grid.spacing)
        return cls(size, spacing, affine[:3, :3] / spacing, affine[:3, :3] @ (size / 2) + affine[:3, 3])

    def grid(self) -> Grid:
        affine = np.eye(4)
        affine[:3, :3] = self.direction * self.spacing
        affine[:3, 3] = self.centre - affine[:3, :3] @ (self.size / 2)
        return grid_of_affine(affine, tuple(int(each) for each in self.size))


def write_freesurfer(transform: Transform, path: Path, moving: Grid) -> None:
    """Write ``.lta`` for ``mri_vol2vol --lta``, or ``.mgz`` as ``mri_warp_convert --inmgzwarp`` reads it.

    Args:
        transform: Of volumes.
        path: Ends in ``.lta`` (an affine map alone) or ``.mgz``.
        moving: Grid of the moving image.

    Raises:
        InputError: If the transform is of images of two axes, or has a field that ``.lta`` cannot hold.
    """
    ending = ending_of(path, FREESURFER_FILES)
    grid = transform.grid
    check_volume(path, grid, "FreeSurfer's transforms")
    if ending == ".lta":
        if transform.displacement is not None:
            raise InputError(f"{path}: .lta holds an affine map alone, but the transform has a field: write .mgz")
        text = _lta(ras(grid) @ np.linalg.inv(transform.homogeneous()) @ ras(grid), moving, grid)
        write_whole_by(path, lambda temporary: temporary.write_text(text, encoding="utf-8"), ending=ending)
        return
    vectors = transform.displacement_between(ras(grid), ras(moving)).transpose(2, 1, 0, 3)
    content = bytearray(nib.MGHImage(vectors, ras(grid) @ grid.index_to_world()).to_bytes())
    struct.pack_into(">i", content, 0, _WARP << 8 | 1)
    content += struct.pack(">i", _GEOMETRY_TAG) + _packed(moving) + _packed(grid)
    content += struct.pack(">iqiif", _META_TAG, 12, _DISPLACEMENT_RAS, 1, 0.0)
    write_whole_by(path, lambda temporary: temporary.write_bytes(gzip.compress(bytes(content), 1)), ending=ending)


def read_freesurfer(path: Path) -> Transform:
    """Read such a file; the grid is that of the target image in it.

    Raises:
        DataError: If it is damaged, or of a kind that is not read.
    """
    ending = ending_of(path, FREESURFER_FILES)
    try:
        return _read_lta(path) if ending == ".lta" else _read_warp(path)
    except SarnetError as error:
        refuse(path, "a usable transform", str(error).removeprefix(f"{path}: "))
    except _ERRORS:
        refuse(path, f"FreeSurfer's {ending}", "another kind of file, or one that breaks off")


def _lta(matrix: np.ndarray, source: Grid, target: Grid) -> str:
    lines = ["type      = 1 # LINEAR_RAS_TO_RAS", "nxforms   = 1", "mean      = 0.0000 0.0000 0.0000"]
    lines += ["sigma     = 1.0000", "1 4 4", *(" ".join(f"{number:.15e}" for number in row) for row in matrix)]
    for name, grid in (("src", source), ("dst", target)):
        geometry = _Geometry.of(grid)
        lines += [f"{name} volume info", "valid = 1  # volume info valid", f"filename = {name}"]
        lines += [f"volume = {' '.join(str(each) for each in geometry.size)}"]
        lines += [f"voxelsize = {_words(geometry.spacing)}"]
        columns = zip("xyzc", (*geometry.direction.T, geometry.centre))
        lines += [f"{letter}ras   = {_words(column)}" for letter, column in columns]
    return "\n".join([*lines, "subject none", "fscale 0.100000", ""])


def _words(numbers: np.ndarray) -> str:
    return " ".join(f"{number:.15e}" for number in numbers)


def _read_lta(path: Path) -> Transform:
    lines = [line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines()]
    lines = [line for line in lines if line]
    words = {line.partition("=")[0].strip(): line.partition("=")[2].split() for line in lines if "=" in line}
    kind, number = int(words["type"][0]), int(words["nxforms"][0])
    if kind not in (_VOXELS, _RAS) or number != 1:
        refuse(path, "one map of voxels or of RAS, type 0 or 1", f"{number} of type {kind}")
    start = lines.index("1 4 4") + 1
    matrix = np.array([[float(word) for word in line.split()] for line in lines[start : start + 4]])
    source, target = (_lta_grid(lines, lines.index(f"{name} volume info")) for name in ("src", "dst"))
    before, after = (ras, ras) if kind == _RAS else (voxels, voxels)
    # an .lta takes the source, which moves, to the target
    back = np.linalg.inv(after(target)) @ matrix @ before(source)
    forth = np.linalg.inv(back)
    return Transform(grid=target, matrix=forth[:3, :3], translation=forth[:3, 3])


def _lta_grid(lines: list[str], start: int) -> Grid:
    words = {line.partition("=")[0].strip(): line.partition("=")[2].split() for line in lines[start + 1 : start + 9]}
    size, spacing, x, y, z, centre = (
        np.array([float(word) for word in words[name]])
        for name in ("volume", "voxelsize", "xras", "yras", "zras", "cras")
    )
    return _Geometry(size, spacing, np.stack([x, y, z], axis=1), centre).grid()


def _packed(grid: Grid) -> bytes:
    """The geometry as FreeSurfer's structures have it, with a name of the file that is left empty."""
    geometry = _Geometry.of(grid)
    numbers = (*geometry.spacing, *geometry.direction.T.ravel(), *geometry.centre)
    return struct.pack(">i3i15f", 1, *geometry.size.tolist(), *numbers) + bytes(_NAME_BYTES)


def _read_warp(path: Path) -> Transform:
    with gzip.open(path) as file:
        head = file.read(_HEADER_BYTES)
        version, *shape, kind = struct.unpack_from(">6i", head)
        if version >> 8 != _WARP or version & 255 != 1:
            refuse(path, "an .mgz of a warp", "another .mgz: an image")
        if kind != 3 or shape[3] != 3 or min(shape) < 1:
            refuse(path, "three floating point numbers a voxel", f"{shape[3]} of type {kind}")
        values = int(np.prod(shape, dtype=object)) * 4
        check_room(path, values, packed=True)
        content = head + file.read(values + _FOOTER_BYTES)
        if len(content) < len(head) + values:
            refuse(path, f"{values} bytes of values", f"{len(content) - len(head)}")
        rest = file.read(2**20)  # tags
    image = nib.MGHImage.from_bytes(struct.pack(">i", 1) + content[4:])
    vectors = np.ascontiguousarray(np.asarray(image.dataobj, np.float32).transpose(2, 1, 0, 3))
    target = grid_of_affine(image.affine, tuple(shape[:3]))
    form = _warp_form(rest)
    if form != _DISPLACEMENT_RAS:
        names = {0: "voxels", 1: "displacements in voxels", 2: "positions in RAS"}
        wanted = "displacements in RAS (disp-ras)"
        refuse(path, wanted, names.get(form, str(form)), todo="convert it by mri_warp_convert --outmgzwarp disp-ras")
    return Transform.from_displacement(vectors, target, fixed_frame=ras(target), moving_frame=ras(target))


def _warp_form(tags: bytes) -> int:
    """What the warp's vectors are, by the tag that says so."""
    place = 0
    while True:
        (tag,) = struct.unpack_from(">i", tags, place)
        place += 4
        if tag == _GEOMETRY_TAG:
            place += 2 * len(_packed(Grid.plain((1, 1, 1))))
        elif tag not in _WITHOUT_LENGTH:
            (length,) = struct.unpack_from(">q", tags, place)
            place += 8
            if tag == _META_TAG:
                return int(struct.unpack_from(">i", tags, place)[0])
            if length < 0:
                raise ValueError("a tag of negative length")
            place += length
