"""The network that segmentations are usually left to, for comparison: MONAI's U-Net (Fig. 2)."""

from torch import nn

from sarnet.config import UnetSettings
from sarnet.errors import MissingExtraError


def unet(settings: UnetSettings) -> nn.Module:
    """Return a U-Net from one image (batch, 1, y, x) to a logit at each voxel.

    Args:
        settings: Its channels, one number a level; each level but the first halves the resolution.

    Raises:
        MissingExtraError: If MONAI is not installed.

    References:
        Ronneberger et al., U-Net, MICCAI 2015. https://arxiv.org/abs/1505.04597
    """
    try:
        from monai.networks.nets.unet import UNet  # noqa: PLC0415  # an extra, and slow to import
    except ModuleNotFoundError as error:
        raise MissingExtraError("the U-Net needs MONAI, but it is missing: pip install 'sarnet[train]'") from error
    return UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        channels=settings.channels,
        strides=(2,) * (len(settings.channels) - 1),
        num_res_units=2,
    )
