"""Masks where an archive has none: out of a released generator's feature maps, or a U-Net's."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sarnet.config import CurationSettings
from sarnet.curation.entry import sha256_of
from sarnet.curation.placing import wanted_grid, written_at
from sarnet.errors import InputError, WeightsError
from sarnet.images import Image, normalise, resample

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

_SIDE = 256
"""Pixels squared that the networks were trained on."""


class Drawn(NamedTuple):
    """A mask, and what drew it."""

    mask: Image
    by: str


def draw_mask(image: Image, model: str) -> Drawn:
    """Draw the mask (255 is inside) of an image of two axes, on its grid.

    The image is stretched onto 256 x 256 pixels, as those that the networks learned from. A generator sees it twice.

    Args:
        image: Of any intensity unit.
        model: A released generator with masks, or a file of one or of a U-Net.

    Raises:
        InputError: If the image is a volume, or the generator draws no masks.
        WeightsError: If there is no such model.
    """
    import torch  # noqa: PLC0415  seconds: not for a run with nothing to draw

    if image.grid.dimension != 2:
        raise InputError("has three axes, but masks can be drawn for two alone")
    segment, by = _segmenter(model, written_at(model))
    grid = wanted_grid(image.grid, CurationSettings(size=_SIDE))
    seen = torch.from_numpy(normalise(resample(image, grid).array))[None, None]
    inside = segment(seen)[0, 0].numpy() > 0
    mask = resample(Image(array=np.uint8(255) * inside, grid=grid), image.grid, interpolation="nearest")
    return Drawn(replace(mask, notes=()), by)


@lru_cache(maxsize=1)
def _segmenter(model: str, time_ns: int) -> "tuple[Callable[[Tensor], Tensor], str]":
    """From an image to its mask, and the model's name with its hash: loaded once by each process for a file."""
    import torch  # noqa: PLC0415

    from sarnet.networks import hard_mask, load_generator, load_unet, predicted_mask  # noqa: PLC0415

    if Path(model).is_file():
        try:
            network = load_unet(Path(model))
        except WeightsError:
            pass  # a generator's file then, or load_generator says what it is
        else:
            return lambda image: predicted_mask(network, image), f"{Path(model).stem} {sha256_of(Path(model))[:12]}"
    loaded = load_generator(model)
    generator = loaded.generator
    if not generator.settings.segments:
        raise InputError(f"model {model} draws no masks: choose one trained with segments = true")

    def segment(image: "Tensor") -> "Tensor":
        with torch.inference_mode():
            return hard_mask(generator.fused_maps(generator.features(image, image)).fixed)

    return segment, f"{loaded.name} {loaded.sha256[:12]}"
