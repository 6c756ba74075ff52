"""Methods that find a field between two slices: everything around that is this package's own, and the same for all."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.config import RegistrationSettings
from sarnet.errors import InputError
from sarnet.images import Image, with_finite_values
from sarnet.methods.method import MethodResult
from sarnet.registration import Clock, ComparedPair, ImagePair, Middle, torch_threads
from sarnet.transforms import Transform, align

Find = Callable[[ComparedPair], Float[Tensor, "1 2 y x"]]
"""From a pair to the field, in voxels of the pair's grid."""


def register_plane(
    fixed: Image,
    moving: Image,
    find: Find,
    *,
    stage: str,
    registration: RegistrationSettings,
    multiple: int,
    affine_start: bool,
) -> MethodResult:
    """Align two slices, bring them onto a network's grid, find a field there and carry it to the world.

    Args:
        fixed: Fixed image.
        moving: Moving image.
        find: What the method does.
        stage: What its time is called.
        registration: Threads, and how large the images are.
        multiple: Voxels that each axis of the images must be a multiple of.
        affine_start: Whether an affine map is looked for first.

    Raises:
        InputError: If the images are volumes.
    """
    if fixed.grid.dimension != 2:
        raise InputError("fixed has three axes, but this method deforms images of two: give slices")
    clock = Clock()
    start = Transform.identity(fixed.grid)
    with torch_threads(registration.threads_used):
        if affine_start:
            with clock.stage("affine"):
                images = with_finite_values(fixed), with_finite_values(moving)
                start = align(*images, kind="affine", threads=registration.threads_used).transform
        with clock.stage("resampling"):
            middle = Middle.of(fixed.grid, moving.grid, start)
            pair = ImagePair.of(fixed, moving).read_for_network(
                middle,
                multiple=multiple,
                longest_voxels=registration.longest_voxels,
                magnified_voxels=registration.magnified_voxels,
            )
        with clock.stage(stage), torch.no_grad():
            displacement = find(pair)
        with clock.stage("to world"):
            transform = middle.transform(displacement, pair.grid, fixed.grid)
    return MethodResult(transform=transform, seconds_by_stage=clock.seconds)
