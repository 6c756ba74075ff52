import pytest

pytest.importorskip("distributed", reason="needs sarnet[cohort]")


@pytest.fixture
def table(files, tmp_path):
    """Two images."""
    path = tmp_path / "images.csv"
    path.write_text(f"image\n{files}/fixed.nii.gz\n{files}/moving.nii.gz\n")
    return path


def test_scheduler_that_cannot_be_reached_leaves_no_folder(run, table, tmp_path):
    ran = run("atlas", table, "--out", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9")

    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "scheduler tcp://127.0.0.1:9 cannot be reached" in ran.err
    assert not (tmp_path / "out").exists()


def test_other_initial_template_is_refused_on_resuming(run, table, files, cluster, tmp_path):
    words = ("atlas", table, "--out", tmp_path / "out", "--rounds", 1, "--transform", "affine", "--no-report")
    words = (*words, "--scheduler", cluster.address, "--initial")

    first = run(*words, files / "fixed.nii.gz")
    other = run(*words, files / "moving.nii.gz", "--resume")
    same = run(*words, files / "fixed.nii.gz", "--resume")

    assert (first.code, other.code, same.code) == (0, 2, 0)
    assert f"was begun with initial = {files / 'fixed.nii.gz'}, now {files / 'moving.nii.gz'}" in other.err
    assert first.out == same.out
