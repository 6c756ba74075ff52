"""The sum over a window."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.errors import InputError


def box_sum(image: Float[Tensor, "batch channel *space"], *, window: int) -> Float[Tensor, "batch channel *space"]:
    r"""Return the sum over the window around every voxel, as far as it lies in the image.

    .. math:: s(x) = \sum_{|d|_\infty \le (w - 1) / 2} I(x + d)

    Args:
        image: Image or maps.
        window: Width ``w`` in voxels, odd.

    Raises:
        InputError: If ``window`` is even or not positive.

    Notes:
        Sums of one, two, four and more neighbours, put together as the width is of powers of two: a handful of
        additions a voxel, several times faster on a processor than a product with a band matrix or the convolutions and
        poolings of torch, and as exact. The map is its own transpose, so the way back is the same.
    """
    if window < 1 or window % 2 == 0:
        raise InputError(f"window is {window}, but must be odd and positive")
    summed: Tensor = _BoxSum.apply(image, window)  # type: ignore[no-untyped-call]
    return summed


class _BoxSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, image: Tensor, window: int) -> Tensor:
        ctx.window = window
        return _summed(image, window)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return _summed(gradient, ctx.window), None


def _summed(image: Tensor, window: int) -> Tensor:
    for axis in range(2, image.ndim):
        beyond = [0, 0] * (image.ndim - 1 - axis) + [window // 2] * 2  # F.pad begins with the last axis
        image = _runs(F.pad(image, beyond), window, axis, image.shape[axis])
    return image


def _runs(padded: Tensor, window: int, axis: int, size: int) -> Tensor:
    """Sums of so many neighbours along an axis, from each of the first places on."""
    total, begin, width, sums = None, 0, 1, padded
    while True:
        if window & width:
            part = sums.narrow(axis, begin, size)
            total, begin = part if total is None else total + part, begin + width
        if 2 * width > window:
            assert total is not None
            return total
        left = sums.shape[axis] - width
        sums, width = sums.narrow(axis, 0, left) + sums.narrow(axis, width, left), 2 * width
