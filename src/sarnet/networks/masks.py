"""Masks out of the generator's own feature maps: no network of their own (method, section 5)."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from sarnet.errors import ShapeError
from sarnet.networks.otsu import otsu_level

_SMALLEST_RANGE = 1e-6
"""A map whose values differ by less says nothing, and counts as zero."""


class FusedMaps(NamedTuple):
    """The fused map of each image of a pair, in [0, 1]: a mask once it is cut at Otsu's level."""

    fixed: Float[Tensor, "batch 1 y x"]
    moving: Float[Tensor, "batch 1 y x"]


class MapFusion(nn.Module):
    r"""Fuse the feature maps of many layers into one map.

    .. math:: f = \sum_{l, c} w_{lc}\, \frac{m_{lc} - \min m_{lc}}{\max m_{lc} - \min m_{lc}},
        \qquad w \ge 0, \quad \sum_{l, c} w_{lc} = 1

    Each map ``m`` is scaled to [0, 1] over its own image. The weights are learned ("the weights quantify the importance
    of each map"): a softmax keeps them positive and their sum one, so the fused map stays in [0, 1].
    """

    def __init__(self, layers: int, maps: int) -> None:
        """Begin with equal weights.

        Args:
            layers: Number of layers.
            maps: Maps of each of them.
        """
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(layers, maps))

    def forward(
        self, layers: tuple[Float[Tensor, "batch channel _ _"], ...], space: tuple[int, int]
    ) -> Float[Tensor, "batch 1 y x"]:
        """Return the fused map.

        Args:
            layers: Feature maps, each layer at its own resolution, all of one extent.
            space: Size of the result: that of the images.

        Raises:
            ShapeError: If there are more or fewer layers than there are weights for.
        """
        if len(layers) != len(self.logits):
            raise ShapeError(f"layers has {len(layers)} entries, but there are weights for {len(self.logits)}")
        weights = self.logits.flatten().softmax(0).view_as(self.logits)
        by_size: dict[tuple[int, ...], Tensor] = {}
        for layer, weight in zip(layers, weights, strict=True):
            fused = _weighted(layer.float(), weight)
            size = tuple(fused.shape[2:])
            by_size[size] = by_size[size] + fused if size in by_size else fused
        # interpolation is linear: adding up first, it is done once a resolution instead of once a layer
        scaled = [F.interpolate(fused, size=space, mode="bilinear", align_corners=False) for fused in by_size.values()]
        return torch.stack(scaled).sum(0)


def hard_mask(fused: Float[Tensor, "batch 1 y x"]) -> Float[Tensor, "batch 1 y x"]:
    """Cut a fused map at Otsu's level: 1 above, 0 below."""
    return (fused > otsu_level(fused).view(-1, 1, 1, 1)).to(fused.dtype)


def soft_mask(fused: Float[Tensor, "batch 1 y x"], *, temperature: float) -> Float[Tensor, "batch 1 y x"]:
    r"""Cut a fused map at Otsu's level so softly that gradients pass.

    .. math:: \sigma\left((f - t_{Otsu}) / \tau\right)

    Args:
        fused: Map in [0, 1].
        temperature: :math:`\tau`, in the map's unit; the smaller, the nearer to :func:`hard_mask`.
    """
    return torch.sigmoid((fused - otsu_level(fused).view(-1, 1, 1, 1)) / temperature)


def _weighted(maps: Tensor, weight: Tensor) -> Tensor:
    """The weighted sum of maps scaled to [0, 1]: scale and offset go into the weights, no scaled map is made."""
    lowest, highest = maps.amin(dim=(2, 3)), maps.amax(dim=(2, 3))
    spread = highest - lowest
    share = torch.where(spread > _SMALLEST_RANGE, weight / spread.clamp_min(_SMALLEST_RANGE), 0.0)  # (batch, channel)
    summed = torch.einsum("bcyx,bc->byx", maps, share) - (share * lowest).sum(dim=1)[:, None, None]
    return summed[:, None]
