"""The paper's trunk: a residual network on the two stacked images (Fig. 1a)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sarnet.config import GeneratorSettings
from sarnet.networks.blocks import ResidualBlock, through_blocks
from sarnet.networks.features import Features


class ResidualTrunk(nn.Module):
    """An input convolution, residual blocks and an outer skip: SRGAN's generator without its upsampling.

    References:
        Ledig et al., SRGAN, CVPR 2017, Fig. 4. https://arxiv.org/abs/1609.04802
    """

    def __init__(self, settings: GeneratorSettings) -> None:
        super().__init__()
        self.to_depth = nn.PixelUnshuffle(settings.stride)
        self.enter = nn.Conv2d(2 * settings.stride**2, settings.maps, 3, padding=1)
        self.relu = nn.ReLU()
        self.blocks = nn.Sequential(
            *(ResidualBlock(settings.maps, settings.normalisation) for _ in range(settings.blocks))
        )

    @staticmethod
    def multiple(settings: GeneratorSettings) -> int:
        """Voxels that each axis of the images must be a multiple of."""
        return settings.stride

    def forward(self, fixed: Float[Tensor, "batch 1 y x"], moving: Float[Tensor, "batch 1 y x"]) -> Features:
        entered = self.relu(self.enter(self.to_depth(torch.cat([fixed, moving], dim=1))))
        _, *earlier, last = through_blocks(self.blocks, entered)
        batch, _, *grid = last.shape
        return Features(entered + last, tuple(earlier), last.new_zeros(batch, len(grid), *grid))
