import numpy as np
import pytest
import SimpleITK as sitk
import torch

from sarnet.errors import InputError, ShapeError
from sarnet.fields import bspline_field, compose, identity_grid, invert, jacobian_determinant

SPACES = [pytest.param((20, 24), id="2d"), pytest.param((14, 15, 16), id="3d")]


def _affine(space, matrix):
    grid = identity_grid(space).double()
    centre = torch.tensor([(size - 1) / 2 for size in space], dtype=torch.float64).reshape(-1, *[1] * len(space))
    change = torch.as_tensor(matrix, dtype=torch.float64) - torch.eye(len(space), dtype=torch.float64)
    return torch.einsum("ab,b...->a...", change, grid - centre)[None]


def _smooth(rng, space, peak=1.0):
    controls = torch.from_numpy(rng.uniform(-peak, peak, (1, len(space), *[6] * len(space))))
    return bspline_field(controls, space, spacing=7, origin=-7)


def _inner(field, margin=4):
    return field[(..., *[slice(margin, -margin)] * (field.ndim - 2))]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_result_has_shape_and_dtype_of_the_field(space, dtype):
    inverse = invert(torch.zeros(2, len(space), *space, dtype=dtype))

    assert inverse.displacement.shape == (2, len(space), *space)
    assert inverse.residual.shape == (2, *space)
    assert inverse.displacement.dtype == inverse.residual.dtype == dtype


@pytest.mark.parametrize("space", SPACES)
def test_inverse_of_the_identity_is_the_identity(space):
    inverse = invert(torch.zeros(1, len(space), *space))

    assert torch.count_nonzero(inverse.displacement) == 0
    assert torch.count_nonzero(inverse.residual) == 0


@pytest.mark.parametrize("space", SPACES)
def test_inverse_of_a_translation_is_the_translation_back(space):
    shift = torch.linspace(-2.5, 1.3, len(space)).reshape(1, -1, *[1] * len(space)).expand(1, -1, *space)

    inverse = invert(shift)

    assert torch.allclose(inverse.displacement, -shift, atol=1e-5)
    assert inverse.residual.max() < 1e-5


@pytest.mark.parametrize("space", SPACES)
def test_inverse_of_an_affine_map_is_the_inverse_matrix(space):
    n = len(space)
    matrix = np.diag(np.linspace(1.1, 1.25, n))  # grows, so that its inverse stays inside
    matrix[0, 1] = 0.1

    inverse = invert(_affine(space, matrix), tolerance_voxels=1e-10)

    wanted = _affine(space, np.linalg.inv(matrix))
    assert torch.allclose(_inner(inverse.displacement), _inner(wanted), rtol=0, atol=1e-8)
    assert _inner(inverse.residual[:, None]).max() < 1e-8


@pytest.mark.parametrize("space", SPACES)
def test_inverse_undoes_a_smooth_field_from_both_sides(rng, space):
    field = _smooth(rng, space)

    inverse = invert(field, tolerance_voxels=1e-8).displacement

    assert _inner(compose(inverse, field)).abs().max() < 1e-6
    assert _inner(compose(field, inverse)).abs().max() < 0.05  # the inverse too is linear between voxels


def test_agrees_with_itk(rng):
    field = _smooth(rng, (20, 24))

    inverse = invert(field).displacement[0]

    vectors = field[0].flip(0).movedim(0, -1).contiguous().numpy()
    itk = sitk.InvertDisplacementField(
        sitk.GetImageFromArray(vectors, isVector=True),
        maximumNumberOfIterations=100,
        maxErrorToleranceThreshold=1e-4,
        meanErrorToleranceThreshold=1e-5,
        enforceBoundaryCondition=False,
    )
    wanted = np.moveaxis(sitk.GetArrayFromImage(itk), -1, 0)[::-1].copy()
    assert torch.allclose(_inner(inverse[None]), _inner(torch.from_numpy(wanted)[None]), rtol=0, atol=5e-3)


def test_residual_is_what_is_left_of_the_composition(rng):
    field = _smooth(rng, (20, 24))

    inverse = invert(field, iterations=2)

    left = compose(inverse.displacement, field)
    assert torch.allclose(inverse.residual, left.norm(dim=1))
    assert inverse.residual.max() > 1e-3


def test_more_iterations_leave_less(rng):
    field = _smooth(rng, (20, 24))

    few, many = (invert(field, iterations=n, tolerance_voxels=0).residual.max() for n in (3, 12))

    assert many < few / 10


def test_stops_within_the_tolerance(rng):
    field = _smooth(rng, (20, 24))

    rough, fine = (invert(field, tolerance_voxels=voxels).residual.max() for voxels in (0.1, 1e-6))

    assert 1e-6 < rough <= 0.1
    assert fine <= 1e-6


def _bump(space, *, height, width):
    """Along the last axis: away from the centre where ``height`` is positive, towards and past it where negative."""
    offset = identity_grid(space).double() - torch.tensor([size // 2 for size in space]).reshape(-1, *[1] * len(space))
    field = torch.zeros(1, len(space), *space, dtype=torch.float64)
    field[0, -1] = height * offset[-1] * torch.exp(-offset.square().sum(0) / width**2)
    return field


@pytest.mark.parametrize("space", [(31, 33), (15, 17, 33)], ids=["2d", "3d"])
def test_map_that_stretches_threefold_is_inverted(space):
    field = _bump(space, height=2, width=4)  # no contraction: the classical iteration swings for ever

    assert invert(field).residual.max() < 1e-3


@pytest.mark.parametrize("space", [(31, 33), (15, 17, 33)], ids=["2d", "3d"])
def test_folding_field_has_a_large_residual(space):
    field = _bump(space, height=-8, width=6)

    assert jacobian_determinant(field).min() < -1
    assert invert(field).residual.max() > 1


def test_gradient_of_a_translations_inverse_is_minus_one():
    shift = torch.full((1, 2, 5, 6), 0.3, dtype=torch.float64, requires_grad=True)

    invert(shift).displacement.sum().backward()

    assert shift.grad.sum().item() == pytest.approx(-shift.numel())


def test_gradcheck(rng):
    field = torch.from_numpy(rng.uniform(-0.2, 0.2, (1, 2, 4, 4))).requires_grad_()

    assert torch.autograd.gradcheck(
        lambda u: invert(u, iterations=4, tolerance_voxels=0).displacement, (field,), raise_exception=True
    )


def test_no_iterations_are_refused():
    with pytest.raises(InputError, match="iterations is 0, but must be at least 1"):
        invert(torch.zeros(1, 2, 4, 4), iterations=0)


def test_what_is_no_field_is_refused():
    with pytest.raises(ShapeError, match=r"displacement has shape \(1, 3, 4, 4\)"):
        invert(torch.zeros(1, 3, 4, 4))
