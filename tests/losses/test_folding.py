import pytest
import torch

from sarnet.errors import ShapeError
from sarnet.fields import identity_grid
from sarnet.losses import folding

SPACES = [pytest.param((6, 8), id="2d"), pytest.param((5, 6, 7), id="3d")]


def _stretched(space, factor):
    """The map that takes ``x`` to ``factor x`` along the first axis."""
    field = torch.zeros(1, len(space), *space, dtype=torch.float64)
    field[:, 0] = (factor - 1) * identity_grid(space)[0]
    return field


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("factor", [0.06, 1.0, 3.0])
def test_what_does_not_fold_costs_nothing(space, factor):
    assert folding(_stretched(space, factor)) == 0


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("factor", [0.0, -0.5, -1.0], ids=["collapse", "fold", "mirror"])
def test_fold_costs_what_its_determinant_falls_short(space, factor):
    assert folding(_stretched(space, factor)).item() == pytest.approx(0.05 - factor)


def test_fold_of_one_place_counts_by_its_share():
    field = torch.zeros(1, 2, 6, 8, dtype=torch.float64)
    field[0, 1, 2, 3], field[0, 1, 2, 5] = 2.0, -2.0  # the voxels either side of (2, 4) have changed places

    # det J at (2, 4) is 1 + (-2 - 2) / 2 = -1; beside it 1 + 2 / 2, 1 - 0 and beyond; all others one
    assert folding(field).item() == pytest.approx((0.05 + 1) / 48)


def test_gradient_pulls_the_places_apart():
    field = torch.zeros(1, 2, 6, 8, dtype=torch.float64)
    field[0, 1, 2, 3], field[0, 1, 2, 5] = 2.0, -2.0
    field.requires_grad_()

    folding(field).backward()

    assert field.grad[0, 1, 2, 3].item() == pytest.approx(0.5 / 48)
    assert field.grad[0, 1, 2, 5].item() == pytest.approx(-0.5 / 48)


def test_gradient_of_no_field_is_zero():
    field = torch.zeros(1, 3, 5, 6, 7, requires_grad=True)

    folding(field).backward()

    assert torch.count_nonzero(field.grad) == 0


def test_gradient_agrees_with_small_steps(rng):
    field = torch.from_numpy(2 * rng.normal(size=(1, 2, 5, 6))).requires_grad_()

    assert torch.autograd.gradcheck(folding, field)


@pytest.mark.usefixtures("unchecked")
def test_what_is_no_field_is_refused():
    with pytest.raises(ShapeError, match="but a field must be"):
        folding(torch.zeros(1, 3, 6, 8))
