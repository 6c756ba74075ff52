import pytest
import torch

from sarnet.errors import ShapeError
from sarnet.fields import compose, gaussian, jacobian_determinant, joined, one_sided, unfolded, warp


@pytest.fixture
def halves() -> torch.Tensor:
    """Smooth fields of a few voxels, which do not fold."""
    rng = torch.Generator().manual_seed(0)
    return 24 * gaussian(torch.randn(2, 2, 48, 40, generator=rng), 8.0)


def test_field_takes_a_point_of_the_fixed_image_to_the_middle_and_on(halves):
    to_fixed, to_moving = halves.split(1)

    found = joined(halves)

    # what a point of the middle leads to in the fixed image leads on to where it leads to in the moving one
    inner = (..., slice(8, -8), slice(8, -8))
    torch.testing.assert_close(compose(to_fixed, found)[inner], to_moving[inner], atol=0.05, rtol=0)
    assert float(halves.abs().max()) > 1


def test_constant_halves_add_up():
    halves = torch.tensor([[1.0, -2.0], [0.5, 3.0]]).view(2, 2, 1, 1).expand(2, 2, 16, 16)

    torch.testing.assert_close(joined(halves)[..., 8, 8], torch.tensor([[-0.5, 5.0]]))


def test_exchanged_they_come_to_the_inverse(halves):
    there, back = joined(halves), joined(halves.flip(0))

    assert float(compose(there, back)[..., 8:-8, 8:-8].abs().max()) < 0.05


def test_one_sided_field_is_itself(halves):
    image = torch.rand(1, 1, 48, 40, generator=torch.Generator().manual_seed(1))

    sides = one_sided(halves[:1])

    assert torch.equal(joined(sides), halves[:1])
    torch.testing.assert_close(warp(torch.cat([image, image]), sides)[:1], image, atol=1e-4, rtol=0)


def test_volumes_and_slices_a_voxel_thin_have_halves_too():
    rng = torch.Generator().manual_seed(0)
    halves = 8 * gaussian(torch.randn(2, 3, 20, 24, 16, generator=rng), 5.0)
    thin = torch.zeros(2, 3, 20, 24, 1)
    thin[:, 1] = torch.tensor([1.0, -2.0]).view(2, 1, 1, 1)

    there, back = joined(halves), joined(halves.flip(0))

    assert float(compose(there, back)[..., 5:-5, 5:-5, 5:-5].abs().max()) < 0.05
    torch.testing.assert_close(joined(thin)[0, :, 10, 12, 0], torch.tensor([0.0, -3.0, 0.0]))


def test_unfolded_halves_come_to_a_field_without_folds(halves):
    torn = halves + 6 * torch.sin(2 * torch.arange(40.0))
    assert (jacobian_determinant(torn) <= 0).any()

    found = unfolded(torn)

    assert not found[0].any()
    assert (jacobian_determinant(joined(found)) > 0).all()


def test_what_is_no_field_is_refused():
    with pytest.raises(ShapeError):
        joined(torch.zeros(2, 3, 8, 8))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((4, 4), r"halves has shape \(4, 4\), but a field must be"),
        ((1, 2, 4, 4), "halves has a batch of 1, but must be"),
    ],
)
def test_halves_that_are_no_two_fields_are_refused(shape, message):
    with pytest.raises(ShapeError, match=message):
        joined(torch.zeros(shape))
