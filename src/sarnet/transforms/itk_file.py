"""ITK's own transform files: HDF5, text and MATLAB's, read part by part and checked before any memory is taken."""

import math
import struct
import tempfile
from pathlib import Path
from typing import NamedTuple, TypeVar

import h5py
import numpy as np
import SimpleITK as sitk
from jaxtyping import Float

from sarnet.errors import DataError, SarnetError
from sarnet.images.grid import Grid
from sarnet.transforms.compose import compose
from sarnet.transforms.refusal import check_room, refuse, unreadable
from sarnet.transforms.transform import Transform

AFFINE_FILES = (".tfm", ".txt", ".mat")

_HDF5_ERRORS = (OSError, KeyError, ValueError, RuntimeError, OverflowError, struct.error)
"""What h5py raises at bytes that are not as they were written, and what reading its heap of strings can."""

_HEAP_BYTES = 2**16  # of 4096 bytes each as ITK writes them
_GRIDDED = ("DisplacementField", "BSpline")  # their fixed parameters say how many parameters there are


_SAME_PARAMETERS = ("MatrixOffsetTransformBase", "AffineTransform")
"""What ITK-SNAP, c3d and older ANTs write, and the class of the same parameters that SimpleITK has."""

_Item = TypeVar("_Item", h5py.Group, h5py.Dataset)


class Part(NamedTuple):
    """One transform as ITK stores it."""

    kind: str
    """``AffineTransform_double_3_3``: the class, the precision, the axes of both spaces."""
    parameters: Float[np.ndarray, " parameter"]
    fixed: Float[np.ndarray, " fixed"]

    @property
    def axes(self) -> int:
        """Number of axes, zero where the kind does not say."""
        number = self.kind.rpartition("_")[2]
        return int(number) if number.isdecimal() else 0


def read_itk(path: Path, ending: str, grid: Grid | None) -> Transform:
    """Read a transform or a composite of several.

    Args:
        path: The file.
        ending: ``.h5``, ``.tfm``, ``.txt`` or ``.mat``.
        grid: Grid of the fixed image; left out, that of the first field.

    Raises:
        DataError: If the file is damaged, holds what is no transform, or has other axes than ``grid``.
    """
    parts = {".h5": _hdf5, ".mat": _matlab}.get(ending, _text)(path)
    if parts and parts[0].kind.startswith("CompositeTransform"):
        parts = parts[:0:-1]  # the last added acts first
        axes = grid.dimension if grid else (parts[0].axes if parts else 0)
    elif len(parts) == 1:
        axes = parts[0].axes
    else:
        refuse(path, "one transform or a composite", f"{len(parts)} transforms")
    if axes not in (2, 3):
        refuse(path, "a transform of two or three axes", f"one of {axes}")
    for part in parts:
        _check(path, part, grid.dimension if grid else axes)
    try:
        read = [_field(part) if "DisplacementField" in part.kind else _as_itk(path, part) for part in parts]
        if not all(isinstance(each, Transform) or each.IsLinear() for each in read):
            return _on(grid, read, path)
        nowhere = Grid.plain((1,) * axes)
        known = [each if isinstance(each, Transform) else Transform.from_itk(each, nowhere) for each in read]
        place = grid or next((each.grid for each in known if each.displacement is not None), nowhere)
        return compose(Transform.identity(place), *known)
    except DataError:
        raise
    except SarnetError as error:
        refuse(path, "a usable transform", str(error), todo="write the file anew")


def _check(path: Path, part: Part, axes: int) -> None:
    if part.axes != axes:
        refuse(path, f"a transform of {axes} axes", f"one of {part.axes}")
    if not (np.isfinite(part.parameters).all() and np.isfinite(part.fixed).all()):
        refuse(path, "finite displacements and matrices", f"NaN or infinity in {part.kind}")
    if any(name in part.kind for name in _GRIDDED):
        sizes = part.fixed[:axes]
        if len(part.fixed) != axes * (axes + 3) or min(sizes, default=0) < 1:
            refuse(path, f"{axes * (axes + 3)} fixed parameters that begin with a size", f"{len(part.fixed)}")
        if float(np.prod(sizes)) * axes != len(part.parameters):
            wanted = " x ".join(f"{size:g}" for size in sizes)
            refuse(path, f"a vector for each of {wanted} places", f"{len(part.parameters)} numbers")


def _on(grid: Grid | None, parts: list[Transform | sitk.Transform], path: Path) -> Transform:
    """What parts with a spline among them come to at the voxels of a grid, wherever the others lead these."""
    if grid is None:
        todo = "make a field of it on the grid of the fixed image (sarnet convert --to itk --reference)"
        refuse(path, "a field or an affine map", "a transform that has no grid of its own", todo=todo)
    whole = [each.to_itk() if isinstance(each, Transform) else each for each in parts]
    return Transform.from_itk(sitk.CompositeTransform(whole[::-1]), grid)  # the last acts first


def _field(part: Part) -> Transform:
    own = _grid(part)
    return Transform.identity(own).with_displacement(part.parameters.reshape(*own.shape, own.dimension))


def _grid(part: Part) -> Grid:
    n = part.axes
    numbers = part.fixed.tolist()
    size = tuple(int(number) for number in numbers[:n])
    origin, spacing, direction = numbers[n : 2 * n], numbers[2 * n : 3 * n], numbers[3 * n :]
    return Grid(size=size, origin=tuple(origin), spacing=tuple(spacing), direction=tuple(direction))


