"""How well a generator does on images that it does not learn from."""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from sarnet.config import TrainingSettings
from sarnet.datasets import Original, simulate_pair
from sarnet.fields import compose, warp
from sarnet.metrics import folding_percent, mask_dice, mean_of_known
from sarnet.networks import Generator, hard_mask

VALIDATION_IMAGES = 16


class Validation(NamedTuple):
    """Means over the validation images; NaN where there is nothing to tell a figure by."""

    field_error: float
    """Of simulated pairs, without augmentation: mean length of the error over mean length of the known field."""
    inverse_consistency: float
    """Of pairs of different images: mean length in voxels of the fields of both ways, one after the other."""
    folding_percent: float
    """Of pairs of different images."""
    pair_dice: float
    """Of pairs of different images that both have a mask: overlap of the fixed mask and the warped one."""
    mask_dice: float
    """Overlap of the fixed image's mask out of feature maps and the manual one, where there are both."""

    def __str__(self) -> str:
        return in_words({"field error": self.field_error, "pairs' Dice": self.pair_dice, "masks' Dice": self.mask_dice})

    def figures(self) -> dict[str, float]:
        """Return the figures by name, as a log has them."""
        return {f"validation_{name}": value for name, value in self._asdict().items()}


def validate(generator: Generator, held_out: Original, *, settings: TrainingSettings) -> Validation:
    """Register each held-out image to itself, deformed by a known field, and, of several, to the next one.

    The generator is judged as it will be used, in evaluation mode and in float32.

    Args:
        generator: On the device that it is to be judged on.
        held_out: Images and masks.
        settings: Of the training: ranges and seed of the simulated pairs.
    """
    device = next(generator.parameters()).device
    training = generator.training
    generator.eval()  # with batch normalisation: nothing is learned from these images
    apart, folds, overlap, segmented = [], [], [], []
    with torch.inference_mode():
        field_error = relative_field_error(generator, held_out, settings=settings, device=device)
        for place in range(len(held_out.image)):
            image, mask = held_out.image[place, None], held_out.mask[place, None]
            other = (place + 1) % len(held_out.image)  # of a single image itself, for its mask
            moving, moving_mask = held_out.image[other, None], held_out.mask[other, None]
            # both ways at once: a batch of two
            there, back = torch.cat([image, moving]).to(device), torch.cat([moving, image]).to(device)
            features = generator.features(there, back)
            displacement = generator.displacement(generator.controls(features))
            forth, reverse = displacement.cpu().chunk(2)
            if other != place:
                apart.append(float(compose(forth, reverse).norm(dim=1).mean()))
                folds.append(folding_percent(forth))
            if other != place and mask.any() and moving_mask.any():
                overlap.append(mask_dice(mask > 0, warp(moving_mask, forth) >= 0.5))
            if generator.settings.segments and mask.any():
                segmented.append(mask_dice(mask > 0, hard_mask(generator.fused_maps(features).fixed[:1]).cpu() > 0))
    generator.train(training)
    return Validation(
        field_error=field_error,
        inverse_consistency=mean_or_nan(apart),
        folding_percent=mean_or_nan(folds),
        pair_dice=mean_or_nan(overlap),
        mask_dice=mean_or_nan(segmented),
    )


def relative_field_error(
    network: Callable[[Tensor, Tensor], Tensor],
    held_out: Original,
    *,
    settings: TrainingSettings,
    device: torch.device,
) -> float:
    """Return the mean error over the mean length of known fields, one an image, by a network on ``device``."""
    rng = torch.Generator().manual_seed(settings.seed)
    error, length = 0.0, 0.0
    for image in held_out.image:
        pair = simulate_pair(image[None], settings=settings.simulation, rng=rng)
        found = network(pair.fixed.to(device), pair.moving.to(device)).cpu()
        error += float((found - pair.displacement).norm(dim=1).mean())
        length += float(pair.displacement.norm(dim=1).mean())
    return error / length if length else math.nan


def mean_dice(segment: Callable[[Tensor], Tensor], held_out: Original) -> float:
    """Return the mean overlap of the masks that ``segment`` sees in the images with the manual ones that there are."""
    masks = zip(held_out.image, held_out.mask, strict=True)
    return mean_or_nan(mask_dice(manual[None] > 0, segment(image[None]) > 0) for image, manual in masks if manual.any())


def mean_or_nan(values: Iterable[float]) -> float:
    """Return the mean of the values that are numbers; NaN if none is."""
    mean = mean_of_known(values)
    return math.nan if mean is None else mean


def in_words(figures: Mapping[str, float]) -> str:
    """Return the figures that are known in a line, a field's error as a share of its length."""
    known = {name: f"{value:.3f}" for name, value in figures.items() if not math.isnan(value)}
    return ", ".join(f"{name} {value}{' of |u|' * (name == 'field error')}" for name, value in known.items())
