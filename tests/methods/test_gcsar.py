from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from sarnet.config import BenchmarkSettings, GcSarSettings, RegistrationSettings
from sarnet.errors import ConfigError, InputError
from sarnet.fields import bspline_field, warp
from sarnet.images import Grid, Image
from sarnet.methods import GcSarMethod, build_methods
from sarnet.methods.gcsar import _offsets, _pairwise, _whole, find_by_cuts
from sarnet.registration import ComparedPair

QUICK = GcSarSettings(control_spacing_voxels=(16, 8), step_voxels=(1.5, 0.5), classes=2, cycles=2)


def _pair(displacement):
    """A texture, and itself moved so that the field leads back."""
    texture = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(64, 64)), 3)
    image = torch.from_numpy((texture - texture.min()) / np.ptp(texture)).float()[None, None]
    return ComparedPair(
        fixed=warp(image, displacement), moving=image, weight=torch.ones_like(image), grid=Grid.plain((64, 64))
    )


def test_shift_comes_back():
    wanted = torch.tensor([2.5, -1.5]).view(1, 2, 1, 1).expand(1, 2, 64, 64)

    found = find_by_cuts(_pair(wanted), QUICK)

    inner = (slice(None), slice(None), slice(8, -8), slice(8, -8))
    assert float((found - wanted)[inner].norm(dim=1).mean()) < 0.35


def test_images_with_fewer_intensities_than_classes_are_brought_together():
    wanted = torch.tensor([3.0, -3.0]).view(1, 2, 1, 1).expand(1, 2, 64, 64)
    pair = _pair(wanted)
    black_or_white = replace(pair, fixed=(pair.fixed > 0.5).float(), moving=(pair.moving > 0.5).float())

    found = find_by_cuts(black_or_white, QUICK.model_copy(update={"classes": 3}))

    before, after = (
        float((black_or_white.fixed - warp(black_or_white.moving, field)).abs().mean()) for field in (0 * found, found)
    )
    assert after < 0.7 * before


def test_most_of_a_bspline_comes_back():
    controls = torch.rand(1, 2, 7, 7, generator=torch.Generator().manual_seed(1)) * 8 - 4
    wanted = bspline_field(controls, (64, 64), spacing=16, origin=-16)

    found = find_by_cuts(_pair(wanted), QUICK)

    assert float((found - wanted).norm(dim=1).mean()) < 0.4 * float(wanted.norm(dim=1).mean())


def test_pair_that_fits_stays_where_it_is():
    found = find_by_cuts(_pair(torch.zeros(1, 2, 64, 64)), QUICK)

    assert float(found.abs().max()) == 0


def test_neighbours_pay_for_displacement_and_class():
    offsets = torch.tensor([[0.0, 0.0], [3.0, 4.0], [30.0, 40.0]])
    settings = GcSarSettings(classes=2, smoothness=0.01, truncation=8.0, class_smoothness=0.03)

    costs = _whole(_pairwise(offsets, 1.0, settings.classes, settings)) / 10_000

    assert costs[0, 2] == pytest.approx(0.05)  # five voxels, the same class
    assert costs[0, 3] == pytest.approx(0.08)  # and another one
    assert costs[0, 4] == pytest.approx(0.08)  # eight voxels at most
    assert costs[0, 1] == pytest.approx(0.03)


def test_field_goes_to_the_world(shifted):
    fixed, moving, shift = shifted(2)
    method = GcSarMethod(name="gcsar", gcsar=QUICK, registration=RegistrationSettings(threads=1))

    found = method.register(fixed, moving, affine_start=False)

    body = fixed.array > 0.3 * fixed.array.max()
    np.testing.assert_allclose(found.transform.total_displacement()[body].mean(axis=0), shift, atol=1.0)
    assert list(found.seconds_by_stage) == ["resampling", "graph cuts", "to world"]


def test_voxels_without_a_value_count_as_the_lowest_in_the_affine_start_too(shifted):
    fixed, moving, _ = shifted(2)
    broken = replace(fixed, array=fixed.array.copy())
    broken.array[0, 0] = np.nan
    method = GcSarMethod(name="gcsar", gcsar=QUICK, registration=RegistrationSettings(threads=1))

    found, wanted = (method.register(image, moving).transform for image in (broken, fixed))

    np.testing.assert_allclose(found.total_displacement(), wanted.total_displacement(), atol=0.5)


@pytest.mark.parametrize("smoothness", [0.001, 0.0025, 0.0037, 0.01])
@pytest.mark.parametrize("step", [0.5, 1.5, 3.0, 4.0])
def test_whole_costs_of_neighbours_are_a_metric(smoothness, step):
    settings = GcSarSettings(smoothness=smoothness)
    costs = _whole(_pairwise(_offsets(step, 3), step, settings.classes, settings))

    detours = (costs[:, :, None] + costs[None]).min(axis=1)

    assert (costs <= detours).all()
    assert costs.max() > 0


def test_volumes_are_refused():
    volume = Image.from_array(np.random.default_rng(0).random((6, 7, 8)), spacing=(1.0, 1.0, 1.0))
    method = GcSarMethod(name="gcsar", gcsar=QUICK, registration=RegistrationSettings())

    with pytest.raises(InputError, match="fixed has three axes, but this method deforms images of two"):
        method.register(volume, volume)


def test_a_step_for_each_level_is_wanted():
    with pytest.raises(ValueError, match="control_spacing_voxels has 2 levels, but step_voxels 1"):
        GcSarSettings(control_spacing_voxels=(16, 8), step_voxels=(1.0,))


def test_it_is_built_by_name_and_peers_by_theirs(tmp_path):
    settings = BenchmarkSettings(protocol="brain2d", data=tmp_path, methods=("gcsar",), engines={"gcsar": QUICK})

    (method,) = build_methods(settings)

    assert method.settings["step_voxels"] == [1.5, 0.5]
    with pytest.raises(ConfigError, match=r"peers \['gcsar'\] have the names of other methods"):
        build_methods(settings.model_copy(update={"peers": {"gcsar": tmp_path}}))
    with pytest.raises(ConfigError, match=r"unmagnified names \['dirnet'\], but must name peers"):
        build_methods(settings.model_copy(update={"unmagnified": ("dirnet",)}))
