"""A pair registered both ways: by G from moving to fixed, by F back."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.datasets import TrainingPair, joined
from sarnet.fields import warp
from sarnet.networks import Features, FusedMaps, Generator
from sarnet.training.batches import channels_last


class Way(NamedTuple):
    """One direction of a batch of pairs, and what a generator made of it."""

    pair: TrainingPair
    """With the roles that the images have on this way."""
    displacement: Float[Tensor, "batch 2 y x"]
    coarse: Float[Tensor, "batch 2 y x"]
    """The field of the trunk's own base."""
    warped: Float[Tensor, "batch 1 y x"]
    synthesized: Float[Tensor, "batch 1 y x"] | None
    """The generator's own image, where it gives one."""
    fused: FusedMaps | None
    """The maps that masks are cut from, where it gives them."""


def both_ways(generator: Generator, reverse: Generator, pair: TrainingPair) -> tuple[Way, Way]:
    """Register pairs there and back, in one pass where both ways are the same network's.

    Args:
        generator: G, moving to fixed.
        reverse: F, fixed to moving; may be ``generator`` itself.
        pair: The images, on the networks' device.
    """
    if reverse is generator:
        both = _way(generator, joined([pair, pair.exchanged()]))
        there, back = (_half(both, part) for part in (0, 1))
        return there, back
    return _way(generator, pair), _way(reverse, pair.exchanged())


def _way(generator: Generator, pair: TrainingPair) -> Way:
    features = generator.features(channels_last(pair.fixed), channels_last(pair.moving))
    displacement = generator.displacement(generator.controls(features))
    return Way(
        pair=pair,
        displacement=displacement,
        coarse=generator.displacement(features.base),
        warped=warp(pair.moving, displacement),
        synthesized=_synthesized(generator, features),
        fused=generator.fused_maps(features) if generator.settings.segments else None,
    )


def _synthesized(generator: Generator, features: Features) -> Tensor | None:
    return generator.synthesized(features) if generator.settings.synthesizes else None


def _half(both: Way, part: int) -> Way:
    def half(whole: Tensor) -> Tensor:
        return whole.chunk(2)[part]

    return Way(
        pair=TrainingPair(*map(half, both.pair)),
        displacement=half(both.displacement),
        coarse=half(both.coarse),
        warped=half(both.warped),
        synthesized=None if both.synthesized is None else half(both.synthesized),
        fused=None if both.fused is None else FusedMaps(*map(half, both.fused)),
    )


def returned(
    ways: tuple[Way, Way], *, generator: Generator, reverse: Generator, passes: bool
) -> tuple[Float[Tensor, "batch 1 y x"], Float[Tensor, "batch 1 y x"]]:
    """Bring each warped image back to where it came from (eq. 4): ``F(G(x))`` and ``G(F(y))``.

    Args:
        ways: There and back.
        generator: G.
        reverse: F.
        passes: Whether the networks look at the warped images, as in the paper; else the fields that they found for the
            images themselves lead back.
    """
    there, back = ways
    if not passes:
        return warp(there.warped, back.displacement), warp(back.warped, there.displacement)
    # F registers the warped image to the moving one it was made of, G that of the way back to the fixed one
    to_moving = reverse(channels_last(there.pair.moving), channels_last(there.warped))
    to_fixed = generator(channels_last(back.pair.moving), channels_last(back.warped))
    return warp(there.warped, to_moving), warp(back.warped, to_fixed)


def judged(
    way: Way, *, scale: int, voxels: int | None, rng: torch.Generator
) -> tuple[Float[Tensor, "batch 1 y x"], Float[Tensor, "batch 1 y x"]]:
    """Return what VGG16 and a discriminator see of the fixed and the warped image: the same crop of both.

    Args:
        way: Whose images.
        scale: So many times reduced.
        voxels: Side of the crop at that scale; all of the image where left out.
        rng: Where the crop lies.
    """
    space = [size // scale for size in way.warped.shape[2:]]
    side = [size if voxels is None else min(voxels, size) for size in space]
    top, left = (int(torch.randint(size - kept + 1, (), generator=rng)) for size, kept in zip(space, side, strict=True))

    def view(image: Tensor) -> Tensor:
        return F.avg_pool2d(image, scale)[:, :, top : top + side[0], left : left + side[1]]

    return view(way.pair.fixed), view(way.warped)
