"""Reading an image through a displacement field."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.errors import InputError, ShapeError
from sarnet.types import Interpolation, Padding

_GRID_SAMPLE_MODES = {"linear": "bilinear", "nearest": "nearest"}
_PADDINGS = ("border", "zeros")


def identity_grid(space: tuple[int, ...], *, like: Tensor | None = None) -> Float[Tensor, "axis *space"]:
    """Return the position of every voxel of a grid, in voxels.

    Args:
        space: Number of voxels along each array axis.
        like: Tensor whose dtype and device the result takes.

    Returns:
        Component ``i`` holds the index along array axis ``i``.
    """
    dtype = torch.float32 if like is None else like.dtype
    device = None if like is None else like.device
    axes = [torch.arange(size, dtype=dtype, device=device) for size in space]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def warp(
    image: Float[Tensor, "batch channel *space"],
    displacement: Float[Tensor, "batch axis *grid"],
    *,
    mode: Interpolation = "linear",
    padding: Padding = "border",
) -> Float[Tensor, "batch channel *grid"]:
    r"""Resample ``image`` at ``x + u(x)``.

    ``displacement`` is a pull-back field: its grid is that of the result, and it says for each voxel of that grid where
    in ``image`` its value comes from. Both grids share their first voxel and their voxel size, not their extent.

    .. math:: (I \circ \phi)(x) = I(x + u(x))

    Args:
        image: Image of any intensity unit.
        displacement: Field ``u`` in voxels, one component per array axis.
        mode: ``"linear"``, or ``"nearest"`` for label maps.
        padding: Value of ``image`` beyond its edge: its outermost voxel, or zero.

    Returns:
        The warped image on the grid of ``displacement``.

    Raises:
        ShapeError: If ``displacement`` has not one component per spatial axis of ``image``, or another batch size.
        InputError: If ``mode`` or ``padding`` is not one of those named.

    Notes:
        Differentiable in both arguments for ``"linear"``; with ``"nearest"`` the gradient of the field is zero.

    References:
        Jaderberg et al., Spatial Transformer Networks, NeurIPS 2015, eq. 5. https://arxiv.org/abs/1506.02025
    """
    if mode not in _GRID_SAMPLE_MODES:
        raise InputError(f"mode is {mode!r}, but must be one of {sorted(_GRID_SAMPLE_MODES)}")
    if padding not in _PADDINGS:
        raise InputError(f"padding is {padding!r}, but must be one of {sorted(_PADDINGS)}")
    check_acts_on(displacement, image)
    return _sample(image, displacement, _GRID_SAMPLE_MODES[mode], padding)


def check_field(displacement: Tensor, *, name: str = "displacement") -> None:
    """Refuse what is no field.

    Raises:
        ShapeError: If it has not one component per spatial axis, of which there are two or three.
    """
    axes = displacement.ndim - 2
    if axes not in (2, 3) or displacement.shape[1] != axes:
        raise ShapeError(
            f"{name} has shape {tuple(displacement.shape)}, but a field must be (batch, 2, y, x) or (batch, 3, z, y, x)"
        )


def check_acts_on(
    displacement: Tensor, image: Tensor, *, name: str = "displacement", image_name: str = "image"
) -> None:
    """Refuse a field that cannot act on an image.

    Raises:
        ShapeError: If the field has not one component per spatial axis of the image, or another batch size.
    """
    axes = image.ndim - 2
    if axes not in (2, 3):
        raise ShapeError(
            f"{image_name} has shape {tuple(image.shape)}, but must be (batch, channel, y, x) or "
            "(batch, channel, z, y, x)"
        )
    if displacement.ndim != image.ndim or displacement.shape[1] != axes:
        raise ShapeError(
            f"{name} has shape {tuple(displacement.shape)}, but {image_name} {tuple(image.shape)} has {axes} spatial "
            f"axes: wanted (batch, {axes}, *space)"
        )
    if displacement.shape[0] != image.shape[0]:
        raise ShapeError(
            f"{name} has a batch of {displacement.shape[0]}, but {image_name} has a batch of {image.shape[0]}"
        )


def _sample(image: Tensor, displacement: Tensor, mode: str, padding: str) -> Tensor:
    space = image.shape[2:]
    # half precision cannot tell two neighbours apart in an image of a few hundred voxels
    dtype = torch.promote_types(torch.promote_types(image.dtype, displacement.dtype), torch.float32)
    displacement = displacement.to(dtype)
    # [0, size - 1] -> [-1, 1]; an axis of one voxel has only its centre, wherever it is read
    scale = displacement.new_tensor([2 / max(size - 1, 1) for size in space]).view(-1, *(1,) * len(space))
    origin = identity_grid(tuple(displacement.shape[2:]), like=displacement) * scale - 1
    position = torch.addcmul(origin, displacement, scale).flip(1)  # grid_sample wants x first
    position = position.movedim(1, -1)  # (batch, *grid, axis), a view: making it contiguous costs as much as sampling
    warped = F.grid_sample(image.to(dtype), position, mode=mode, padding_mode=padding, align_corners=True)
    return warped.to(image.dtype)
