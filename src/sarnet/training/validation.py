"""How well a generator does on images that it does not learn from."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from sarnet.config import TrainingSettings
from sarnet.datasets import Original, simulate_pair
from sarnet.fields import compose, warp
from sarnet.metrics import folding_percent, mask_dice, mean_of_known
from sarnet.networks import Generator, hard_mask

VALIDATION_PAIRS = 16


class Validation(NamedTuple):
    """Means over the validation images."""

    field_error: float
    """Of simulated pairs, without augmentation: mean length of the error over mean length of the known field."""
    inverse_consistency: float
    """Of pairs of different images: mean length in voxels of the fields of both ways, one after the other."""
    folding_percent: float
    """Of pairs of different images."""
    pair_dice: float
    """Of pairs of different images: overlap of the fixed mask and the warped one."""
    mask_dice: float
    """Overlap of the fixed image's mask out of feature maps and the manual one; zero where there is none."""

    def __str__(self) -> str:
        text = f"field error {self.field_error:.3f} of |u|, pairs' Dice {self.pair_dice:.3f}"
        return f"{text}, masks' Dice {self.mask_dice:.3f}" if self.mask_dice else text

    def figures(self) -> dict[str, float]:
        """Return the figures by name, as a log has them."""
        return {f"validation_{name}": value for name, value in self._asdict().items()}


def validate(generator: Generator, held_out: Original, *, settings: TrainingSettings) -> Validation:
    """Register each held-out image to itself, deformed by a known field, and to the next one.

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
            other = (place + 1) % len(held_out.image)
            moving, moving_mask = held_out.image[other, None], held_out.mask[other, None]
            # both ways at once: a batch of two
            there, back = torch.cat([image, moving]).to(device), torch.cat([moving, image]).to(device)
            features = generator.features(there, back)
            displacement = generator.displacement(generator.controls(features))
            forth, reverse = displacement.cpu().chunk(2)
            apart.append(float(compose(forth, reverse).norm(dim=1).mean()))
            folds.append(folding_percent(forth))
            overlap.append(mask_dice(mask > 0, warp(moving_mask, forth) >= 0.5))
            if generator.settings.segments:
                segmented.append(mask_dice(mask > 0, hard_mask(generator.fused_maps(features).fixed[:1]).cpu() > 0))
    generator.train(training)
    return Validation(
        field_error=field_error,
        inverse_consistency=mean_of_known(apart) or 0.0,
        folding_percent=mean_of_known(folds) or 0.0,
        pair_dice=mean_of_known(overlap) or 0.0,
        mask_dice=mean_of_known(segmented) or 0.0,
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
    return error / length


def mean_dice(segment: Callable[[Tensor], Tensor], held_out: Original) -> float:
    """Return the mean overlap of the masks that ``segment`` sees in the images with the manual ones."""
    masks = zip(held_out.image, held_out.mask, strict=True)
    overlaps = (mask_dice(manual[None] > 0, segment(image[None]) > 0) for image, manual in masks)
    return mean_of_known(overlaps) or 0.0
