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
    with pytest.raises(ShapeError, match="but a field must be"):
        unfold(torch.zeros(1, 3, 8, 8))


def test_of_a_batch_only_the_field_that_folds_is_changed():
    fields = torch.cat([_rough((40, 50), 0.3), _rough((40, 50), 2.0)])

    found = unfold(fields)

    assert torch.equal(found[0], fields[0])
    assert (smallest_determinant(found) > 0).all()


def test_what_folds_on_a_large_scale_still_does_after_all_rounds():
    mirror = torch.zeros(1, 2, 60, 60)
    mirror[:, 1] = 59 - 2 * torch.arange(60.0)  # x leads to 59 - x

    assert (smallest_determinant(unfold(mirror)) < 0).any()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_field_keeps_its_dtype(dtype):
    assert unfold(_rough((40, 50), 2.0).to(dtype)).dtype == dtype
