"""Whatever a user may get wrong: exit code 2, one line that says what, and nothing written."""

import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from safetensors.numpy import save_file

import sarnet
from sarnet.images import Image, write_image

VERBS = [
    *("demo", "register", "apply", "invert", "compose", "jacobian", "points", "convert"),
    *("train", "benchmark", "cohort", "atlas", "evaluate", "data"),
]


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    """A folder of files that will not do."""
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "text.nii.gz").write_text("no image")
    (folder / "empty.png").write_bytes(b"")
    for name, shape in (("four", (6, 6, 6, 2)), ("volume", (6, 6, 6)), ("line", (8, 1, 1))):
        array = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        nibabel.save(nibabel.Nifti1Image(array, np.eye(4)), folder / f"{name}.nii.gz")
    write_image(Image.from_array(np.zeros((20, 20), np.float32)), folder / "flat.nii.gz")
    write_image(Image.from_array(np.ones((5, 6), np.uint8)), folder / "small.nii.gz")
    save_file({"weight": np.zeros(3, np.float32)}, folder / "foreign.safetensors")
    (folder / "broken.safetensors").write_text("no weights")
    (folder / "typo.toml").write_text("adaptt = 'none'\n")
    (folder / "range.toml").write_text("[adaptation]\nmost_iterations = 0\n")
    (folder / "broken.toml").write_text("adapt = \n")
    (folder / "full").mkdir()
    (folder / "full" / "mine.txt").write_text("mine")
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--fixed": "nowhere.nii.gz"}, "nowhere.nii.gz does not exist"),
        ({"--moving": "text.nii.gz"}, "text.nii.gz"),
        ({"--moving": "empty.png"}, "empty.png is damaged or in no known format"),
        ({"--fixed": "four.nii.gz"}, "has 4 axes"),
        ({"--fixed": "line.nii.gz"}, "is only a line"),
        ({"--fixed": "flat.nii.gz"}, "fixed is 0 everywhere, but must be an image with contrast"),
        ({"--moving": "volume.nii.gz"}, "fixed has 2 axes, but moving has 3: give two slices or two volumes"),
        ({"--fixed-mask": "small.nii.gz"}, "small.nii.gz has size (6, 5), but its image has"),
        ({"--fixed-labels": "small.nii.gz", "--moving-labels": "small.nii.gz"}, "small.nii.gz has size (6, 5)"),
        ({"--fixed-labels": "small.nii.gz"}, "moving_labels is missing, but labels are compared"),
        ({"--out": "text.nii.gz"}, "is a file, but must be a folder"),
        ({"--out": "full"}, "is not empty: choose another folder, or add --overwrite"),
        ({"--out": "text.nii.gz/out"}, "cannot be written"),
        (
            {"--model": "sarnet-cxr-initail"},
            "'sarnet-cxr-initail' is not known; released are sarnet-cxr, sarnet-cxr-initial",
        ),
        ({"--model": "2019"}, "'2019' is not known"),
        ({"--model": "nowhere.safetensors"}, "nowhere.safetensors does not exist"),
        ({"--model": "foreign.safetensors"}, "holds no weights of a generator"),
        ({"--model": "broken.safetensors"}, "cannot be read as a safetensors file"),
        ({"--config": "typo.toml"}, "'adaptt' is not a setting; did you mean 'adapt'?"),
        ({"--config": "range.toml"}, "adaptation.most_iterations"),
        ({"--config": "broken.toml"}, "is not TOML"),
        ({"--config": "nowhere.toml"}, "cannot be read: No such file"),
        ({"--adapt": "much"}, "'adapt'"),
        ({"--transform": "elastic"}, "'transform'"),
        ({"--transform": "rigid", "--set": "affine_start=false"}, "affine_start is false, but transform is 'rigid'"),
        ({"--threads": "0"}, "'threads'"),
        ({"--spacing": "1,x"}, "spacing is '1,x', but must be millimetres"),
        ({"--spacing": "-1"}, "spacing is '-1', but must be positive"),
        ({"--spacing": "1,1,1"}, "the image has 2 axes"),
        ({"--bids-name": "sub-01"}, "wanted entities that end in the spaces"),
        ({"--initial-transform": "nowhere.h5"}, "there is no such file"),
        ({"--initial-transform": "text.nii.gz"}, "wanted a whole NIfTI file"),
    ],
    ids=lambda value: " ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_register_refuses_in_one_line_and_writes_nothing(change, message, run, files, bad, tmp_path):
    words = {"--fixed": files / "fixed.nii.gz", "--moving": files / "moving.nii.gz", "--out": tmp_path / "out"}
    for option, value in change.items():
        is_file = "." in value or option == "--out"
        words[option] = bad / value if is_file else value
    before = sorted(path for path in tmp_path.rglob("*"))

    ran = run("register", *(word for option in words.items() for word in option))

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert ran.err.startswith("error: ")
    assert message in ran.err
    assert sorted(path for path in tmp_path.rglob("*")) == before


def test_process_ends_with_two_and_no_traceback(program, files, tmp_path):
    ran = program("register", "--fixed", tmp_path / "no.png", "--moving", files / "moving.png", "--out", tmp_path / "o")

    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"error: {tmp_path / 'no.png'} does not exist\n"


def test_missing_option_is_named(run):
    ran = run("register", "--fixed", "a.png")

    assert ran.code == 2
    assert "--moving" in ran.err


def test_option_that_is_read_once_is_not_taken_twice(run):
    ran = run("register", "--fixed", "a.png", "--reference", "b.png", "--moving", "c.png", "--out", "d")

    assert (ran.code, ran.err) == (2, "error: --fixed/--reference was given 2 times, but is read once: give one\n")


def test_version(run):
    assert run("--version") == (0, f"sarnet {sarnet.__version__}\n", "")


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb_does_not_wait_for_torch(verb):
    script = (
        "import sys; from sarnet.cli.main import main\n"
        f"sys.argv[1:] = [{verb!r}, '--help']\n"
        "try: main()\nexcept SystemExit as end: assert not end.code\n"
        "print('modules:', *{name.partition('.')[0] for name in sys.modules})"
    )

    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=True, timeout=120)

    words, _, modules = ran.stdout.rpartition("modules:")
    assert f" {verb} " in " ".join(words.split())
    assert {"torch", "SimpleITK", "matplotlib"}.isdisjoint(modules.split())


def test_help_lists_every_verb(run):
    listed = run("--help").out

    assert all(verb in listed for verb in VERBS)
