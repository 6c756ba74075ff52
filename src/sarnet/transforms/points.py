"""Point sets in files: CSV with columns x, y[, z], and VTK's legacy format. All else in the file stays as it was."""

import csv
import io
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sarnet.errors import DataError, InputError
from sarnet.images.whole import write_whole_by
from sarnet.transforms.refusal import ending_of, refuse

_FILES = (".csv", ".vtk")
_POINTS = re.compile(rb"^[ \t]*POINTS[ \t]+(\d+)[ \t]+(float|double)[ \t]*\r?\n", re.MULTILINE)
_VTK_TYPES = {b"float": ">f4", b"double": ">f8"}


@dataclass(frozen=True, kw_only=True, eq=False)
class PointSet:
    """Points and the file around them."""

    points_world: Float[np.ndarray, "point axis"]
    """LPS millimetres, x first."""

    rows: tuple[tuple[str, ...], ...] = ()
    """CSV alone: the cells, the header's among them."""
    columns: tuple[int, ...] = ()
    """CSV alone: where x, y[, z] stand."""
    has_header: bool = False

    before: bytes = b""
    """VTK alone: what stands before the numbers, and after them."""
    after: bytes = b""
    number: bytes = b"float"
    is_binary: bool = False
    is_ras: bool = False
    """VTK alone: whether its title says SPACE=RAS."""

    def moved(self, points_world: Float[np.ndarray, "point axis"]) -> "PointSet":
        """Return the same file around other points; of points of two axes, a third coordinate stays."""
        moved = self.points_world.copy()
        moved[:, : points_world.shape[1]] = points_world
        return replace(self, points_world=moved)


def read_points(path: Path | str, *, axes: int) -> PointSet:
    """Read points in LPS millimetres.

    A CSV has columns named x, y and, for three axes, z (as ANTs has it), or no header and the coordinates first. A VTK
    file counts in LPS unless its title says ``SPACE=RAS``, as 3D Slicer writes it.

    Args:
        path: Ends in ``.csv`` or ``.vtk``.
        axes: How many coordinates are wanted; VTK's third stays as it is where two are.

    Raises:
        InputError: If the ending is another.
        DataError: If the file is missing, damaged, or has not as many coordinates.
    """
    path = Path(path)
    ending = ending_of(path, _FILES)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: wanted points, but it cannot be read ({error.strerror}): check the path") from error
    found = _csv(path, content, axes) if ending == ".csv" else _vtk(path, content)
    if not np.isfinite(found.points_world).all():
        refuse(path, "finite coordinates", "NaN or infinity")
    return found


def write_points(points: PointSet, path: Path | str) -> None:
    """Write points in the format that they came in.

    Raises:
        InputError: If the ending is not that of the file they came from.
        DataError: If the file cannot be written.
    """
    path = Path(path)
    ending = ending_of(path, _FILES)
    if (ending == ".csv") != bool(points.columns):
        came = ".csv" if points.columns else ".vtk"
        raise InputError(f"{path}: the points came from a {came} file, so wanted a name that ends in {came}")
    content = _csv_content(points) if points.columns else _vtk_content(points)
    write_whole_by(path, lambda temporary: temporary.write_bytes(content), ending=ending)


def _csv(path: Path, content: bytes, axes: int) -> PointSet:
    try:
        rows = [tuple(row) for row in csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))]
    except (UnicodeDecodeError, csv.Error):
        refuse(path, "a CSV of points", "a file that is no text")
    rows = [row for row in rows if row]
    names = [cell.strip().lower() for cell in rows[0]] if rows else []
    has_header = bool(rows) and not all(_is_number(cell) for cell in rows[0][:axes])
    wanted = "xyz"[:axes]
    if not rows or (has_header and not set(wanted) <= set(names)):
        refuse(path, f"columns {', '.join(wanted)}", f"{', '.join(names) or 'an empty file'}")
    columns = tuple(names.index(letter) for letter in wanted) if has_header else tuple(range(axes))
    try:
        numbers = [[float(row[column]) for column in columns] for row in rows[has_header:]]
    except (ValueError, IndexError):
        refuse(path, f"{axes} coordinates in every row", "a row without")
    points = np.array(numbers).reshape(-1, axes)
    return PointSet(points_world=points, rows=tuple(rows), columns=columns, has_header=has_header)


def _csv_content(points: PointSet) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(points.rows[: points.has_header])
    for row, point in zip(points.rows[points.has_header :], points.points_world):
        cells = list(row)
        for column, coordinate in zip(points.columns, point):
            cells[column] = f"{coordinate:.6f}"
        writer.writerow(cells)
    return text.getvalue().encode()


def _vtk(path: Path, content: bytes) -> PointSet:
    lines = content.split(b"\n", 3)
    found = _POINTS.search(content)
    kind = lines[2].strip().upper() if len(lines) == 4 else b""
    if not lines[0].startswith(b"# vtk DataFile") or kind not in (b"ASCII", b"BINARY") or found is None:
        refuse(path, "a legacy VTK file with POINTS", "another kind of file")
    count, number = 3 * int(found[1]), found[2]
    if kind == b"BINARY":
        after = found.end() + count * np.dtype(_VTK_TYPES[number]).itemsize
        values = np.frombuffer(content[found.end() : after], np.uint8)
        if after > len(content):
            refuse(path, f"{count} numbers", "a file that breaks off")
        with np.errstate(invalid="ignore"):  # NaN of another kind, and that is refused
            numbers = values.view(_VTK_TYPES[number]).astype(np.float64)
    else:
        words = list(re.finditer(rb"\S+", content[found.end() :])) if count else []
        try:
            numbers = np.array([float(word[0]) for word in words[:count]])
        except ValueError:
            numbers = np.zeros(0)
        if len(numbers) < count:
            refuse(path, f"{count} numbers", "a file with fewer")
        after = found.end() + (words[count - 1].end() if count else 0)
    is_ras = b"SPACE=RAS" in lines[1].upper().replace(b" ", b"")
    points = numbers.reshape(-1, 3) * ([-1, -1, 1] if is_ras else [1, 1, 1])
    return PointSet(
        points_world=points,
        before=content[: found.end()],
        after=content[after:],
        number=number,
        is_binary=kind == b"BINARY",
        is_ras=is_ras,
    )


def _vtk_content(points: PointSet) -> bytes:
    numbers = points.points_world * ([-1, -1, 1] if points.is_ras else [1, 1, 1])
    if points.is_binary:
        written = numbers.astype(_VTK_TYPES[points.number]).tobytes()
    else:
        written = "\n".join(" ".join(f"{number:.6f}" for number in row) for row in numbers).encode()
    return points.before + written + points.after


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
