import pytest
import torch
from scipy import ndimage

from sarnet.errors import InputError
from sarnet.fields import box_sum


@pytest.mark.parametrize("window", [1, 3, 5, 9, 13, 31])
@pytest.mark.parametrize("space", [(20, 33), (7, 12, 10)])
def test_is_scipys_mean_times_the_voxels_of_the_window_beyond_the_edge_of_zero(space, window):
    image = torch.rand(2, 3, *space, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    found = box_sum(image, window=window)

    mean = ndimage.uniform_filter(image.numpy(), size=window, mode="constant", axes=tuple(range(2, image.ndim)))
    torch.testing.assert_close(found, torch.from_numpy(mean * window ** len(space)), atol=1e-9, rtol=0)


@pytest.mark.parametrize("space", [(6, 9), (5, 4, 6)])
def test_gradient_is_that_of_differences(space):
    image = torch.rand(1, 2, *space, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    assert torch.autograd.gradcheck(lambda each: box_sum(each, window=5), image.requires_grad_())


@pytest.mark.parametrize("window", [0, 4, -3])
def test_window_without_a_middle_is_refused(window):
    with pytest.raises(InputError, match=f"window is {window}, but must be odd and positive"):
        box_sum(torch.zeros(1, 1, 8, 8), window=window)
