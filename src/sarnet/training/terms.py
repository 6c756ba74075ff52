"""The terms of the second stage's objective, each computed from a pair that was registered both ways."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from sarnet.config import TrainingSettings
from sarnet.datasets import largest_voxels
from sarnet.fields import compose, warp
from sarnet.losses import (
    VggFeatures,
    cycle,
    field_error,
    folding,
    generator_adversarial,
    lncc,
    mask_overlap,
    mask_supervision,
    nmi,
    normalised_field_error,
    smoothness,
    ssim,
    tie,
    vgg_distance,
)
from sarnet.networks import Discriminator, Generator, soft_mask
from sarnet.training.batches import Batch
from sarnet.training.ways import Way, returned


class Terms:
    """Computes every term that has a weight, by its name in :class:`sarnet.config.ObjectiveSettings`."""

    def __init__(self, settings: TrainingSettings, vgg: VggFeatures | None) -> None:
        """Keep what does not change from step to step.

        Args:
            settings: Of the training.
            vgg: VGG16, where its term has a weight.
        """
        self._stage = settings.adversarial
        self._weights = settings.adversarial.weights.model_dump()
        self._vgg = vgg
        self._largest_voxels = largest_voxels(settings.simulation, settings.size)

    def of_way(
        self, way: Way, batch: Batch, *, seen: tuple[Tensor, Tensor], judge: Discriminator, step: int
    ) -> dict[str, Tensor]:
        """Return the terms of one way.

        Args:
            way: The pairs, and what the generator made of them.
            batch: Which pairs have a known field and which have masks; every weighted term needs at least one.
            seen: What VGG16 and the discriminator see of the fixed and of the warped image.
            judge: The discriminator of this way's fixed images, its parameters frozen.
            step: Number of the step, which the softness of the masks' threshold goes by.
        """
        pair, weight = way.pair, way.pair.weight
        known, segmented = batch.known, batch.segmented
        terms: dict[str, Callable[[], Tensor]] = {
            "nmi": lambda: nmi(pair.fixed, way.warped, weight=weight),
            "ssim": lambda: ssim(pair.fixed, way.warped, weight=weight),
            "vgg": lambda: self._perceived(seen),
            "adversarial": lambda: generator_adversarial(judge(seen[1])),
            "mask_overlap": lambda: _overlap(way, segmented),
            "mask_supervision": lambda: _supervision(way, segmented, self._temperature(step)),
            "field": lambda: self._field(way, known),
            "tie": lambda: _tie(way),
            "field_length": lambda: _length(way.displacement, way, known),
            "coarse_field": lambda: _length(way.coarse, way, known),
            "lncc": lambda: lncc(pair.fixed, way.warped, weight=weight),
            "smoothness": lambda: smoothness(way.displacement),
            "folding": lambda: folding(way.displacement),
        }
        return {name: term() for name, term in terms.items() if self._weights[name]}

    def of_both(self, ways: tuple[Way, Way], *, generator: Generator, reverse: Generator) -> dict[str, Tensor]:
        """Return the terms that need both ways.

        Args:
            ways: There and back.
            generator: G.
            reverse: F, which may be G itself.
        """
        there, back = ways
        terms = {}
        if self._weights["cycle"]:
            passes = self._stage.cycle == "passes"
            to_moving, to_fixed = returned(ways, generator=generator, reverse=reverse, passes=passes)
            # the warped image of the way there came from the moving image, which the way back has as its fixed one
            terms["cycle"] = _cycle(back, to_moving) + _cycle(there, to_fixed)
        if self._weights["inverse_consistency"]:
            terms["inverse_consistency"] = (_apart(there, back) + _apart(back, there)) / 2
        return terms

    def _perceived(self, seen: tuple[Tensor, Tensor]) -> Tensor:
        assert self._vgg is not None
        return vgg_distance(self._vgg, *seen)

    def _field(self, way: Way, known: Tensor) -> Tensor:
        found, wanted = way.displacement[known], way.pair.displacement[known]
        return normalised_field_error(found, wanted, largest_voxels=self._largest_voxels, weight=way.pair.weight[known])

    def _temperature(self, step: int) -> float:
        """From the first to the last, evenly in its logarithm."""
        first, last = (math.log(value) for value in self._stage.temperature)
        return math.exp(first + (last - first) * step / max(1, self._stage.steps - 1))


def _overlap(way: Way, segmented: Tensor) -> Tensor:
    warped = warp(way.pair.moving_mask[segmented], way.displacement[segmented])
    return mask_overlap(way.pair.fixed_mask[segmented], warped)


def _supervision(way: Way, segmented: Tensor, temperature: float) -> Tensor:
    assert way.fused is not None
    fixed, moving = (soft_mask(fused[segmented], temperature=temperature) for fused in way.fused)
    of_fixed = mask_supervision(fixed, way.pair.fixed_mask[segmented])
    return (of_fixed + mask_supervision(moving, way.pair.moving_mask[segmented])) / 2


def _tie(way: Way) -> Tensor:
    assert way.synthesized is not None
    return tie(way.synthesized, way.warped)


def _length(displacement: Tensor, way: Way, known: Tensor) -> Tensor:
    return field_error(
        displacement[known], way.pair.displacement[known], weight=way.pair.weight[known], norm="euclidean"
    )


def _cycle(way: Way, returned_image: Tensor) -> Tensor:
    return cycle(way.pair.fixed, returned_image, weight=way.pair.weight)


def _apart(first: Way, second: Way) -> Tensor:
    """Mean length of two ways' fields one after the other: how far one misses being the other's inverse."""
    together = compose(first.displacement, second.displacement)
    return field_error(together, torch.zeros_like(together), weight=first.pair.weight, norm="euclidean")
