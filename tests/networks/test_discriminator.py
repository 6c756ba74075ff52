import pytest
import torch
from torch import nn

from sarnet.config import DiscriminatorSettings
from sarnet.networks import Discriminator


def _discriminator(maps=4):
    torch.manual_seed(0)
    return Discriminator(DiscriminatorSettings(maps=maps))


def test_has_the_papers_eight_convolutions_and_two_dense_layers():
    discriminator = _discriminator(DiscriminatorSettings().maps)

    convolutions = [module for module in discriminator.modules() if isinstance(module, nn.Conv2d)]
    dense = [module for module in discriminator.modules() if isinstance(module, nn.Linear)]
    assert [convolution.out_channels for convolution in convolutions] == [64, 64, 128, 128, 256, 256, 512, 512]
    assert [convolution.stride[0] for convolution in convolutions] == [1, 2] * 4
    assert {convolution.kernel_size for convolution in convolutions} == {(3, 3)}
    assert [layer.out_features for layer in dense] == [1024, 1]
    assert {module.negative_slope for module in discriminator.modules() if isinstance(module, nn.LeakyReLU)} == {0.2}


@pytest.mark.parametrize("space", [(32, 32), (33, 57), (8, 8)])
def test_any_size_of_image_has_one_logit(space):
    logits = _discriminator()(torch.rand(3, 1, *space))

    assert logits.shape == (3,)
    assert logits.dtype == torch.float32


def test_logit_has_either_sign():
    discriminator = _discriminator()
    images = torch.rand(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    middle = discriminator(images).mean().detach()

    with torch.no_grad():
        discriminator.dense[-1].bias -= middle

    logits = discriminator(images)
    assert logits.min() < 0 < logits.max()


def test_images_of_a_batch_do_not_see_each_other():
    discriminator, images = _discriminator(), torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(0))

    alone = torch.cat([discriminator(image[None]) for image in images])

    assert torch.allclose(discriminator(images), alone, atol=1e-6)


def test_learns_to_tell_bright_from_dark():
    discriminator = _discriminator()
    optimiser = torch.optim.Adam(discriminator.parameters(), lr=1e-2)
    made = torch.Generator().manual_seed(0)
    dark, bright = 0.4 * torch.rand(8, 1, 16, 16, generator=made), 0.6 + 0.4 * torch.rand(8, 1, 16, 16, generator=made)

    for _ in range(40):
        loss = nn.functional.softplus(torch.cat([-discriminator(bright), discriminator(dark)])).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    assert (discriminator(bright) > 0).all()
    assert (discriminator(dark) < 0).all()
