import numpy as np
import pytest

from sarnet.benchmark.livers import liver_cases
from sarnet.config import BenchmarkSettings
from sarnet.errors import DataError
from sarnet.images import Image, write_image

HEAD = "# vtk DataFile Version 3.0\nvtk output\nASCII\nDATASET POLYDATA\n"


def _points(path, points):
    lines = "\n".join(" ".join(map(str, point)) for point in points)
    path.write_text(f"{HEAD}POINTS {len(points)} float\n{lines}\nVERTICES 1 2\n1 0\n")


@pytest.fixture
def livers(tmp_path):
    """Two subjects, the second with two inhale phases, one of them with a wrong header."""
    for subject, phases in (("a", ["cyc_1"]), ("b", ["cyc_1", "cyc_2"])):
        folder = tmp_path / subject
        folder.mkdir()
        for phase in ("exhMaster_unmasked", *phases):
            spacing = (1.5, 1.5, 5.0 if phase == "cyc_2" else 4.0)
            image = Image.from_array(np.zeros((4, 5, 6), np.float32), spacing=spacing)
            write_image(image, folder / f"{phase}.force_direction.mha")
        for shift, phase in enumerate(("exhMaster", *phases)):
            _points(folder / f"{phase}LMliver.vtk", [(1.5 + shift, 3, 4), (3, 4.5, 8)])
            _points(folder / f"{phase}LMoutside.vtk", [(6, 4.5, 12)])
    return tmp_path


def test_every_inhale_is_registered_to_exhale(livers):
    cases = liver_cases(BenchmarkSettings(protocol="liver", data=livers))

    assert [case.name for case in cases] == ["a exhale<-cyc_1", "b exhale<-cyc_1", "b exhale<-cyc_2"]
    landmarks = cases[2].load().landmarks
    np.testing.assert_array_equal(landmarks.fixed, [(1.5, 3, 4), (3, 4.5, 8), (6, 4.5, 12)])
    np.testing.assert_array_equal(landmarks.moving - landmarks.fixed, [(2, 0, 0), (0, 0, 0), (0, 0, 0)])


def test_spacing_is_that_of_exhale(livers):
    pair = liver_cases(BenchmarkSettings(protocol="liver", data=livers))[2].load()

    assert pair.moving.grid.spacing == pair.fixed.grid.spacing == (1.5, 1.5, 4.0)


def test_half_is_of_the_subjects(livers):
    cases = liver_cases(BenchmarkSettings(protocol="liver", data=livers, subjects="first"))

    assert [case.name for case in cases] == ["a exhale<-cyc_1"]


def test_what_is_missing_is_told(livers, tmp_path):
    _points(livers / "a" / "cyc_1LMoutside.vtk", [(6, 4.5, 12), (0, 0, 0)])
    (livers / "b" / "cyc_1LMliver.vtk").write_text(HEAD)
    cases = liver_cases(BenchmarkSettings(protocol="liver", data=livers))

    with pytest.raises(DataError, match="cyc_1 has 4 landmarks, exhale 3"):
        cases[0].load()
    with pytest.raises(DataError, match=r"cyc_1LMliver\.vtk: wanted"):
        cases[1].load()
    with pytest.raises(DataError, match=r"holds no folder with exhMaster_unmasked"):
        liver_cases(BenchmarkSettings(protocol="liver", data=tmp_path / "a"))
