"""FlowNetS: a network that contracts both images together and expands to a field, refined from level to level."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from sarnet.config import PeerNetworkSettings

_UNIT_VOXELS = 20.0
"""Voxels to one unit of the network's output: the authors' scale of their flow."""

_LEAK = 0.1

_WIDTHS, _KERNELS = (1, 2, 4, 8, 8, 16), (7, 5, 5, 3, 3, 3)
"""Of the six halvings: maps in shares of the first's, and the convolution's width."""

_UP_WIDTHS = (8, 4, 2, 1)


class FlowNet(nn.Module):
    """Six halvings, four refinements: fields at 1/64 to 1/4 of the resolution, each from the one before.

    References:
        Dosovitskiy et al., FlowNet: learning optical flow with convolutional networks, ICCV 2015, fig. 2 and 3.
        https://arxiv.org/abs/1504.06852
    """

    def __init__(self, settings: PeerNetworkSettings) -> None:
        super().__init__()
        down = [settings.maps * width for width in _WIDTHS]
        inputs = [2, *down[:-1]]
        self.down = nn.ModuleList(
            _convolution(came, maps, kernel, stride=2) for came, maps, kernel in zip(inputs, down, _KERNELS)
        )
        # from the third on, a second one at the same resolution
        self.same = nn.ModuleList(
            nn.Identity() if level < 2 else _convolution(maps, maps, 3) for level, maps in enumerate(down)
        )
        up = [settings.maps * width for width in _UP_WIDTHS]
        came = [down[-1], *(skip + own + 2 for skip, own in zip(down[-2:0:-1], up))]
        self.up = nn.ModuleList(nn.ConvTranspose2d(each, maps, 4, stride=2, padding=1) for each, maps in zip(came, up))
        self.field = nn.ModuleList(nn.Conv2d(each, 2, 3, padding=1) for each in came)
        self.field_up = nn.ModuleList(nn.ConvTranspose2d(2, 2, 4, stride=2, padding=1) for _ in up)
        for head in self.field:
            assert isinstance(head, nn.Conv2d)
            assert head.bias is not None
            nn.init.normal_(head.weight, std=1e-3)
            nn.init.zeros_(head.bias)

    @property
    def multiple(self) -> int:
        """Voxels that each axis of the images must be a multiple of."""
        return 64

    def pyramid(
        self, fixed: Float[Tensor, "batch 1 y x"], moving: Float[Tensor, "batch 1 y x"]
    ) -> list[Float[Tensor, "batch 2 ..."]]:
        """Return the field at every resolution, coarsest first, all of them in voxels of the images."""
        maps = torch.cat([fixed, moving], dim=1)
        skips = []
        for halve, keep in zip(self.down, self.same):
            maps = keep(halve(maps))
            skips.append(maps)
        fields = [self.field[0](maps)]
        for level, skip in enumerate(skips[-2:0:-1]):
            finer = F.leaky_relu(self.up[level](maps), _LEAK)
            maps = torch.cat([skip, finer, self.field_up[level](fields[-1])], dim=1)
            fields.append(self.field[level + 1](maps))
        return [_UNIT_VOXELS * field.float() for field in fields]

    def forward(
        self, fixed: Float[Tensor, "batch 1 y x"], moving: Float[Tensor, "batch 1 y x"]
    ) -> Float[Tensor, "batch 2 y x"]:
        finest = self.pyramid(fixed, moving)[-1]
        return F.interpolate(finest, size=fixed.shape[2:], mode="bilinear", align_corners=False)


def _convolution(inputs: int, outputs: int, kernel: int, *, stride: int = 1) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2), nn.LeakyReLU(_LEAK))
