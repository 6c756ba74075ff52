"""Every example of docs/transforms.md, run where its tool is installed."""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sarnet.cli.main import main
from sarnet.images import Grid, Image, read_image, write_image
from sarnet.transforms import Transform, apply, write_displacement, write_transform
from sarnet.transforms.files import FORMATS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "transforms.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^### (.*?)\n(.*?)(?=^##)", TEXT, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """fixed.nii.gz, moving.nii.gz and what a registration of them writes: here, a known transform."""
    c, s = np.cos(0.3), np.sin(0.3)
    grid = Grid(
        size=(30, 26, 20), spacing=(1.5, 2.0, 3.0), origin=(5.0, -20.0, 7.0), direction=(-c, s, 0, s, c, 0, 0, 0, 1)
    )
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    points = index @ grid.voxel_to_world().T + np.array(grid.origin)
    from_middle = np.linalg.norm((index - np.array(grid.shape) / 2) / np.array(grid.shape), axis=-1)
    bright = np.where(from_middle < 0.35, 100 * np.exp(-8 * from_middle**2) + 9 * np.sin(points[..., 0] / 4), 0)
    image = Image(array=bright.astype(np.float32), grid=grid)
    shift = Transform(grid=grid, matrix=np.eye(3), translation=np.array([3.0, -2.0, 1.5]))
    transform = shift.with_displacement(1.5 * np.sin(points / 12 + [0, 1, 2]))
    (tmp_path / "out").mkdir()
    write_image(image, tmp_path / "fixed.nii.gz")
    write_image(image, tmp_path / "moving.nii.gz")
    write_transform(transform, tmp_path / "out" / "transform.h5")
    write_displacement(transform, tmp_path / "out" / "displacement.nii.gz")
    write_image(apply(transform, image, grid, interpolation="linear", outside=0), tmp_path / "expected.nii.gz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_shell(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in block.strip().splitlines():
        program, *words = shlex.split(line)
        if program == "sarnet":
            monkeypatch.setattr(sys, "argv", [program, *words])
            with pytest.raises(SystemExit) as end:
                main()
            assert not end.value.code
        elif shutil.which(program):
            subprocess.run([program, *words], check=True)


def run_python(block: str) -> None:
    imports = re.findall(r"^(?:import|from) (\w+)", block, flags=re.MULTILINE)
    if all(importlib.util.find_spec(name) for name in imports):
        exec(compile(block, "docs/transforms.md", "exec"), {})  # our own file, and the point of the test


@pytest.mark.filterwarnings("ignore")  # of the tools
@pytest.mark.parametrize(("name", "section"), SECTIONS, ids=[name for name, _ in SECTIONS])
def test_examples_make_the_image_of_sarnet_apply(name, section, folder, monkeypatch):
    # surfa 0.6 calls a function that newer NumPy has under this name alone
    monkeypatch.setattr(np, "fromstring", lambda text, dtype: np.frombuffer(text, dtype).copy())
    expected, ran = read_image("expected.nii.gz"), 0

    for language, block in re.findall(r"```(sh|python)\n(.*?)```", section, flags=re.DOTALL):
        Path("warped.nii.gz").unlink(missing_ok=True)
        if language == "sh":
            run_shell(block, monkeypatch)
        else:
            run_python(block)
        if Path("warped.nii.gz").exists():
            ran += 1
            apart = np.abs(read_image("warped.nii.gz").array - expected.array)
            assert apart.mean() < 1e-3 * expected.array.max()

    if not ran:
        pytest.skip(f"nothing of {name} is installed")


def test_every_format_has_a_line() -> None:
    assert set(re.findall(r"^\| `([a-z0-9][a-z0-9-]*)` \|", TEXT, flags=re.MULTILINE)) == set(FORMATS)
