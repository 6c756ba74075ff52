import pytest
import torch

from sarnet.errors import ShapeError
from sarnet.fields import identity_grid, resize_field, warp


@pytest.mark.parametrize(("old", "new"), [((8, 12), (16, 24)), ((16, 24), (8, 12)), ((4, 6, 8), (8, 12, 16))])
def test_translation_keeps_its_share_of_the_extent(old, new):
    axes = len(old)
    field = torch.arange(1.0, axes + 1).view(1, axes, *[1] * axes).expand(1, axes, *old)

    found = resize_field(field, new)

    ratio = new[0] / old[0]
    assert found.shape == (1, axes, *new)
    for axis in range(axes):
        assert torch.allclose(found[:, axis], torch.tensor(ratio * (axis + 1)))


def test_axes_are_scaled_each_by_its_own_ratio():
    field = torch.ones(1, 2, 8, 10)

    found = resize_field(field, (16, 30))

    assert torch.allclose(found[:, 0], torch.tensor(2.0))
    assert torch.allclose(found[:, 1], torch.tensor(3.0))


def test_warping_the_finer_image_does_what_warping_the_coarser_did():
    # an image that is linear in the place: voxel i of the coarse grid is in the middle of voxels 2i and 2i + 1
    fine = identity_grid((32, 40))[None, 1:]
    coarse = torch.nn.functional.avg_pool2d(fine, 2)
    y, x = identity_grid((16, 20))
    field = torch.stack([0.0 * y, 0.02 * (x - 8) * (y - 8)])[None]

    of_coarse = warp(coarse, field)
    of_fine = torch.nn.functional.avg_pool2d(warp(fine, resize_field(field, (32, 40))), 2)

    inner = (..., slice(3, -3), slice(3, -3))
    assert torch.allclose(of_fine[inner], of_coarse[inner], atol=0.02)


def test_same_size_is_returned_as_it_is():
    field = torch.rand(1, 2, 5, 6)

    assert resize_field(field, (5, 6)) is field


def test_another_number_of_axes_is_refused():
    with pytest.raises(ShapeError, match=r"but space \(4, 4, 4\) has 3 axes"):
        resize_field(torch.zeros(1, 2, 4, 4), (4, 4, 4))
