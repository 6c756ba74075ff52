"""DIR-Net: a convolutional regressor of a B-spline's control points (de Vos 2017)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sarnet.config import PeerNetworkSettings
from sarnet.fields import bspline_field


class DirNet(nn.Module):
    """Both images in; convolutions and average pooling down to the grid of controls; a cubic B-spline out.

    Each 3 x 3 convolution is followed by batch normalisation and an exponential linear unit. The paper does not say how
    its last layer begins: here near zero, so that training begins at the identity.

    References:
        de Vos et al., End-to-end unsupervised deformable image registration with a convolutional neural network, DLMIA
        2017. https://arxiv.org/abs/1704.06065
    """

    def __init__(self, settings: PeerNetworkSettings) -> None:
        super().__init__()
        maps = settings.maps
        self.spacing = 2**settings.poolings
        layers: list[nn.Module] = []
        for level in range(settings.poolings):
            layers += [*_layer(2 if level == 0 else maps, maps, width=3), nn.AvgPool2d(2)]
        layers += [*_layer(maps, maps, width=3), *_layer(maps, maps, width=3)]
        layers += [*_layer(maps, maps, width=1), *_layer(maps, maps, width=1)]
        self.regressor = nn.Sequential(*layers)
        self.last = nn.Conv2d(maps, 2, 1)
        nn.init.normal_(self.last.weight, std=1e-3)
        assert self.last.bias is not None
        nn.init.zeros_(self.last.bias)

    @property
    def multiple(self) -> int:
        """Voxels that each axis of the images must be a multiple of."""
        return int(self.spacing)

    def forward(
        self, fixed: Float[Tensor, "batch 1 y x"], moving: Float[Tensor, "batch 1 y x"]
    ) -> Float[Tensor, "batch 2 y x"]:
        controls = self.last(self.regressor(torch.cat([fixed, moving], dim=1))).float()
        space = tuple(fixed.shape[2:])
        # a control is the middle of the voxels that it was pooled from
        return bspline_field(controls, space, spacing=self.spacing, origin=(self.spacing - 1) / 2)


def _layer(inputs: int, outputs: int, *, width: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, width, padding=width // 2), nn.BatchNorm2d(outputs), nn.ELU()]
