import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy import ndimage

from sarnet.errors import ShapeError
from sarnet.fields import compose, identity_grid, warp

SPACES = [pytest.param((15, 17), id="2d"), pytest.param((11, 12, 13), id="3d")]


def _affine(space, matrix, shift=0.0):
    """The field of x -> centre + matrix (x - centre) + shift."""
    grid = identity_grid(space).double()
    centre = torch.tensor([(size - 1) / 2 for size in space], dtype=torch.float64).reshape(-1, *[1] * len(space))
    moved = torch.einsum("ab,b...->a...", torch.as_tensor(matrix, dtype=torch.float64), grid - centre)
    return (moved + centre + torch.as_tensor(shift, dtype=torch.float64).reshape(-1, *[1] * len(space)) - grid)[None]


def _turn(axes, degrees):
    """Rotation in the plane of the last two axes."""
    matrix = np.eye(axes)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix[-2:, -2:] = [[c, -s], [s, c]]
    return matrix


def _inner(field, margin=3):
    return field[(..., *[slice(margin, -margin)] * (field.ndim - 2))]


def _random(rng, space, peak=1.5):
    return torch.from_numpy(rng.uniform(-peak, peak, (1, len(space), *space)))


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_result_has_shape_and_dtype_of_the_first(space, dtype):
    first = torch.zeros(2, len(space), *space, dtype=dtype)
    second = torch.zeros(2, len(space), *[size + 1 for size in space], dtype=dtype)

    field = compose(first, second)

    assert field.shape == first.shape
    assert field.dtype == dtype


@pytest.mark.parametrize("space", SPACES)
def test_identity_changes_nothing_on_either_side(rng, space):
    field = _random(rng, space)
    identity = torch.zeros_like(field)

    assert torch.allclose(compose(field, identity), field, rtol=0, atol=1e-12)
    assert torch.allclose(compose(identity, field), field, rtol=0, atol=1e-12)


def test_translations_add():
    first, second = torch.full((1, 2, 5, 6), 1.25), torch.full((1, 2, 5, 6), -3.0)

    assert torch.allclose(compose(first, second), torch.full((1, 2, 5, 6), -1.75))


@pytest.mark.parametrize("space", SPACES)
def test_rotations_add_their_angles(space):
    n = len(space)

    field = compose(_affine(space, _turn(n, 10)), _affine(space, _turn(n, 15)))

    assert torch.allclose(_inner(field), _inner(_affine(space, _turn(n, 25))), rtol=0, atol=1e-10)


@pytest.mark.parametrize("space", SPACES)
def test_affine_maps_multiply_first_one_on_the_right(space):
    n = len(space)
    shear = np.eye(n)
    shear[0, -1] = 0.2
    scale, shift = np.diag(np.linspace(0.8, 1.1, n)), np.linspace(-0.5, 0.7, n)

    field = compose(_affine(space, shear, shift), _affine(space, scale))

    assert torch.allclose(_inner(field), _inner(_affine(space, scale @ shear, scale @ shift)), rtol=0, atol=1e-10)
    assert not torch.allclose(_inner(field), _inner(_affine(space, shear @ scale, shift)), rtol=0, atol=0.1)


@pytest.mark.parametrize("space", SPACES)
def test_agrees_with_scipy(rng, space):
    first, second = _random(rng, space, peak=4), _random(rng, space)

    field = compose(first, second)

    position = np.indices(space) + first[0].numpy()
    for axis in range(len(space)):
        read = ndimage.map_coordinates(second[0, axis].numpy(), position, order=1, mode="nearest")
        np.testing.assert_allclose(field[0, axis], first[0, axis].numpy() + read, atol=1e-10)


@pytest.mark.parametrize("space", SPACES)
def test_agrees_with_itk(rng, space):
    first, second = _random(rng, space), _random(rng, space)

    field = compose(first, second)

    def itk(field):
        vectors = field[0].flip(0).movedim(0, -1).contiguous().numpy()
        return sitk.DisplacementFieldTransform(sitk.GetImageFromArray(vectors, isVector=True))

    both = sitk.CompositeTransform([itk(second), itk(first)])  # ITK applies the last one first
    voxel = [4] * len(space)
    moved = both.TransformPoint([4.0] * len(space))
    wanted = np.array(moved)[::-1] - 4
    np.testing.assert_allclose(field[(0, slice(None), *voxel)], wanted, atol=1e-10)


@pytest.mark.parametrize("space", SPACES)
def test_warping_twice_is_warping_by_the_composition_read_backwards(rng, space):
    ramp = identity_grid(space).double().sum(0)[None, None]  # read without error between voxels
    first, second = _random(rng, space), _affine(space, 0.9 * _turn(len(space), 8))

    twice = warp(warp(ramp, second), first)

    assert torch.allclose(_inner(twice), _inner(warp(ramp, compose(first, second))), rtol=0, atol=1e-10)


def test_is_associative_for_affine_maps():
    space = (15, 17)
    a, b, c = (_affine(space, _turn(2, d), s) for d, s in [(4, (0.3, 0.1)), (-9, (0, 0.5)), (6, (-0.4, 0))])

    assert torch.allclose(_inner(compose(compose(a, b), c)), _inner(compose(a, compose(b, c))), rtol=0, atol=1e-10)


def test_gradient_of_both_translations_is_one():
    first = torch.full((1, 2, 5, 6), 0.3, dtype=torch.float64, requires_grad=True)
    second = torch.full((1, 2, 5, 6), 0.4, dtype=torch.float64, requires_grad=True)

    compose(first, second).sum().backward()

    assert torch.allclose(first.grad, torch.ones_like(first))
    assert second.grad.sum().item() == pytest.approx(second.numel())


@pytest.mark.parametrize("space", [(3, 4), (3, 2, 3)], ids=["2d", "3d"])
def test_gradcheck(rng, space):
    first, second = _random(rng, space, peak=0.45), _random(rng, space)

    assert torch.autograd.gradcheck(compose, (first.requires_grad_(), second.requires_grad_()))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("second", "message"),
    [
        ((1, 3, 4, 4, 4), r"second has shape \(1, 3, 4, 4, 4\), but first \(1, 2, 4, 4\)"),
        ((2, 2, 4, 4), "first has a batch of 1, but .* has a batch of 2"),
        ((1, 3, 4, 4), r"second has shape \(1, 3, 4, 4\), but first \(1, 2, 4, 4\) has another number of axes"),
    ],
)
def test_fields_that_do_not_fit_are_refused(second, message):
    with pytest.raises(ShapeError, match=message):
        compose(torch.zeros(1, 2, 4, 4), torch.zeros(second))
