"""A validation pair as the network registers it, to look at while it learns."""

from pathlib import Path

import torch

from sarnet.datasets import Original
from sarnet.fields import warp
from sarnet.networks import Generator, hard_mask

_GRID_STEP = 8
"""Voxels between the lines that show the field."""


def save_picture(generator: Generator, held_out: Original, path: Path) -> None:
    """Register the second held-out image to the first and draw what came of it.

    Panels: fixed, moving, warped, their difference before and after, the field's grid, and the fused map with the
    mask that is cut from it, where the generator gives one.

    Args:
        generator: On any device.
        held_out: Of a single image it is registered to itself.
        path: PNG to write; its folder is made.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  # slow to import, and wanted once in hundreds of steps

    device = next(generator.parameters()).device
    training = generator.training
    generator.eval()
    fixed, moving = held_out.image[0, None].to(device), held_out.image[1 % len(held_out.image), None].to(device)
    with torch.inference_mode():
        features = generator.features(fixed, moving)
        displacement = generator.displacement(generator.controls(features))
        warped = warp(moving, displacement)
        fused = generator.fused_maps(features).fixed if generator.settings.segments else None
        mask = None if fused is None else hard_mask(fused)
    generator.train(training)

    panels = {"fixed": fixed, "moving": moving, "warped": warped, "moving - fixed": moving - fixed}
    panels["warped - fixed"] = warped - fixed
    figure = Figure(figsize=(3 * (len(panels) + 1 + (fused is not None)), 3.2), layout="constrained")
    axes = figure.subplots(1, len(panels) + 1 + (fused is not None))
    for axis, (name, panel) in zip(axes, panels.items(), strict=False):
        is_difference = "-" in name
        colours = {"cmap": "RdBu", "vmin": -1, "vmax": 1} if is_difference else {"cmap": "gray", "vmin": 0, "vmax": 1}
        axis.imshow(panel[0, 0].cpu().numpy(), **colours)
        axis.set_title(name)
    y, x = (torch.arange(size).view(shape) for size, shape in zip(fixed.shape[2:], ((-1, 1), (1, -1)), strict=True))
    rows, columns = (place.numpy() for place in (y + displacement[0, 0].cpu(), x + displacement[0, 1].cpu()))
    grid = axes[len(panels)]
    grid.plot(columns[::_GRID_STEP].T, rows[::_GRID_STEP].T, color="tab:blue", linewidth=0.6)
    grid.plot(columns[:, ::_GRID_STEP], rows[:, ::_GRID_STEP], color="tab:blue", linewidth=0.6)
    grid.invert_yaxis()
    grid.set_aspect("equal")
    grid.set_title("field")
    if fused is not None and mask is not None:
        axes[-1].imshow(fused[0, 0].cpu().numpy(), cmap="viridis")
        axes[-1].contour(mask[0, 0].cpu().numpy(), levels=[0.5], colors="tab:orange", linewidths=1)
        axes[-1].set_title("fused maps, mask")
    for axis in axes:
        axis.set_axis_off()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)
