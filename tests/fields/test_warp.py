import numpy as np
import pytest
import SimpleITK as sitk
import torch
from scipy import ndimage

from sarnet.errors import InputError, ShapeError
from sarnet.fields import identity_grid, warp

SPACES = [pytest.param((7, 9), id="2d"), pytest.param((5, 6, 8), id="3d")]


def _image(rng, space, *, batch=1, channels=1):
    return torch.from_numpy(rng.random((batch, channels, *space)))


def _inner_field(rng, space, *, batch=1):
    """A random field that leads no voxel out of the image, nor half way between two."""
    last = np.array(space).reshape(-1, *[1] * len(space)) - 1.0
    wanted = rng.uniform(0, 1, (batch, len(space), *space)) * last
    wanted += np.where(np.abs(wanted % 1 - 0.5) < 0.01, 0.02, 0)
    return torch.from_numpy(wanted - np.indices(space))


def test_identity_grid_holds_the_index_along_each_axis():
    grid = identity_grid((3, 4, 5))

    assert grid.shape == (3, 3, 4, 5)
    assert torch.equal(grid, torch.from_numpy(np.indices((3, 4, 5))).float())


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_result_has_the_fields_grid_and_the_images_channels_and_dtype(space, dtype):
    image = torch.zeros(2, 3, *space, dtype=dtype)
    grid = [size + 2 for size in space]

    warped = warp(image, torch.zeros(2, len(space), *grid))

    assert warped.shape == (2, 3, *grid)
    assert warped.dtype == dtype


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_zero_displacement_is_identity(rng, space, mode):
    image = _image(rng, space)

    warped = warp(image, torch.zeros(1, len(space), *space, dtype=torch.float64), mode=mode)

    assert torch.allclose(warped, image, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("field_dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_low_precision_does_not_move_a_wide_image(rng, dtype, field_dtype):
    image = _image(rng, (2, 515)).to(dtype)
    displacement = torch.zeros(1, 2, 2, 515, dtype=field_dtype)
    displacement[:, 1] = 1

    warped = warp(image, displacement)

    assert warped.dtype == dtype
    assert torch.allclose(warped[..., :-1], image[..., 1:], rtol=0, atol=1e-4)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_one_voxel_reads_the_next_voxel_along_that_axis(rng, space, mode):
    image = _image(rng, space)
    for axis, size in enumerate(space):
        displacement = torch.zeros(1, len(space), *space, dtype=torch.float64)
        displacement[:, axis] = 1

        warped = warp(image, displacement, mode=mode)

        got, wanted = (each.movedim(2 + axis, -1) for each in (warped, image))
        assert torch.allclose(got[..., :-1], wanted[..., 1:], rtol=0, atol=1e-12)
        assert torch.allclose(got[..., -1], wanted[..., size - 1], rtol=0, atol=1e-12)  # beyond: the outermost voxel


@pytest.mark.parametrize("space", SPACES)
def test_half_a_voxel_averages_two_neighbours(rng, space):
    image = _image(rng, space)
    for axis in range(len(space)):
        displacement = torch.zeros(1, len(space), *space, dtype=torch.float64)
        displacement[:, axis] = 0.5

        warped = warp(image, displacement)

        got, voxels = (each.movedim(2 + axis, -1) for each in (warped, image))
        assert torch.allclose(got[..., :-1], (voxels[..., :-1] + voxels[..., 1:]) / 2, rtol=0, atol=1e-12)


def test_padding_with_zeros_reads_zero_beyond_the_edge():
    warped = warp(torch.ones(1, 1, 4, 5), torch.full((1, 2, 4, 5), 2.0), padding="zeros")

    assert torch.equal(warped[0, 0, :2, :3], torch.ones(2, 3))
    assert warped[0, 0, 2:].abs().max() < 1e-5
    assert warped[0, 0, :, 3:].abs().max() < 1e-5


def test_axis_of_one_voxel_is_read_at_its_centre(rng):
    image = _image(rng, (1, 6, 7))
    displacement = torch.zeros(1, 3, 1, 6, 7, dtype=torch.float64)
    displacement[:, 0] = 3

    assert torch.allclose(warp(image, displacement), image)


def test_smaller_grid_shares_the_first_voxel(rng):
    image = _image(rng, (7, 9))

    warped = warp(image, torch.zeros(1, 2, 3, 4, dtype=torch.float64))

    assert torch.allclose(warped, image[..., :3, :4])


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(("mode", "order"), [("linear", 1), ("nearest", 0)])
def test_agrees_with_scipy(rng, space, mode, order):
    image, displacement = _image(rng, space, batch=2, channels=2), _inner_field(rng, space, batch=2)
    displacement[0] *= 1.7  # some of it leads out

    warped = warp(image, displacement, mode=mode)

    for batch in range(2):
        position = np.indices(space) + displacement[batch].numpy()
        for channel in range(2):
            wanted = ndimage.map_coordinates(image[batch, channel].numpy(), position, order=order, mode="nearest")
            np.testing.assert_allclose(warped[batch, channel], wanted, atol=1e-10)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(("mode", "interpolator"), [("linear", sitk.sitkLinear), ("nearest", sitk.sitkNearestNeighbor)])
def test_agrees_with_itk(rng, space, mode, interpolator):
    image, displacement = _image(rng, space), _inner_field(rng, space)

    warped = warp(image, displacement, mode=mode)

    vectors = displacement[0].flip(0).movedim(0, -1).contiguous().numpy()  # ITK wants x first
    transform = sitk.DisplacementFieldTransform(sitk.GetImageFromArray(vectors, isVector=True))
    moving = sitk.GetImageFromArray(image[0, 0].numpy())
    wanted = sitk.GetArrayFromImage(sitk.Resample(moving, moving, transform, interpolator, 0.0))
    np.testing.assert_allclose(warped[0, 0], wanted, atol=1e-10)


@pytest.mark.parametrize("space", SPACES)
def test_nearest_invents_no_label(rng, space):
    labels = torch.from_numpy(rng.choice([0.0, 2.0, 41.0], (1, 1, *space)))

    warped = warp(labels, _inner_field(rng, space), mode="nearest")

    assert set(warped.unique().tolist()) <= {0.0, 2.0, 41.0}


def test_is_linear_in_the_image(rng):
    first, second, displacement = _image(rng, (7, 9)), _image(rng, (7, 9)), _inner_field(rng, (7, 9))

    together = warp(2 * first - 3 * second, displacement)

    assert torch.allclose(together, 2 * warp(first, displacement) - 3 * warp(second, displacement))


@pytest.mark.parametrize("space", SPACES)
def test_gradient_of_the_field_is_the_slope_of_the_image(space):
    slopes = torch.arange(1.0, len(space) + 1, dtype=torch.float64)
    ramp = torch.einsum("a,a...->...", slopes, identity_grid(space).double())[None, None]
    displacement = torch.full((1, len(space), *space), 0.3, dtype=torch.float64, requires_grad=True)

    warp(ramp, displacement).sum().backward()

    inner = displacement.grad[(0, slice(None), *[slice(0, -1)] * len(space))]
    assert torch.allclose(inner, slopes.reshape(-1, *[1] * len(space)).expand_as(inner))


def test_gradient_of_the_image_is_the_weight_of_each_voxel():
    image = torch.zeros(1, 1, 4, 4, dtype=torch.float64, requires_grad=True)
    displacement = torch.zeros(1, 2, 4, 4, dtype=torch.float64)
    displacement[:, 0], displacement[:, 1] = 0.25, 0.5

    warp(image, displacement)[0, 0, 1, 1].backward()

    wanted = torch.zeros(4, 4, dtype=torch.float64)
    wanted[1, 1:3], wanted[2, 1:3] = 0.75 * 0.5, 0.25 * 0.5
    assert torch.allclose(image.grad[0, 0], wanted)


@pytest.mark.parametrize("space", [(3, 4), (3, 2, 3)], ids=["2d", "3d"])
@pytest.mark.parametrize("padding", ["border", "zeros"])
def test_gradcheck(rng, space, padding):
    image, displacement = _image(rng, space).requires_grad_(), 0.9 * _inner_field(rng, space)

    assert torch.autograd.gradcheck(lambda i, u: warp(i, u, padding=padding), (image, displacement.requires_grad_()))


def test_nearest_gives_the_field_no_gradient(rng):
    displacement = _inner_field(rng, (7, 9)).requires_grad_()

    warp(_image(rng, (7, 9)), displacement, mode="nearest").sum().backward()

    assert torch.count_nonzero(displacement.grad) == 0


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("image", "field", "message"),
    [
        ((1, 1, 4), (1, 1, 4), r"image has shape \(1, 1, 4\), but must be"),
        ((1, 1, 4, 4), (1, 3, 4, 4), r"displacement has shape \(1, 3, 4, 4\).* has 2 spatial axes"),
        ((1, 1, 4, 4, 4), (1, 2, 4, 4), r"displacement has shape \(1, 2, 4, 4\).* has 3 spatial axes"),
        ((2, 1, 4, 4), (1, 2, 4, 4), "displacement has a batch of 1, but image has a batch of 2"),
    ],
)
def test_field_that_does_not_fit_is_refused(image, field, message):
    with pytest.raises(ShapeError, match=message):
        warp(torch.zeros(image), torch.zeros(field))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(("keyword", "known"), [("mode", "linear"), ("padding", "border")])
def test_unknown_choice_names_the_known_ones(keyword, known):
    with pytest.raises(InputError, match=rf"{keyword} is 'cubic', but must be one of .*'{known}'"):
        warp(torch.zeros(1, 1, 4, 4), torch.zeros(1, 2, 4, 4), **{keyword: "cubic"})
