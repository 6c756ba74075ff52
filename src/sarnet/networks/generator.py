"""The generator G: two images in, a displacement field out."""

from jaxtyping import Float
from torch import Tensor, nn

from sarnet.config import GeneratorSettings
from sarnet.errors import ShapeError
from sarnet.fields import bspline_field
from sarnet.networks.features import Features
from sarnet.networks.matching import MatchingTrunk
from sarnet.networks.residual import ResidualTrunk

TRUNKS: dict[str, type[ResidualTrunk | MatchingTrunk]] = {
    "residual": ResidualTrunk,
    "matching": MatchingTrunk,
}


class Generator(nn.Module):
    r"""A trunk that reads both images, and a last convolution that makes a field of its maps (method, section 3).

    The last layer's output, added to the trunk's own base, is taken as the control values of a cubic B-spline on the
    trunk's grid, so the field is smooth at every stride and **linear in the last layer's weights**:

    .. math:: u = s\, B\,(base + W * maps)

    with the stride ``s`` and the B-spline's matrix ``B``. The last layer starts near zero: training begins at the
    identity.
    """

    def __init__(self, settings: GeneratorSettings) -> None:
        super().__init__()
        self.settings = settings
        self.trunk = TRUNKS[settings.trunk](settings)
        self.last = nn.Conv2d(settings.maps, 2, 3, padding=1)
        nn.init.normal_(self.last.weight, std=1e-3)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]  # a convolution made with its bias has one

    @property
    def multiple(self) -> int:
        """Voxels that each axis of the images must be a multiple of."""
        return self.trunk.multiple(self.settings)

    def features(self, fixed: Float[Tensor, "batch 1 y x"], moving: Float[Tensor, "batch 1 y x"]) -> Features:
        """Run the trunk: everything but the last layer.

        Args:
            fixed: Fixed image, normalised to [0, 1].
            moving: Moving image, the same.

        Raises:
            ShapeError: If the images differ in size, or an axis is no multiple of :attr:`multiple`.
        """
        if fixed.shape != moving.shape:
            raise ShapeError(f"fixed has shape {tuple(fixed.shape)}, but moving {tuple(moving.shape)}")
        if any(size % self.multiple for size in fixed.shape[2:]):
            raise ShapeError(
                f"fixed has shape {tuple(fixed.shape)}, but each axis must be a multiple of {self.multiple}: pad it"
            )
        features: Features = self.trunk(fixed, moving)
        return features

    def controls(self, features: Features) -> Float[Tensor, "batch 2 y x"]:
        """Run the last layer: control values of the field, in voxels of the trunk's grid."""
        added: Tensor = self.last(features.maps)
        return features.base + added.float()

    def displacement(
        self, controls: Float[Tensor, "batch 2 y x"], *, magnification: float = 1.0
    ) -> Float[Tensor, "batch 2 height width"]:
        """Evaluate the field of control values.

        Args:
            controls: In voxels of the trunk's grid.
            magnification: How much larger the images were when the trunk saw them than those the field is for.

        Returns:
            The field in voxels of the images that it is for.
        """
        spacing = self.settings.stride / magnification
        height, width = (round(spacing * size) for size in controls.shape[2:])
        # a place of the trunk's grid is the middle of the voxels that it was made of
        return bspline_field(spacing * controls, (height, width), spacing=spacing, origin=(spacing - 1) / 2)

    def forward(
        self, fixed: Float[Tensor, "batch 1 y x"], moving: Float[Tensor, "batch 1 y x"]
    ) -> Float[Tensor, "batch 2 y x"]:
        """Return the displacement field, in voxels: a pull-back on the fixed image's grid."""
        return self.displacement(self.controls(self.features(fixed, moving)))
