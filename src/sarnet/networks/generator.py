"""The generator G: two images in; a displacement field, an image and two masks out."""

from jaxtyping import Float
from torch import Tensor, nn

from sarnet.config import GeneratorSettings
from sarnet.errors import InputError, ShapeError
from sarnet.fields import bspline_field
from sarnet.networks.features import Features
from sarnet.networks.masks import FusedMaps, MapFusion
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

    Two further outputs, where the settings ask for them: an image of the generator's own making (``synthesizes``), and
    the maps that masks of both images are cut from (``segments``), which cost no layer of their own.
    """

    def __init__(self, settings: GeneratorSettings) -> None:
        super().__init__()
        self.settings = settings
        self.trunk = TRUNKS[settings.trunk](settings)
        self.last = nn.Conv2d(settings.maps, 2, 3, padding=1)
        nn.init.normal_(self.last.weight, std=1e-3)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]  # a convolution made with its bias has one
        if settings.synthesizes:
            self.image = nn.Sequential(
                nn.Conv2d(settings.maps, settings.stride**2, 3, padding=1), nn.PixelShuffle(settings.stride)
            )
        if settings.segments:
            of_fixed, of_moving = self.trunk.layers(settings)
            self.fixed_fusion = MapFusion(of_fixed, settings.maps)
            self.moving_fusion = MapFusion(of_moving, settings.maps)

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
        self,
        controls: Float[Tensor, "batch 2 y x"],
        *,
        magnification: float = 1.0,
        space: tuple[int, int] | None = None,
    ) -> Float[Tensor, "batch 2 height width"]:
        """Evaluate the field of control values.

        Args:
            controls: In voxels of the trunk's grid.
            magnification: How much larger the images were when the trunk saw them than those the field is for.
            space: Height and width of the field, where the trunk saw more: images padded at their far edges.

        Returns:
            The field in voxels of the images that it is for.
        """
        spacing = self.settings.stride / magnification
        height, width = space or (round(spacing * size) for size in controls.shape[2:])
        # a place of the trunk's grid is the middle of the voxels that it was made of
        return bspline_field(spacing * controls, (height, width), spacing=spacing, origin=(spacing - 1) / 2)

    def synthesized(self, features: Features) -> Float[Tensor, "batch 1 height width"]:
        """Return the generator's own image of the moving one as registered (I_Trans as the paper's network emits it).

        Raises:
            InputError: If the network has no such output.
        """
        if not self.settings.synthesizes:
            raise InputError("this generator synthesizes no image: its settings have synthesizes = false")
        image: Tensor = self.image(features.maps)
        return image.float()

    def fused_maps(self, features: Features) -> FusedMaps:
        """Return the maps that the masks of both images are cut from, at the images' resolution.

        Raises:
            InputError: If the network has no such output.
        """
        if not self.settings.segments:
            raise InputError("this generator segments nothing: its settings have segments = false")
        height, width = (self.settings.stride * size for size in features.maps.shape[2:])
        return FusedMaps(
            fixed=self.fixed_fusion(features.fixed_layers, (height, width)),
            moving=self.moving_fusion(features.moving_layers, (height, width)),
        )

    def forward(
        self, fixed: Float[Tensor, "batch 1 y x"], moving: Float[Tensor, "batch 1 y x"]
    ) -> Float[Tensor, "batch 2 y x"]:
        """Return the displacement field, in voxels: a pull-back on the fixed image's grid."""
        return self.displacement(self.controls(self.features(fixed, moving)))
