import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from sarnet.config import AntsSettings, AntsSynCcSettings
from sarnet.methods import AntsMethod
from sarnet.methods.ants import _to_ants, _to_world, _words
from sarnet.transforms import apply

ants = pytest.importorskip("ants")


@pytest.fixture(scope="module")
def method():
    return AntsMethod.find("syn", AntsSettings(), threads=1)


def test_labels_are_resampled_as_ants_does(pair, tmp_path):
    fixed, moving, labels = (_to_ants(image, ants) for image in (pair.fixed, pair.moving, pair.moving_labels))
    found = ants.registration(fixed, moving, "SyN", outprefix=f"{tmp_path}/")
    files = [Path(name) for name in found["fwdtransforms"]]

    warped = apply(
        _to_world(files, pair.fixed.grid), pair.moving_labels, pair.fixed.grid, interpolation="nearest", outside=0
    ).array

    wanted = ants.apply_transforms(fixed, labels, found["fwdtransforms"], interpolator="nearestNeighbor").numpy().T
    assert [path.name for path in files] == ["1Warp.nii.gz", "0GenericAffine.mat"]
    assert set(np.unique(warped)) == {0, 1, 2, 3}
    # a point on the edge between two voxels may round to either
    assert np.mean(warped != wanted) < 0.001


def test_cross_correlation_finds_the_shift_without_an_affine_start(shifted):
    fixed, moving, shift = shifted(2)

    found = AntsMethod.find("syncc", AntsSynCcSettings(), threads=1).register(fixed, moving, affine_start=False)

    body = fixed.array > 0.3 * fixed.array.max()
    np.testing.assert_allclose(found.transform.total_displacement()[body].mean(axis=0), shift, atol=0.4)


def test_nothing_is_printed_or_left_behind(pair, method, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = dict(os.environ)

    found = method.register(pair.fixed, pair.moving)

    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")
    assert dict(os.environ) == before
    assert found.seconds == pytest.approx(sum(found.seconds_by_stage.values()))


def test_every_setting_reaches_ants_by_its_own_name(pair, tmp_path):
    settings = AntsSettings(
        metric="CC", radius_voxels=2, iterations=(7, 3), step_voxels=0.3, flow_variance=2.0, total_variance=0.5
    )
    fixed, moving = (_to_ants(image, ants) for image in (pair.fixed, pair.moving))
    wanted = ants.registration(
        fixed,
        moving,
        "SyNOnly",
        outprefix=f"{tmp_path}/",
        syn_metric="CC",
        syn_sampling=2,
        reg_iterations=(7, 3),
        grad_step=0.3,
        flow_sigma=2.0,
        total_sigma=0.5,
    )

    found = AntsMethod.find("tuned", settings, threads=1).register(pair.fixed, pair.moving, affine_start=False)

    by_ants = _to_world([Path(wanted["fwdtransforms"][0])], pair.fixed.grid)
    assert np.abs(by_ants.displacement).max() > 1
    np.testing.assert_allclose(found.transform.displacement, by_ants.displacement, atol=1e-3)


def test_syncc_is_antspyxs_own_and_mutual_information_has_bins():
    assert _words(AntsSynCcSettings(), affine_start=True) == {"type_of_transform": "SyNCC"}

    words = _words(AntsSettings(bins=16), affine_start=True)

    assert words["type_of_transform"] == "SyN"
    assert (words["syn_metric"], words["syn_sampling"]) == ("mattes", 16)


def test_settings_tell_all_that_was_set_and_the_version(method):
    syncc = AntsMethod.find("syncc", AntsSynCcSettings(), threads=1)

    assert method.settings["iterations"] == [40, 20, 0]
    assert method.settings["version"].startswith("antspyx 0.")
    assert syncc.settings.keys() == {"engine", "threads", "seed", "version"}
