"""This project's trunk: it encodes each image by the same layers and compares the two, first coarsely, then finely."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from sarnet.config import GeneratorSettings
from sarnet.fields import bspline_field, warp
from sarnet.networks.blocks import BlockStack
from sarnet.networks.correlation import local_correlation
from sarnet.networks.features import Features

_COARSER = 2
"""Voxels of the trunk's grid to one of the coarse grid."""


class MatchingTrunk(nn.Module):
    """A shared encoder, then on two grids: warp by what is known, correlate, decode.

    The coarse grid sees twice as far and gives a field of its own; the moving image's features are warped by it, so
    that the fine grid only has to find the rest. The coarse field is the base that the last layer's output is added to.

    References:
        Sun et al., PWC-Net, CVPR 2018. https://arxiv.org/abs/1709.02371
    """

    def __init__(self, settings: GeneratorSettings) -> None:
        super().__init__()
        maps, norm = settings.maps, settings.normalisation
        self.radius = settings.radius
        offsets = (2 * settings.radius + 1) ** 2

        def blocks(count: int) -> BlockStack:
            return BlockStack(count, maps, norm)

        self.encode = nn.Sequential(
            nn.PixelUnshuffle(settings.stride),
            nn.Conv2d(settings.stride**2, maps, 3, padding=1),
            nn.ReLU(),
            blocks(settings.encoder_blocks),
        )
        self.encode_coarse = nn.Sequential(
            nn.Conv2d(maps, maps, 3, padding=1, stride=_COARSER), nn.ReLU(), blocks(settings.encoder_blocks)
        )
        self.project = nn.Conv2d(maps, settings.matched_maps, 1)
        self.project_coarse = nn.Conv2d(maps, settings.matched_maps, 1)
        self.decode_coarse = nn.Sequential(
            nn.Conv2d(offsets + maps, maps, 3, padding=1), nn.ReLU(), blocks(settings.blocks)
        )
        self.coarse_field = nn.Conv2d(maps, 2, 3, padding=1)
        self.decode = nn.Sequential(
            nn.Conv2d(offsets + 2 * maps + 2, maps, 3, padding=1), nn.ReLU(), blocks(settings.blocks)
        )
        nn.init.normal_(self.coarse_field.weight, std=1e-3)
        nn.init.zeros_(self.coarse_field.bias)  # type: ignore[arg-type]  # a convolution made with its bias has one

    @staticmethod
    def multiple(settings: GeneratorSettings) -> int:
        """Voxels that each axis of the images must be a multiple of."""
        return settings.stride * _COARSER

    @staticmethod
    def layers(settings: GeneratorSettings) -> tuple[int, int]:
        """Numbers of layers on the fixed image's grid, encoders and decoders, and on the moving one's, encoders."""
        encoders, decoders = 2 * (1 + 2 * settings.encoder_blocks), 2 * (1 + 2 * settings.blocks)
        return encoders + decoders, encoders

    def forward(self, fixed: Float[Tensor, "batch 1 y x"], moving: Float[Tensor, "batch 1 y x"]) -> Features:
        # one pass for both images; (2 batch, maps, y, x)
        encoded = _layers(self.encode, torch.cat([fixed, moving]))
        encoded_coarse = _layers(self.encode_coarse, encoded[-1])
        fixed_fine, moving_fine = encoded[-1].chunk(2)
        fixed_coarse, _ = encoded_coarse[-1].chunk(2)
        space = (fixed_fine.shape[2], fixed_fine.shape[3])

        cost = local_correlation(*self.project_coarse(encoded_coarse[-1]).chunk(2), radius=self.radius)
        decoded_coarse = _layers(self.decode_coarse, torch.cat([cost, fixed_coarse], dim=1))
        coarse = decoded_coarse[-1]
        controls = _COARSER * self.coarse_field(coarse).float()
        base = bspline_field(controls, space, spacing=_COARSER, origin=(_COARSER - 1) / 2)

        warped = warp(self.project(moving_fine).float(), base)
        cost = local_correlation(self.project(fixed_fine), warped.to(fixed_fine.dtype), radius=self.radius)
        above = F.interpolate(coarse, scale_factor=_COARSER, mode="nearest")
        known = torch.cat([cost, fixed_fine, above, base.to(fixed_fine.dtype)], dim=1)
        decoded = _layers(self.decode, known)
        *earlier, last = decoded[2::2]
        smooth = F.interpolate(coarse, scale_factor=_COARSER, mode="bilinear", align_corners=False)

        of_fixed, of_moving = zip(*(layer.chunk(2) for layer in (*encoded, *encoded_coarse)), strict=True)
        return Features(
            last,
            (smooth, *earlier),
            base,
            fixed_layers=(*of_fixed, *decoded_coarse, *decoded),
            moving_layers=of_moving,
        )


def _layers(stage: nn.Sequential, maps: Tensor) -> list[Tensor]:
    """What every convolution of a stage gives: those before its blocks, counted as one, and those in them."""
    *enter, blocks = stage
    assert isinstance(blocks, BlockStack)
    for layer in enter:
        maps = layer(maps)
    return blocks.layers(maps)
