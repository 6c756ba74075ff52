"""Difference of two images in the feature maps of VGG16."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sarnet.errors import ShapeError
from sarnet.losses.arithmetic import check_one_shape

_GROUPS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))
"""Maps of each convolution, a group between two poolings."""

SMALLEST_SIDE = 2 ** (len(_GROUPS) - 1)
"""In pixels; what is left of it before the last group is one."""

_SMALLEST_SCALE = 1e-6
"""Keeps a layer that is zero for both images at a difference of zero."""


@dataclass(frozen=True, kw_only=True)
class VggRecord:
    """Which published weights these are, and what they want to see: ``(scale rgb - mean) / std``."""

    name: str
    """Who published them."""

    scale: float
    """Intensity of white; images come in with 1."""

    mean: tuple[float, float, float]
    """Of red, green and blue, in that unit."""

    std: tuple[float, float, float]
    """The same."""


class VggFeatures(nn.Module):
    """VGG16 up to its last convolution; called on grey images in [0, 1], it returns the maps of all thirteen layers.

    Its weights are read by :func:`sarnet.losses.read_vgg`; the layers are numbered as torchvision numbers them.

    References:
        Simonyan & Zisserman, Very deep convolutional networks for large-scale image recognition, ICLR 2015, table 1 D.
        https://arxiv.org/abs/1409.1556
    """

    def __init__(self, record: VggRecord) -> None:
        super().__init__()
        self.record = record
        layers: list[nn.Module] = []
        before = 3
        for group in _GROUPS:
            for maps in group:
                layers += [nn.Conv2d(before, maps, 3, padding=1), nn.ReLU()]
                before = maps
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers[:-1])  # nothing reads what the last pooling gives

    def forward(self, image: Float[Tensor, "batch 1 y x"]) -> list[Tensor]:
        """Return each layer's maps behind its ReLU, (batch, map, y, x) on ever coarser grids."""
        weight = next(self.parameters())
        stages = []
        # activations of up to 1e4 would be rounded to tens in half precision
        with torch.autocast(image.device.type, enabled=False):
            maps = self._as_published(image.to(weight.dtype))
            for layer in self.features:
                maps = layer(maps)
                if isinstance(layer, nn.ReLU):
                    stages.append(maps)
        return stages

    def _as_published(self, image: Tensor) -> Tensor:
        """Grey as the three colours that the weights were trained on."""
        mean, std = (image.new_tensor(values).view(1, 3, 1, 1) for values in (self.record.mean, self.record.std))
        return (self.record.scale * image - mean) / std


def vgg_distance(
    features: VggFeatures, fixed: Float[Tensor, "batch 1 y x"], warped: Float[Tensor, "batch 1 y x"]
) -> Float[Tensor, ""]:
    r"""Return the mean squared difference over all feature maps of VGG16 (eq. 2).

    .. math:: \frac{1}{\sum_l K_l} \sum_l \sum_{k=1}^{K_l}
        \frac{1}{N_l} \sum_x \left(\frac{\phi_{lk}(f)(x) - \phi_{lk}(m)(x)}{s_l}\right)^2

    with the :math:`K_l` maps :math:`\phi_{lk}` of layer ``l``, 4,224 in all thirteen, and one scale :math:`s_l` a layer
    and pair: the largest value of either image's maps, which takes both to [0, 1] and leaves alone what tells them
    apart.

    In [0, 1]; zero for equal images.

    Args:
        features: VGG16 with its weights.
        fixed: Fixed image, intensities in [0, 1], at least 16 pixels along each axis.
        warped: Warped moving image, the same.

    Raises:
        ShapeError: If the shapes differ, or an axis is too short for four poolings.

    Notes:
        The scale counts as a constant: were it differentiated, the term would fall as the warped image's brightest
        feature grew brighter, with nothing aligned by it.
    """
    check_one_shape(fixed=fixed, warped=warped)
    if min(fixed.shape[2:]) < SMALLEST_SIDE:
        raise ShapeError(
            f"fixed has shape {tuple(fixed.shape)}, but VGG16 needs {SMALLEST_SIDE} pixels along each axis"
        )
    layers = zip(features(fixed), features(warped), strict=True)
    sums = torch.stack([_mean_of_each_map(a, b).sum(dim=1) for a, b in layers])  # (layer, batch)
    return (sums.sum(dim=0) / sum(map(sum, _GROUPS))).mean()


def _mean_of_each_map(fixed: Tensor, warped: Tensor) -> Tensor:
    """Mean squared difference of one layer's maps, scaled by the pair's largest value; (batch, map)."""
    scale = torch.maximum(fixed.detach().amax(dim=(1, 2, 3)), warped.detach().amax(dim=(1, 2, 3)))
    difference = (fixed - warped) / scale.clamp_min(_SMALLEST_SCALE).view(-1, 1, 1, 1)
    return difference.square().mean(dim=(2, 3))
