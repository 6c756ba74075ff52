import numpy as np
import pytest

from sarnet.errors import DataError, InputError
from sarnet.transforms import read_points, write_points

ANTS = 'x,y,z,t,label,comment\n1.5,-2,3,0,7,a\n4,5,-6.25,0,8,"b, c"\n'
VTK = b"# vtk DataFile Version 3.0\n%s\n%s\nDATASET POLYDATA\nPOINTS 2 float\n%s\nVERTICES 1 2\n1 0\n"
SHIFT = np.array([6.0, -4.0, 3.0])
POINTS = np.array([[1.5, -2, 3], [4, 5, -6.25]])


def test_nan_of_any_kind_is_refused_without_a_warning(tmp_path):
    numbers = np.array([0x7F800001, 0, 0, 0, 0, 0], ">u4").tobytes()  # a NaN that signals
    (tmp_path / "p.vtk").write_bytes(VTK % (b"points", b"BINARY", numbers))

    with pytest.raises(DataError, match="wanted finite coordinates"):
        read_points(tmp_path / "p.vtk", axes=3)


def test_csv_keeps_its_other_columns(tmp_path):
    (tmp_path / "p.csv").write_text(ANTS)

    points = read_points(tmp_path / "p.csv", axes=3)
    write_points(points.moved(points.points_world + 1), tmp_path / "q.csv")

    np.testing.assert_array_equal(points.points_world, POINTS)
    expected = 'x,y,z,t,label,comment\n2.500000,-1.000000,4.000000,0,7,a\n5.000000,6.000000,-5.250000,0,8,"b, c"\n'
    assert (tmp_path / "q.csv").read_text(encoding="utf-8") == expected


def test_columns_are_found_by_name(tmp_path):
    (tmp_path / "p.csv").write_text("label,Y,X\nleft,2,1\n")

    np.testing.assert_array_equal(read_points(tmp_path / "p.csv", axes=2).points_world, [[1, 2]])


def test_a_csv_without_a_header_begins_with_the_coordinates(tmp_path):
    (tmp_path / "p.csv").write_text("1,2,3\n4,5,6\n")

    points = read_points(tmp_path / "p.csv", axes=3)
    write_points(points, tmp_path / "q.csv")

    np.testing.assert_array_equal(points.points_world, [[1, 2, 3], [4, 5, 6]])
    assert np.loadtxt(tmp_path / "q.csv", delimiter=",").tolist() == [[1, 2, 3], [4, 5, 6]]


def test_no_points_stay_no_points(tmp_path):
    (tmp_path / "p.csv").write_text("x,y,z\n")

    points = read_points(tmp_path / "p.csv", axes=3)
    write_points(points, tmp_path / "q.csv")

    assert points.points_world.shape == (0, 3)
    assert (tmp_path / "q.csv").read_text(encoding="utf-8") == "x,y,z\n"


@pytest.mark.parametrize("title", [b"vtk output", b"3D Slicer output. SPACE=RAS"])
@pytest.mark.parametrize("kind", [b"ASCII", b"BINARY"])
def test_vtk_keeps_what_is_around_the_points(title, kind, tmp_path):
    turn = [-1, -1, 1] if b"RAS" in title else [1, 1, 1]
    stored = POINTS * turn
    numbers = stored.astype(">f4").tobytes() if kind == b"BINARY" else b"1.5 -2 3 4 5 -6.25"
    if b"RAS" in title and kind == b"ASCII":
        numbers = b"-1.5 2 3 -4 -5 -6.25"
    (tmp_path / "p.vtk").write_bytes(VTK % (title, kind, numbers))

    points = read_points(tmp_path / "p.vtk", axes=3)
    write_points(points.moved(points.points_world + SHIFT), tmp_path / "q.vtk")
    again = read_points(tmp_path / "q.vtk", axes=3)

    np.testing.assert_array_equal(points.points_world, POINTS)
    np.testing.assert_allclose(again.points_world, POINTS + SHIFT)
    assert (tmp_path / "q.vtk").read_bytes().endswith(b"\nVERTICES 1 2\n1 0\n")


def test_a_third_coordinate_stays_where_two_are_moved(tmp_path):
    (tmp_path / "p.vtk").write_bytes(VTK % (b"", b"ASCII", b"1 2 3 4 5 6"))

    points = read_points(tmp_path / "p.vtk", axes=2)

    np.testing.assert_array_equal(points.moved(np.zeros((2, 2))).points_world, [[0, 0, 3], [0, 0, 6]])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.csv", b"", "an empty file"),
        ("p.csv", b"a,b,c\n1,2,3\n", "wanted columns x, y, z, but came a, b, c"),
        ("p.csv", b"x,y,z\n1,2\n", "3 coordinates in every row"),
        ("p.csv", b"x,y,z\n1,2,nan\n", "finite coordinates"),
        ("p.csv", b"\xff\xfe\x00", "no text"),
        ("p.vtk", b"no vtk", "a legacy VTK file"),
        ("p.vtk", VTK % (b"", b"ASCII", b"1 2 3"), "6 numbers"),
        ("p.vtk", b"# vtk DataFile Version 3.0\n\nBINARY\nPOINTS 99999999 double\n\0\0", "299999997 numbers"),
    ],
)
def test_files_that_hold_no_points_are_refused(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(DataError, match=message):
        read_points(tmp_path / name, axes=3)


def test_points_stay_in_the_kind_of_file_they_came_in(tmp_path):
    (tmp_path / "p.csv").write_text(ANTS)

    with pytest.raises(InputError, match=r"ends in \.csv"):
        write_points(read_points(tmp_path / "p.csv", axes=3), tmp_path / "q.vtk")
    with pytest.raises(InputError, match="ends in one of"):
        read_points(tmp_path / "p.txt", axes=3)
    with pytest.raises(DataError, match="cannot be read"):
        read_points(tmp_path / "none.csv", axes=3)
