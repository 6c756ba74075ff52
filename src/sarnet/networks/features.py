"""What a trunk says of a pair."""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor


class Features(NamedTuple):
    """All that the trunk says of a pair: computed once, however often the last layer is then adapted."""

    maps: Float[Tensor, "batch channel y x"]
    """The feature maps that the last layer reads, on the trunk's grid."""

    earlier: tuple[Float[Tensor, "batch channel _ _"], ...]
    """The maps that the blocks before the last gave: for a last layer that reads them all."""

    base: Float[Tensor, "batch axis y x"]
    """Control values, in voxels of the trunk's grid, that the last layer's are added to."""

    fixed_layers: tuple[Float[Tensor, "batch channel _ _"], ...]
    """What every convolution that lies on the fixed image's grid gave, each at its own resolution: for its mask."""

    moving_layers: tuple[Float[Tensor, "batch channel _ _"], ...]
    """The same on the moving image's grid. A trunk that sees both images stacked has the same layers for both."""
