"""What the generator, the discriminators and the trained peers are built of."""

from typing import Literal

from pydantic import Field

from sarnet.config.settings import Settings


class GeneratorSettings(Settings):
    """What the generator is built of (method, section 3)."""

    trunk: Literal["residual", "matching"] = "matching"
    """``residual``: the paper's, on the two stacked images. ``matching``: encodes each image and compares the maps."""
    stride: Literal[1, 2, 4] = 4
    """Voxels of the image to one of the trunk's grid (space to depth); the paper's network has 1."""
    blocks: int = Field(default=5, ge=1)
    """Residual blocks before the last layer; the paper does not say, SRGAN has 16."""
    maps: int = Field(default=64, ge=4)
    """Feature maps of every convolution."""
    normalisation: Literal["batch", "group", "none"] = "none"
    """What follows a convolution inside a block; the paper's is ``batch``. Its statistics are those of the images that
    one process has: with several of them, and with it alone, gradients are not those of one process on the whole
    batch."""
    encoder_blocks: int = Field(default=2, ge=1)
    """``matching`` alone: residual blocks that encode each image."""
    matched_maps: int = Field(default=16, ge=1)
    """``matching`` alone: maps that the features are projected to before they are correlated."""
    radius: int = Field(default=3, ge=1)
    """``matching`` alone: half width of the correlation window, in voxels of the trunk's grid."""
    synthesizes: bool = False
    """Whether it gives an image of its own making beside the field, as the paper's does."""
    segments: bool = False
    """Whether masks come out of its feature maps."""


class DiscriminatorSettings(Settings):
    """What the discriminators are built of (method, section 4)."""

    maps: int = Field(default=64, ge=4)
    """Maps of the first convolution; the last has eight times as many. The paper's 64 to 512."""


class PeerNetworkSettings(Settings):
    """Which of the peers' networks, and how large; each kind reads its own."""

    kind: Literal["voxelmorph", "dirnet", "flownet"] = "voxelmorph"
    """``voxelmorph``: the package's own (Balakrishnan 2019). ``dirnet``: de Vos 2017. ``flownet``: FlowNetS,
    Dosovitskiy 2015."""
    features: tuple[int, ...] = Field(default=(16, 32, 32, 32, 32), min_length=2)
    """``voxelmorph``: maps of each level of its U-Net, each half as fine as the one before."""
    integration_steps: int = Field(default=5, ge=0)
    """``voxelmorph``: squarings of its velocity field; with none its output is the displacement itself."""
    maps: int = Field(default=16, ge=2)
    """``dirnet``: maps of every convolution, the paper's 16. ``flownet``: of the first one; the paper's 64."""
    poolings: int = Field(default=4, ge=1)
    """``dirnet``: how often the images are halved; its controls are two to this power of voxels apart."""
