import itertools

import numpy as np
import pytest
import torch

from sarnet.errors import ShapeError
from sarnet.fields import gaussian, jacobian_determinant, resize_field, smallest_determinant, unfold

SPACES = [pytest.param((40, 50), id="2d"), pytest.param((20, 24, 28), id="3d")]


def _rough(space, length):
    """A smooth random field of so many voxels' length."""
    noise = torch.randn(1, len(space), *space, generator=torch.Generator().manual_seed(3))
    field = gaussian(noise, 3.0)
    return length * field / field.std()


@pytest.mark.parametrize("space", SPACES)
def test_smallest_determinant_is_that_of_the_one_sided_slopes_by_numpy(rng, space):
    field = rng.uniform(-1, 1, (len(space), *space))
    corners = []
    for sides in itertools.product((0, 1), repeat=len(space)):
        slopes = np.empty((len(space), len(space), *space))
        for axis, after in enumerate(sides):
            steps = np.diff(field, axis=1 + axis)
            slopes[:, axis] = np.pad(
                steps,
                [(0, 0)] + [((0, 1) if after else (1, 0)) if axis == each else (0, 0) for each in range(len(space))],
                mode="edge",
            )
        corners.append(np.linalg.det(np.moveaxis(slopes, (0, 1), (-2, -1)) + np.eye(len(space))))

    found = smallest_determinant(torch.from_numpy(field[None]))

    np.testing.assert_allclose(found[0], np.min(corners, axis=0), atol=1e-10)


def test_central_differences_may_hide_a_fold_that_one_sided_ones_see():
    field = torch.zeros(1, 2, 6, 9)
    field[:, 1, :, 4] = 1.5  # a column that passes its neighbour

    assert jacobian_determinant(field).min() > 0
    assert smallest_determinant(field).min() == -0.5


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("length", [1.0, 3.0])
def test_no_fold_is_left_of_a_field_that_folds(space, length):
    field = _rough(space, length)
    assert (smallest_determinant(field) <= 0).any()

    assert (smallest_determinant(unfold(field)) > 0).all()


@pytest.mark.parametrize("space", SPACES)
def test_hardly_one_is_found_when_it_is_read_on_a_finer_grid(space):
    finer = tuple(2 * size for size in space)
    field = _rough(space, 2.0)

    def folds(displacement):
        return int((jacobian_determinant(resize_field(displacement, finer)) <= 0).sum())

    assert folds(unfold(field)) < 0.05 * folds(field)


@pytest.mark.parametrize("space", SPACES)
def test_field_without_folds_is_returned_as_it_is(space):
    field = _rough(space, 0.3)
    assert (smallest_determinant(field) > 0.05).all()

    assert torch.equal(unfold(field), field)


def test_only_what_lies_near_a_fold_is_changed():
    field = torch.zeros(1, 2, 40, 40)
    field[:, 1, 20, 20] = 3.0

    changed = (unfold(field) != field).any(dim=1)[0].nonzero()

    assert len(changed)
    assert (changed - 20).abs().max() <= 12


def test_what_is_a_voxel_thin_is_returned_as_it_is():
    field = _rough((1, 20, 20), 5.0)

    assert torch.equal(unfold(field), field)


def test_what_is_not_a_field_is_refused():
    with pytest.raises(ShapeError, match="spatial axes"):
        unfold(torch.zeros(1, 3, 8, 8))
