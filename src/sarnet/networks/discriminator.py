"""The discriminator D: does an image come from the data, or was it warped? (Fig. 1b)."""

from jaxtyping import Float
from torch import Tensor, nn

from sarnet.config import DiscriminatorSettings

_SLOPE = 0.2
"""Of LeakyReLU, SRGAN's."""

_HIDDEN = 2
"""Units of the first dense layer to one map of the last convolution."""


class Discriminator(nn.Module):
    """Eight 3 x 3 convolutions, two dense layers, one logit (method, section 4).

    The maps double three times, from ``maps`` to eight times as many, and each number of maps has a convolution of
    stride one and one of stride two. The maps are averaged over the image before the dense layers, so any size of
    image will do. What comes out is a logit: its sigmoid is the probability that the image is real.

    References:
        Ledig et al., SRGAN, CVPR 2017, Fig. 4. https://arxiv.org/abs/1609.04802
    """

    def __init__(self, settings: DiscriminatorSettings) -> None:
        super().__init__()
        self.settings = settings
        layers: list[nn.Module] = []
        came = 1
        for doublings in range(4):
            maps = settings.maps * 2**doublings
            for stride in (1, 2):
                layers += [nn.Conv2d(came, maps, 3, stride=stride, padding=1), nn.LeakyReLU(_SLOPE)]
                came = maps
        self.convolutions = nn.Sequential(*layers)
        self.dense = nn.Sequential(nn.Linear(came, _HIDDEN * came), nn.LeakyReLU(_SLOPE), nn.Linear(_HIDDEN * came, 1))

    def forward(self, image: Float[Tensor, "batch 1 y x"]) -> Float[Tensor, " batch"]:
        logit: Tensor = self.dense(self.convolutions(image).mean(dim=(2, 3)))
        return logit[:, 0].float()
