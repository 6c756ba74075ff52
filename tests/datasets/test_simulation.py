import numpy as np
import pytest
import torch
from scipy import ndimage

from sarnet.config import SimulationSettings
from sarnet.datasets import applied_field, largest_voxels, simulate_pair
from sarnet.errors import InputError
from sarnet.fields import warp

SPACES = [pytest.param((64, 48), id="2d"), pytest.param((24, 28, 32), id="3d")]
WIDE = SimulationSettings(control_spacing_voxels=(64.0, 128.0), peak_voxels=(12.0, 16.0))


def _chance(seed=0):
    return torch.Generator().manual_seed(seed)


def _image(rng, space, *, batch=1):
    """Smooth enough that what interpolation loses is small."""
    noise = rng.normal(size=(batch, 1, *space))
    smooth = ndimage.gaussian_filter(noise, [0, 0, *[2] * len(space)])
    return torch.from_numpy(smooth / smooth.std()).float()


def _inner(field, margin=6):
    return field[(..., *[slice(margin, -margin)] * (field.ndim - 2))]


def _rms(difference):
    return _inner(difference).square().mean().sqrt().item()


def _smallest_determinant(field):
    """By NumPy: central differences, one-sided at the edges."""
    displacement = field[0].double().numpy()
    axes = len(displacement)
    slopes = np.array([np.gradient(component) for component in displacement])  # (component, axis, *space)
    matrices = np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(axes)
    return np.linalg.det(matrices).min()


@pytest.mark.parametrize("space", SPACES)
def test_field_has_a_component_for_each_axis(space):
    field = applied_field(space, settings=WIDE, rng=_chance())

    assert field.shape == (1, len(space), *space)
    assert field.dtype == torch.float32


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("layers", [(1, 1), (2, 3)])
def test_field_folds_nowhere(space, layers):
    strong = SimulationSettings(control_spacing_voxels=(64.0,), peak_voxels=(1.0, 32.0), layers=layers)

    determinants = [
        _smallest_determinant(applied_field(space, settings=strong, rng=_chance(seed))) for seed in range(8)
    ]

    assert min(determinants) > 0
    assert min(determinants) < 0.6  # and yet it was near