def _as_itk(path: Path, part: Part) -> sitk.Transform:
    """What the parameters mean, ITK knows best: hand them over as the text that it would write."""
    kind = part.kind.replace(*_SAME_PARAMETERS)
    lines = ["#Insight Transform File V1.0", "#Transform 0", f"Transform: {kind}"]
    lines += [f"Parameters: {_numbers(part.parameters)}", f"FixedParameters: {_numbers(part.fixed)}", ""]
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "part.tfm"
        text.write_text("\n".join(lines), encoding="utf-8")
        try:
            itk: sitk.Transform = sitk.ReadTransform(str(text))
        except RuntimeError:
            refuse(path, "a transform that ITK knows", repr(part.kind[:80]))
    return itk


def _numbers(values: np.ndarray) -> str:
    return " ".join(repr(float(value)) for value in values)


def _hdf5(path: Path) -> list[Part]:
    with path.open("rb") as file:
        if file.read(8) != b"\x89HDF\r\n\x1a\n":
            refuse(path, "an HDF5 file", "another kind of file")
    try:
        with h5py.File(path, "r") as file:
            group = _hdf5_item(path, file, "TransformGroup", h5py.Group)
            return [_hdf5_part(path, _hdf5_item(path, group, name, h5py.Group)) for name in sorted(group, key=int)]
    except DataError:
        raise
    except _HDF5_ERRORS as error:
        unreadable(path, "an ITK transform in a whole HDF5 file", error)


def _hdf5_item(path: Path, group: h5py.Group, name: str, kind: type[_Item]) -> _Item:
    item = group[name]
    if not isinstance(item, kind):
        refuse(path, f"{name} to be a {kind.__name__.lower()}", f"a {type(item).__name__.lower()}")
    return item


def _hdf5_part(path: Path, group: h5py.Group) -> Part:
    kind = _hdf5_text(path, _hdf5_item(path, group, "TransformType", h5py.Dataset))
    # ITK before 4.5 had a slip of the pen in two names
    spelt = [name if name in group else name.replace("Transform", "Tranform", 1) for name in _HDF5_NAMES]
    found = [_hdf5_item(path, group, name, h5py.Dataset) if name in group else None for name in spelt]
    for each in found:
        if each is not None:
            check_room(path, max(each.size, math.prod(each.chunks or ())) * 8, packed=True)
    parameters, fixed = (np.zeros(0) if each is None else np.asarray(each[()], np.float64).ravel() for each in found)
    return Part(kind, parameters, fixed)


_HDF5_NAMES = ("TransformParameters", "TransformFixedParameters")


def _hdf5_text(path: Path, dataset: h5py.Dataset) -> str:
    """The first string of a data set.

    One of variable length lies in a heap of the file. Where that is damaged, HDF5 takes gigabytes for it or never comes
    back, so it is read here: https://docs.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html, section III.E.
    """
    if not dataset.size:
        refuse(path, "the name of a transform", "no text")
    if dataset.dtype.kind == "S":
        return str(dataset[()].flat[0].decode())
    offset = dataset.id.get_offset()
    if offset is None:  # in pieces, perhaps compressed, as ITK never writes it
        refuse(path, "the name of a transform as ITK writes it", "one in another layout")
    with path.open("rb") as file:
        file.seek(offset)
        length, address, wanted = struct.unpack("<IQI", file.read(16))
        file.seek(address)
        heap = file.read(_HEAP_BYTES)
    place = 16  # after the heap's own head
    while True:
        index, size = struct.unpack_from("<H6xQ", heap, place)
        place += 16
        if index == wanted:
            return heap[place : place + min(length, size)].decode()
        place += -(-size // 8) * 8


def _text(path: Path) -> list[Part]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if not lines or not lines[0].startswith("#Insight Transform File"):
        refuse(path, "an ITK transform", "a text that does not begin with '#Insight Transform File'")
    parts: list[Part] = []
    for line in lines[1:]:
        key, _, value = line.partition(":")
        if key == "Transform":
            parts.append(Part(value.strip(), np.zeros(0), np.zeros(0)))
        elif key in ("Parameters", "FixedParameters"):
            try:
                numbers = np.array([float(word) for word in value.split()])
            except ValueError:
                refuse(path, f"numbers after {key}", repr(value.strip()[:40]))
            if not parts:
                refuse(path, "a line with the kind of the transform", "its parameters before that")
            last = parts[-1]
            parts[-1] = last._replace(parameters=numbers) if key == "Parameters" else last._replace(fixed=numbers)
    return parts


def _matlab(path: Path) -> list[Part]:
    """Two matrices of MATLAB's version 4: the parameters, named after the kind, and the fixed ones."""
    content, place, found = path.read_bytes(), 0, {}
    while place + 20 <= len(content):
        kind, rows, columns, imaginary, length = struct.unpack_from("<5i", content, place)
        number = {0: "<f8", 10: "<f4"}.get(kind)
        bytes_wanted = rows * columns * (8 if kind == 0 else 4)
        if number is None or imaginary or rows < 0 or columns < 0 or not 0 < length <= 256:
            refuse(path, "an ITK transform", "a file that is none of MATLAB's version 4")
        start = place + 20 + length
        if start + bytes_wanted > len(content):
            refuse(path, f"a matrix of {rows} x {columns}", "a file that breaks off")
        name = content[place + 20 : start].rstrip(b"\0").decode("latin-1")
        found[name] = np.frombuffer(content, number, rows * columns, start).astype(np.float64)
        place = start + bytes_wanted
    fixed = found.pop("fixed", np.zeros(0))
    return [Part(name, parameters, fixed) for name, parameters in found.items()]
