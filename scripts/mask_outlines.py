#!/usr/bin/env python3
"""Draw the masks of lungs that feature maps give beside those by hand and by a U-Net (the paper's Fig. 2).

    python scripts/mask_outlines.py docs/masks.png --visits visits.csv --unet weights/unet.safetensors [--images]

The test images whose Dice by the feature maps is at the 5th, 35th, 65th and 95th percentile: an upper row of the fused
maps that the masks are cut from, a lower row of outlines, on the X-rays themselves with --images.
"""

from pathlib import Path
from typing import Annotated

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch
import typer
from matplotlib.lines import Line2D

from sarnet.benchmark.lungs import IMAGE_SIZE, radiographs_of
from sarnet.config import BenchmarkSettings
from sarnet.datasets import load_originals
from sarnet.metrics import mask_dice
from sarnet.networks import hard_mask, load_generator, load_unet, predicted_mask

PERCENTILES = (5, 35, 65, 95)
HAND, MAPS, UNET = "0.55", "#d1495b", "#2e6f95"


def main(
    picture: Path,
    visits: Annotated[Path, typer.Option()],
    unet: Annotated[Path, typer.Option()],
    images: Annotated[bool, typer.Option("--images")] = False,
) -> None:
    """Segment the test split, choose and draw."""
    mpl.use("Agg")
    test = radiographs_of(BenchmarkSettings(protocol="lung-masks", data=visits, dataset="shenzhen"))
    originals = load_originals(test, size=IMAGE_SIZE)
    generator, network = load_generator().generator, load_unet(unet)
    fused, by_hand, by_unet = [], originals.mask > 0, []
    with torch.inference_mode():
        for place in range(len(test)):
            image, other = (originals.image[index % len(test), None] for index in (place, place + 1))
            fused.append(generator.fused_maps(generator.features(image, other)).fixed)
            by_unet.append(predicted_mask(network, image) > 0)
    masks = [hard_mask(each) > 0 for each in fused]
    dices = [mask_dice(hand[None], mask) for hand, mask in zip(by_hand, masks, strict=True)]
    chosen = [int(np.argsort(dices)[round(share / 100 * (len(dices) - 1))]) for share in PERCENTILES]
    figure, axes = plt.subplots(2, len(chosen), figsize=(2.6 * len(chosen), 5.6), layout="constrained")
    for (upper, lower), place in zip(axes.T, chosen, strict=True):
        upper.imshow(fused[place][0, 0], cmap="gray")
        upper.set_title(f"Dice {dices[place]:.3f}")
        shown = originals.image[place, 0] if images else torch.ones(originals.image.shape[2:])
        lower.imshow(shown, cmap="gray", vmin=0, vmax=1)
        lower.contourf(by_hand[place, 0], levels=[0.5, 1.5], colors=[HAND], alpha=0.3 if images else 0.5)
        lower.contour(masks[place][0, 0], levels=[0.5], colors=[MAPS], linewidths=1.4)
        lower.contour(by_unet[place][0, 0], levels=[0.5], colors=[UNET], linewidths=1.4)
        for axis in (upper, lower):
            axis.set(xticks=[], yticks=[])
    axes[0, 0].set_ylabel("fused feature maps")
    axes[1, 0].set_ylabel("masks")
    names = {"by hand": HAND, "feature maps": MAPS, "U-Net": UNET}
    lines = [Line2D([], [], color=colour, linewidth=3, label=name) for name, colour in names.items()]
    figure.legend(handles=lines, loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(picture, dpi=110)


if __name__ == "__main__":
    typer.run(main)
