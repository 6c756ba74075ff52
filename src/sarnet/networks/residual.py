"""The paper's trunk: a residual network on the two stacked images (Fig. 1a)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sarnet.config import GeneratorSettings
from sarnet.networks.blocks import BlockStack
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
        self.blocks = BlockStack(settings.blocks, settings.maps, settings.normalisation)

    @staticmethod
    def multiple(settings: GeneratorSettings) -> int:
        """Voxels that each axis of the images must be a multiple of."""
        return settings.stride

    @staticmethod
    def layers(settings: GeneratorSettings) -> tuple[int, int]:
        """Numbers of layers that lie on the fixed and on the moving image's grid."""
        return 1 + 2 * settings.blocks, 1 + 2 * settings.blocks

    def forward(self, fixed: Float[Tensor, "batch 1 y x"], moving: Float[Tensor, "batch 1 y x"]) -> Features:
        entered = self.relu(self.enter(self.to_depth(torch.cat([fixed, moving], dim=1))))
        layers = tuple(self.blocks.layers(entered))
        *earlier, last = layers[2::2]
        batch, _, *grid = last.shape
        base = last.new_zeros(batch, len(grid), *grid)
        return Features(entered + last, tuple(earlier), base, fixed_layers=layers, moving_layers=layers)
