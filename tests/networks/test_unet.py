import sys

import pytest
import torch
from torch import nn

from sarnet.config import UnetSettings
from sarnet.errors import MissingExtraError
from sarnet.networks import unet

pytest.importorskip("monai")


def test_gives_a_logit_at_each_voxel():
    logits = unet(UnetSettings(channels=(4, 8, 16)))(torch.rand(2, 1, 32, 40))

    assert logits.shape == (2, 1, 32, 40)
    assert logits.min() < 0 < logits.max()


def test_levels_have_the_channels_asked_for():
    network = unet(UnetSettings(channels=(4, 8, 16)))

    widths = {module.out_channels for module in network.modules() if isinstance(module, nn.Conv2d)}
    assert widths == {1, 4, 8, 16}


def test_images_of_a_batch_do_not_see_each_other():
    torch.manual_seed(0)
    network, images = unet(UnetSettings(channels=(4, 8))), torch.rand(2, 1, 16, 16)

    alone = torch.cat([network(image[None]) for image in images])

    assert torch.allclose(network(images), alone, atol=1e-5)


def test_missing_extra_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "monai"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "monai", None)  # as if it were not installed

    with pytest.raises(MissingExtraError, match=r"the U-Net needs MONAI, .*: run pip install '\.\[train\]'"):
        unet(UnetSettings())
