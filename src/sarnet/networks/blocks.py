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

    def layers(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return what each of the two convolutions gives, after its activation; the second is the block's result."""
        inner = self.relu(self.first_norm(self.first(maps)))
        return inner, self.relu(maps + self.second_norm(self.second(inner)))

    def forward(self, maps: Tensor) -> Tensor:
        return self.layers(maps)[1]


class BlockStack(nn.Sequential):
    """Residual blocks one after another, whose every layer can be looked at."""

    def __init__(self, count: int, maps: int, normalisation: str) -> None:
        super().__init__(*(ResidualBlock(maps, normalisation) for _ in range(count)))

    def layers(self, maps: Tensor) -> list[Tensor]:
        """Return what goes in and what every convolution gives, in order: of each block two, the second its result."""
        layers = [maps]
        for block in self:
            assert isinstance(block, ResidualBlock)
            layers += block.layers(layers[-1])
        return layers
