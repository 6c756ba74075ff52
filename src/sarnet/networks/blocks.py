"""The pieces both trunks are built of."""

from torch import Tensor, nn


def normalisation_layer(kind: str, maps: int) -> nn.Module:
    """Return the layer that ``GeneratorSettings.normalisation`` names."""
    if kind == "batch":
        return nn.BatchNorm2d(maps)
    if kind == "group":
        return nn.GroupNorm(min(8, maps), maps)
    return nn.Identity()


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut ("n64s1" in the paper's Fig. 1a).

    Without a normalisation the second convolution starts at zero, so that a deep stack begins as the identity.
    """

    def __init__(self, maps: int, normalisation: str) -> None:
        super().__init__()
        bias = normalisation == "none"
        self.first = nn.Conv2d(maps, maps, 3, padding=1, bias=bias)
        self.first_norm = normalisation_layer(normalisation, maps)
        self.second = nn.Conv2d(maps, maps, 3, padding=1, bias=bias)
        self.second_norm = normalisation_layer(normalisation, maps)
        self.relu = nn.ReLU()
        if normalisation == "none":
            nn.init.zeros_(self.second.weight)

    def forward(self, maps: Tensor) -> Tensor:
        inner = self.relu(self.first_norm(self.first(maps)))
        outer: Tensor = self.relu(maps + self.second_norm(self.second(inner)))
        return outer


def through_blocks(blocks: nn.Sequential, maps: Tensor) -> list[Tensor]:
    """Return what goes into a stack of blocks, and what comes out of each."""
    stages = [maps]
    for block in blocks:
        stages.append(block(stages[-1]))
    return stages
