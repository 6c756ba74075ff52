"""The program, run in this process or as one of its own, and files small enough to be registered often."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from sarnet.cli.main import main
from sarnet.images import Image, normalise, sample_pair, write_image

PROGRAM = [sys.executable, "-c", "from sarnet.cli.main import main; main()"]


class Ran(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


class Demo(NamedTuple):
    """The demo as a user runs it."""

    folder: Path
    ran: Ran
    seconds: float


Run = Callable[..., Ran]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`run("apply", "--out", path)`: the program in this process."""

    def call(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["sarnet", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Ran(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def program() -> Run:
    """The same as a process of its own."""

    def call(*words: object) -> Ran:
        ran = subprocess.run(
            [*PROGRAM, *map(str, words)], capture_output=True, encoding="utf-8", timeout=300, check=False
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    return call


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory, program: Run) -> Demo:
    folder = tmp_path_factory.mktemp("demo") / "out"
    begin = time.perf_counter()
    ran = program("demo", "--out", folder)
    return Demo(folder, ran, time.perf_counter() - begin)


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the packaged slices at half the size: fixed, moving, their labels, and pictures of both images."""
    folder = tmp_path_factory.mktemp("pair")
    pair = sample_pair(2)
    for name, image in pair._asdict().items():
        half = Image.from_array(image.array[::2, ::2], spacing=(2.0, 2.0))
        write_image(half, folder / f"{name}.nii.gz")
        if "labels" not in name:
            write_image(Image.from_array(np.round(255 * normalise(half.array))), folder / f"{name}.png")
    (folder / "text.nii.gz").write_text("no image")
    (folder / "notes.txt").write_text("no image")
    return folder
