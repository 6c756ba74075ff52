"""The network that segmentations are usually left to, for comparison: MONAI's U-Net (Fig. 2), and its weights' file."""

import json
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from sarnet.config import UnetSettings, build_settings
from sarnet.errors import ConfigError, MissingExtraError, WeightsError
from sarnet.networks.weights import read_weights, write_weights


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
        raise MissingExtraError.of("the U-Net needs MONAI", extra="train") from error
    return UNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        channels=settings.channels,
        strides=(2,) * (len(settings.channels) - 1),
        num_res_units=2,
    )


def save_unet(network: nn.Module, path: Path, *, settings: UnetSettings, record: dict[str, Any]) -> None:
    """Write weights with the settings that rebuild their network, and how they were made."""
    metadata = {"unet": settings.model_dump_json(), "record": json.dumps(record, default=str)}
    write_weights(network.state_dict(), path, metadata=metadata)


def load_unet(path: Path) -> nn.Module:
    """Load the weights that :func:`save_unet` wrote.

    Raises:
        WeightsError: If the file holds something else.
        MissingExtraError: If MONAI is not installed.
    """
    tensors, metadata = read_weights(path, name=str(path))
    try:
        network = unet(build_settings(UnetSettings, json.loads(metadata["unet"])))
        network.load_state_dict(tensors)
    except (LookupError, ConfigError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{path} holds no weights of a U-Net that 'sarnet train' wrote: {error}") from error
    return network.eval().requires_grad_(False)


def predicted_mask(network: nn.Module, image: Float[Tensor, "batch 1 y x"]) -> Float[Tensor, "batch 1 y x"]:
    """Return the mask that a U-Net sees in an image in [0, 1]: 1 where its logit is positive."""
    training = network.training
    network.eval()
    with torch.inference_mode():
        mask: Tensor = (network(image.to(next(network.parameters()).device)) > 0).float().cpu()
    network.train(training)
    return mask
