"""VGG16 with weights out of a hat: the right layers without the half gigabyte."""

import pytest
import torch
from torch import nn

from sarnet.losses import VggFeatures
from sarnet.losses.vgg_weights import TORCHVISION


@pytest.fixture(scope="session")
def features() -> VggFeatures:
    """Random weights that keep the size of what passes through them; frozen."""
    torch.manual_seed(0)
    features = VggFeatures(TORCHVISION)
    for layer in features.features:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.normal_(layer.bias, std=0.05)
    return features.eval().requires_grad_(False)
