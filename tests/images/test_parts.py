from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.images import parts


def test_image_is_its_file_alone(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")

    assert parts(tmp_path / "a.png") == (tmp_path / "a.png",)


def test_folder_is_the_files_in_it(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    for name in ("2.dcm", "1.dcm"):
        (tmp_path / name).write_bytes(b"")

    assert parts(tmp_path) == (tmp_path / "1.dcm", tmp_path / "2.dcm")


@pytest.mark.parametrize(("header", "values"), [("a.mhd", "a.raw"), ("a.nhdr", "a.raw"), ("a.hdr", "a.img")])
def test_header_has_its_values_in_a_file_beside(header: str, values: str, tmp_path: Path) -> None:
    image = sitk.GetImageFromArray(np.ones((2, 3, 4), np.float32))
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(tmp_path / header))
    writer.SetUseCompression(False)
    writer.Execute(image)

    assert parts(tmp_path / header) == (tmp_path / header, tmp_path / values)


def test_header_that_holds_its_values_stands_alone(tmp_path: Path) -> None:
    sitk.WriteImage(sitk.GetImageFromArray(np.ones((2, 3), np.float32)), str(tmp_path / "a.mha"))

    assert parts(tmp_path / "a.mha") == (tmp_path / "a.mha",)
