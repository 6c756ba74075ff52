"""VoxelMorph as its authors' package has it: network, integration and losses are theirs."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from sarnet.config import PeerNetworkSettings
from sarnet.errors import MissingExtraError


class VoxelMorph(nn.Module):
    """The package's pairwise network, its field in this package's words: the moving image is its source.

    References:
        Balakrishnan et al., VoxelMorph: a learning framework for deformable medical image registration, IEEE TMI 38,
        2019. https://arxiv.org/abs/1809.05231
    """

    def __init__(self, settings: PeerNetworkSettings) -> None:
        """Build it.

        Raises:
            MissingExtraError: If the package is not installed.
        """
        super().__init__()
        self.multiple = 2 ** len(settings.features)
        self.network = _package().nn.models.VxmPairwise(
            ndim=2,
            source_channels=1,
            target_channels=1,
            nb_features=settings.features,
            integration_steps=settings.integration_steps,
        )

    def forward(
        self, fixed: Float[Tensor, "batch 1 y x"], moving: Float[Tensor, "batch 1 y x"]
    ) -> Float[Tensor, "batch 2 y x"]:
        displacement: Tensor = self.network(moving, fixed)
        return displacement.float()

    def warped(
        self, moving: Float[Tensor, "batch 1 y x"], displacement: Float[Tensor, "batch 2 y x"]
    ) -> Float[Tensor, "batch 1 y x"]:
        """Resample an image through a field as the package does, zero beyond its edge."""
        image: Tensor = self.network.spatial_transformer(moving, displacement)
        return image


def voxelmorph_loss(
    fixed: Float[Tensor, "batch 1 y x"],
    warped: Float[Tensor, "batch 1 y x"],
    displacement: Float[Tensor, "batch 2 y x"],
    *,
    smoothness: float,
) -> Float[Tensor, ""]:
    """Return the package's loss: its local correlation, squared, negative, and its penalty of the field's slope.

    Args:
        fixed: Fixed image.
        warped: Moving image through the field.
        displacement: In voxels.
        smoothness: Weight of the penalty, the authors' lambda.

    Raises:
        MissingExtraError: If the package is not installed.
    """
    _package()
    from neurite.nn import modules  # noqa: PLC0415  # comes with it

    # in single precision, windows of bright images that are linear in each other come out above one: it refuses that
    similarity: Tensor = modules.NCC()(fixed.double(), warped.double()).mean().to(fixed.dtype)
    slope: Tensor = modules.SpatialGradient("l2")(displacement)
    return smoothness * slope - similarity


def _package() -> Any:
    try:
        import voxelmorph  # noqa: PLC0415  # only who compares with it has it
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("VoxelMorph needs its authors' package", extra="methods") from error
    return voxelmorph
