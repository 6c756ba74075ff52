"""A pair of images where it is compared."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from sarnet.config import MeasuredSimilarity
from sarnet.images import Grid


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparedPair:
    """Both images in [0, 1] on one grid: in the middle between them, or where the fixed one lies."""

    fixed: Float[Tensor, "1 1 *space"]
    moving: Float[Tensor, "1 1 *space"]
    weight: Float[Tensor, "1 1 *space"]
    """Where the cost is counted: the foreground of either image as far as both reach, within the masks."""
    grid: Grid
    """The grid of all three in the world."""
    magnification: float = 1.0
    """How much larger the network sees the images."""
    moving_seen: Float[Tensor, "1 1 *space"] | None = None
    """The moving image as the network sees it, where that differs: its contrast made the fixed one's."""
    fixed_seen: Float[Tensor, "1 1 *space"] | None = None
    """The fixed image as the network sees it in the moving one's place: its contrast made the moving one's."""
    similarity: MeasuredSimilarity = "lncc"
    """What the two are compared by."""
    fixed_regions: Float[Tensor, "1 region *space"] | None = None
    """Soft masks in [0, 1] of what shall meet, where there is any."""
    moving_regions: Float[Tensor, "1 region *space"] | None = None
    """The same of the moving image."""
    region_weight: float = 0.0
    """What the regions count beside the similarity."""

    @property
    def fixed_channels(self) -> Float[Tensor, "1 channel *space"]:
        """The fixed image, then its regions."""
        return self.fixed if self.fixed_regions is None else torch.cat([self.fixed, self.fixed_regions], dim=1)

    @property
    def moving_channels(self) -> Float[Tensor, "1 channel *space"]:
        """The moving image, then its regions."""
        return self.moving if self.moving_regions is None else torch.cat([self.moving, self.moving_regions], dim=1)

    @property
    def moving_as_seen(self) -> Float[Tensor, "1 1 *space"]:
        """The moving image as the network sees it."""
        return self.moving if self.moving_seen is None else self.moving_seen

    def exchanged(self) -> "ComparedPair":
        """Return the pair with the images in each other's place."""
        return replace(
            self,
            fixed=self.moving,
            moving=self.fixed,
            moving_seen=self.fixed_seen,
            fixed_seen=self.moving_seen,
            fixed_regions=self.moving_regions,
            moving_regions=self.fixed_regions,
        )

    def to(self, device: torch.device) -> "ComparedPair":
        """Return the pair on a device."""
        return self._with({name: value.to(device) for name, value in self._tensors().items()})

    def reduced(self, factor: int) -> "ComparedPair":
        """Return the pair on a grid of the same extent whose voxels are means over blocks.

        Args:
            factor: Voxels to one of the result along each axis; every axis must be a multiple of it.
        """
        if factor == 1:
            return self
        pool = F.avg_pool2d if self.grid.dimension == 2 else F.avg_pool3d
        tensors = {name: pool(value, factor) for name, value in self._tensors().items()}
        return replace(self._with(tensors), grid=self.grid.reduced(factor))

    def _tensors(self) -> dict[str, Tensor]:
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}

    def _with(self, tensors: dict[str, Tensor]) -> "ComparedPair":
        return replace(self, **tensors)  # type: ignore[arg-type]  # names of tensors alone