@pytest.mark.parametrize("size", [64, 128, 256])
def test_largest_component_is_the_peak_scaled_with_the_grid(size):
    settings = SimulationSettings(control_spacing_voxels=(64.0,), peak_voxels=(8.0, 8.0))

    field = applied_field((size // 2, size), settings=settings, rng=_chance())

    assert field.abs().max().item() == pytest.approx(8 * size / 256)


def test_peaks_are_drawn_from_the_whole_range():
    settings = SimulationSettings(control_spacing_voxels=(128.0,), peak_voxels=(4.0, 20.0))
    rng = _chance()

    peaks = [4 * applied_field((64, 64), settings=settings, rng=rng).abs().max().item() for _ in range(60)]

    assert 4 <= min(peaks) < 6
    assert 16 < max(peaks) <= 20.001


def test_field_is_the_smoother_the_wider_its_controls():
    narrow, wide = (
        applied_field(
            (64, 64),
            settings=SimulationSettings(control_spacing_voxels=(spacing,), peak_voxels=(4.0, 4.0)),
            rng=_chance(),
        )
        for spacing in (16.0, 128.0)
    )

    assert wide.diff(dim=-1).square().mean() < narrow.diff(dim=-1).square().mean() / 10


def test_layers_add_up():
    settings = SimulationSettings(control_spacing_voxels=(128.0,), peak_voxels=(4.0, 4.0), layers=(4, 4))

    peaks = [applied_field((64, 64), settings=settings, rng=_chance(seed)).abs().max().item() for seed in range(5)]

    assert max(peaks) > 1.2  # of one layer it would be one voxel
    assert max(peaks) <= 4


def test_peak_of_zero_is_the_identity():
    field = applied_field((32, 32), settings=SimulationSettings(peak_voxels=(0.0, 0.0)), rng=_chance())

    assert torch.count_nonzero(field) == 0


@pytest.mark.parametrize("space", SPACES)
def test_same_state_of_chance_gives_the_same_pairs(rng, space):
    image = _image(rng, space)

    first, again, other = (simulate_pair(image, settings=WIDE, rng=_chance(seed)) for seed in (3, 3, 4))

    assert torch.equal(first.moving, again.moving)
    assert torch.equal(first.displacement, again.displacement)
    assert not torch.equal(first.displacement, other.displacement)


def test_each_image_of_a_batch_has_a_field_of_its_own(rng):
    image = _image(rng, (64, 48)).expand(2, -1, -1, -1)

    pair = simulate_pair(image, settings=WIDE, rng=_chance())

    assert _rms(pair.displacement[:1] - pair.displacement[1:]) > 1


@pytest.mark.parametrize("space", SPACES)
def test_fixed_image_is_the_original_unchanged(rng, space):
    image = _image(rng, space)
    before = image.clone()

    pair = simulate_pair(image, settings=WIDE, rng=_chance())

    assert torch.equal(pair.fixed, before)
    assert torch.equal(image, before)


@pytest.mark.parametrize("space", SPACES)
def test_moving_image_is_the_original_read_through_the_applied_field(rng, space):
    image = _image(rng, space)

    moving = simulate_pair(image, settings=WIDE, rng=_chance()).moving

    applied = applied_field(space, settings=WIDE, rng=_chance())[0].double().numpy()
    places = np.indices(space) + applied
    wanted = ndimage.map_coordinates(image[0, 0].double().numpy(), places, order=1, mode="nearest")
    assert np.allclose(moving[0, 0].numpy(), wanted, atol=1e-3)


@pytest.mark.parametrize("space", SPACES)
def test_displacement_brings_moving_back_to_fixed(rng, space):
    pair = simulate_pair(_image(rng, space), settings=WIDE, rng=_chance())

    registered = warp(pair.moving, pair.displacement)

    assert _rms(registered - pair.fixed) < 0.1  # interpolated twice
    assert _rms(registered - pair.fixed) < _rms(pair.moving - pair.fixed) / 4


@pytest.mark.parametrize("factor", [1, -1], ids=["applied", "minus-applied"])
def test_neither_the_applied_field_nor_its_negative_registers_as_well(rng, factor):
    steep = SimulationSettings(control_spacing_voxels=(64.0,), peak_voxels=(24.0, 28.0))
    pair = simulate_pair(_image(rng, (64, 64)), settings=steep, rng=_chance())
    applied = applied_field((64, 64), settings=steep, rng=_chance())

    by_inverse, by_applied = (
        _rms(warp(pair.moving, field) - pair.fixed) for field in (pair.displacement, factor * applied)
    )

    assert by_inverse < by_applied / 2


@pytest.mark.parametrize("space", SPACES)
def test_displacement_follows_the_applied_field_back(space):
    displacement = simulate_pair(torch.zeros(1, 1, *space), settings=WIDE, rng=_chance()).displacement

    applied = applied_field(space, settings=WIDE, rng=_chance())[0].double().numpy()
    places = np.indices(space) + displacement[0].double().numpy()
    followed = np.stack([ndimage.map_coordinates(part, places, order=1, mode="nearest") for part in applied])
    left = displacement + torch.from_numpy(followed)[None]  # u(x) + a(x + u(x)) = 0
    assert _inner(left).abs().max() < 0.01


def test_range_in_which_every_field_folds_is_refused():
    wild = SimulationSettings(control_spacing_voxels=(8.0,), peak_voxels=(100.0, 100.0))

    with pytest.raises(InputError, match=r"peak_voxels \(100.0, 100.0\) folds every field .* lower the peak or widen"):
        applied_field((32, 32), settings=wild, rng=_chance())


def test_no_layer_is_longer_than_the_largest_displacement_of_its_grid():
    settings = SimulationSettings(control_spacing_voxels=(128.0,), peak_voxels=(20.0, 20.0))

    assert largest_voxels(settings, 512) == 40
    drawn = applied_field((64, 48), settings=settings, rng=_chance()).abs().max().item()
    assert drawn == pytest.approx(largest_voxels(settings, 64))
