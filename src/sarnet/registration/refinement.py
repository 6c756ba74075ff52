"""Refining the field itself, coarse to fine: the most accurate mode, beyond what the last layer can say."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.config import RefinementSettings
from sarnet.fields import compose, gaussian, one_sided, resize_field, unfolded, warp
from sarnet.registration.adaptation import Adaptation
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.dissimilarity import dissimilarity

_SHORTEST_AXIS = 16
"""Voxels that an axis keeps on every level, if it has as many."""

_LONGEST = 3.0
"""Length of a step's longest vector, to the root mean square of all: a few voxels that cry out do not set the pace."""

_SMALLEST_SQUARE = 1e-24
"""Of a gradient: a pair without any has nothing to step along."""


class _Level(NamedTuple):
    """Images to deform at one resolution, with their regions: both in the middle, in the end the moving one alone."""

    channels: Float[Tensor, "image channel *space"]
    weight: Float[Tensor, "image 1 *space"]


_Cost = Callable[[Tensor, Tensor], Tensor]
"""Of the deformed channels and weights of a level."""


def refine(
    start: Adaptation,
    pair: ComparedPair,
    *,
    settings: RefinementSettings,
    seconds: float | None = None,
) -> Adaptation:
    r"""Refine a field by deforming both images towards their middle.

    Two half fields lead from the middle to either image. Each iteration lowers the dissimilarity of the images that
    they give,

    .. math:: E(v_f, v_m) = D\left(I_{fixed}(x + v_f(x)),\; I_{moving}(x + v_m(x))\right)

    with ``D`` of :func:`sarnet.registration.dissimilarity.dissimilarity`, by a step along its gradient, smoothed, of a
    set length, and *composed* with what there is: a small smooth step does not fold, and neither does one after another
    (a fluid). The steps get shorter towards the end of a level, where long ones would oscillate. The field is
    what the halves come to (:func:`sarnet.fields.joined`).
    Both images are treated alike, so the pair exchanged gives the inverse.

    Args:
        start: What the network found, on the pair's grid or a coarser one of the same extent.
        pair: The images, and where the cost counts.
        settings: Levels, iterations, window and smoothing.
        seconds: Time at most; the levels that are left are then skipped.

    Returns:
        The refined field; the start, without folds, if that has the lower cost. The costs are those of the start and of
        the result at full resolution.

    References:
        Avants et al., Symmetric diffeomorphic image registration with cross-correlation, MedIA 2008.
        https://doi.org/10.1016/j.media.2007.06.004
    """
    began = time.monotonic()
    space = tuple(pair.fixed.shape[2:])
    # counted where the fixed image and the weights stay as they are: in the middle a cost also falls as both leave it
    first = _cost(resize_field(start.displacement, space), pair, settings)
    iterations, reason = 0, "all iterations were done"

    def cost(channels: Tensor, weight: Tensor) -> Tensor:
        return _dissimilarity(channels[:1], channels[1:], weight.prod(dim=0, keepdim=True), pair, settings)

    halves = start.halves
    for factor, count in zip(settings.factors, settings.iterations, strict=True):
        of_level = tuple(max(size // factor, min(size, _SHORTEST_AXIS)) for size in space)
        if factor > 1 and of_level == space:
            continue
        level = _level(pair, of_level)
        halves = resize_field(halves, tuple(level.channels.shape[2:]))
        for done in range(count):
            if seconds is not None and time.monotonic() - began > seconds:
                reason = f"the time limit of {seconds:g} s was reached"
                break
            length = settings.step_voxels * (1 - done / count)
            _, slope = _slope(halves, level, cost)
            halves = _stepped(halves, slope, level, length=length, fluid_voxels=settings.fluid_voxels)
            halves = gaussian(halves, settings.elastic_voxels)
            iterations += 1
    refined = replace(start, halves=resize_field(halves, space), iterations=start.iterations + iterations)
    last = _cost(refined.displacement, pair, settings) if iterations else first
    if not last < first:
        refined = replace(refined, halves=unfolded(resize_field(start.halves, space)))
        reason = f"{reason}, but the cost was no lower" if iterations else reason
    return replace(refined, costs=(first, min(first, last)), stop_reason=reason)


def finish(
    start: Adaptation, pair: ComparedPair, *, settings: RefinementSettings, seconds: float | None = None
) -> Adaptation:
    r"""Take the last steps where the fixed image lies: the moving image alone is deformed and interpolated.

    .. math:: E(u) = D\left(I_{fixed}(x),\; I_{moving}(x + u(x))\right)

    Steps are those of :func:`refine`, shorter and less smooth, and the field is not smoothed after them. A step has a
    set length, also where there is nothing left to find: the first that does not lower the cost is taken back, and ends
    it.

    Args:
        start: What the refinement found, as a field on the pair's grid.
        pair: The images on a grid of the fixed one's space.
        settings: Of the refinement.
        seconds: Time at most; the step that is under way is then taken.

    Returns:
        The field. The costs stay those of the refinement, which were counted in the middle.
    """
    began = time.monotonic()
    steps, field, done = settings.finish, start.displacement, 0
    why = ""
    level = _Level(pair.moving_channels, pair.weight)

    def cost(channels: Tensor, weight: Tensor) -> Tensor:
        return _dissimilarity(pair.fixed_channels, channels, pair.weight * weight, pair, settings)

    lowest, slope = _slope(field, level, cost)
    while done < steps.iterations and (seconds is None or time.monotonic() - began < seconds):
        length = steps.step_voxels * (1 - done / steps.iterations)
        stepped = _stepped(field, slope, level, length=length, fluid_voxels=steps.fluid_voxels)
        reached, slope = _slope(stepped, level, cost)
        if not reached < lowest:
            why = ": the next would not have lowered the cost"
            break
        field, lowest, done = stepped, reached, done + 1
    else:
        if done < steps.iterations:
            why = ": no time was left for further ones"
    return replace(
        start,
        halves=one_sided(field),
        iterations=start.iterations + done,
        stop_reason=f"{start.stop_reason}, then {done} final steps{why}",
    )


def _level(pair: ComparedPair, space: tuple[int, ...]) -> _Level:
    # the mean over what each voxel covers; the extent stays, as resize_field has it
    fixed, moving, weight = (
        F.interpolate(each, size=space, mode="area")
        for each in (pair.fixed_channels, pair.moving_channels, pair.weight)
    )
    return _Level(torch.cat([fixed, moving]), torch.cat([weight, weight]))


def _slope(fields: Tensor, level: _Level, cost: _Cost) -> tuple[float, Tensor]:
    """The cost with the fields, one for each image of the level, and its gradient by a step that comes before them."""
    warped = warp(torch.cat([level.channels, level.weight], dim=1), fields)
    channels = warped[:, :-1].requires_grad_()
    value = cost(channels, warped[:, -1:])
    (slope,) = torch.autograd.grad(value, channels)
    # a step s is applied before the field, I(phi(x + s(x))): what it sees is the slope of the warped image
    along = [
        (slope * torch.gradient(channels.detach(), dim=axis)[0]).sum(dim=1)
        if channels.shape[axis] > 1
        else torch.zeros_like(slope[:, 0])  # what is a voxel thin has nowhere to go
        for axis in range(2, channels.ndim)
    ]
    return float(value.detach()), torch.stack(along, dim=1)


def _stepped(fields: Tensor, slope: Tensor, level: _Level, *, length: float, fluid_voxels: float) -> Tensor:
    """The fields after one step down the gradient, composed with them."""
    return compose(_of_length(gaussian(-slope, fluid_voxels), level.weight, length), fields)


def _of_length(direction: Tensor, weight: Tensor, length: float) -> Tensor:
    """The same directions, of a root mean square length where the cost counts, none longer than three times that."""
    square, axes = direction.square().sum(dim=1, keepdim=True), tuple(range(1, direction.ndim))
    mean = (weight * square).sum(dim=axes, keepdim=True) / weight.sum(dim=axes, keepdim=True)
    relative = (square / mean.clamp_min(_SMALLEST_SQUARE)).sqrt()  # to the root mean square
    shortened = relative.clamp_max(_LONGEST) / relative.clamp_min(1e-6)
    return direction * shortened * (length / mean.clamp_min(_SMALLEST_SQUARE).sqrt())


@torch.no_grad()
def _cost(displacement: Tensor, pair: ComparedPair, settings: RefinementSettings) -> float:
    warped = warp(pair.moving_channels, displacement)
    return float(_dissimilarity(pair.fixed_channels, warped, pair.weight, pair, settings))


def _dissimilarity(
    fixed: Tensor, warped: Tensor, weight: Tensor, pair: ComparedPair, settings: RefinementSettings
) -> Tensor:
    return dissimilarity(
        fixed,
        warped,
        weight=weight,
        similarity=pair.similarity,
        window=settings.window_voxels,
        region_weight=pair.region_weight,
    )
