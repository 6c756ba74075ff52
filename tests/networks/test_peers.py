import numpy as np
import pytest
import torch

from sarnet.config import PeerNetworkSettings
from sarnet.errors import WeightsError
from sarnet.fields import warp
from sarnet.networks import DirNet, FlowNet, load_peer, peer_network, save_peer, voxelmorph_loss

SMALL = {
    "dirnet": PeerNetworkSettings(kind="dirnet", maps=4, poolings=2),
    "flownet": PeerNetworkSettings(kind="flownet", maps=2),
    "voxelmorph": PeerNetworkSettings(kind="voxelmorph", features=(4, 4, 4)),
}


@pytest.fixture(params=SMALL)
def settings(request):
    if request.param == "voxelmorph":
        pytest.importorskip("voxelmorph")
    return SMALL[request.param]


def _images(size=64):
    return torch.rand(2, 2, 1, size, size, generator=torch.Generator().manual_seed(0))


def test_training_begins_near_the_identity(settings):
    torch.manual_seed(0)
    network = peer_network(settings)

    displacement = network(*_images()).detach()

    assert displacement.shape == (2, 2, 64, 64)
    assert 0 < float(displacement.abs().max()) < 0.5
    assert 64 % network.multiple == 0


def test_weights_come_back_with_their_network(settings, tmp_path):
    network = peer_network(settings).eval()
    save_peer(network, tmp_path / "peer.safetensors", settings=settings, record={"step": 3})

    loaded = load_peer(tmp_path / "peer.safetensors")

    assert loaded.settings == settings
    torch.testing.assert_close(loaded.network(*_images()), network(*_images()))
    assert not any(parameter.requires_grad for parameter in loaded.network.parameters())


def test_paper_sizes_are_the_papers():
    def parameters(network):
        return sum(parameter.numel() for parameter in network.parameters())

    flownet = FlowNet(PeerNetworkSettings(kind="flownet", maps=64))
    convolutions = [(2, 64, 7), (64, 128, 5), (128, 256, 5), (256, 256, 3), (256, 512, 3), (512, 512, 3)]
    convolutions += [(512, 512, 3), (512, 512, 3), (512, 1024, 3)]
    down = sum(came * made * width**2 + made for came, made, width in convolutions)

    assert 38e6 < parameters(flownet) < 40e6  # FlowNetS has 38.7 million, on images of three colours each
    assert down < parameters(flownet)
    assert DirNet(PeerNetworkSettings(kind="dirnet")).multiple == 16


def test_dirnets_controls_stand_in_the_middle_of_what_they_were_pooled_from():
    network = peer_network(SMALL["dirnet"]).eval()
    with torch.no_grad():
        network.last.weight.zero_()
        network.last.bias.copy_(torch.tensor([1.5, -2.0]))

    displacement = network(*_images(16))

    torch.testing.assert_close(displacement, torch.tensor([1.5, -2.0]).view(1, 2, 1, 1).expand(2, 2, 16, 16))


def test_flownets_fields_get_finer_to_a_quarter():
    sizes = [tuple(field.shape[2:]) for field in peer_network(SMALL["flownet"]).pyramid(*_images(128))]

    assert sizes == [(2, 2), (4, 4), (8, 8), (16, 16), (32, 32)]


def test_voxelmorphs_field_warps_as_this_packages_do():
    pytest.importorskip("voxelmorph")
    torch.manual_seed(0)
    network = peer_network(SMALL["voxelmorph"])
    torch.nn.init.normal_(network.network.flow_layer.conv0.weight)
    fixed, moving = _images()

    displacement, warped = network.network(moving, fixed, return_warped_source=True)

    torch.testing.assert_close(network(fixed, moving), displacement)
    torch.testing.assert_close(warp(moving, displacement, padding="zeros"), warped)
    assert displacement.detach().abs().max() > 0.1


def test_voxelmorphs_loss_is_least_for_equal_images_and_no_slope():
    pytest.importorskip("voxelmorph")
    fixed, moving = _images()
    still, slope = torch.zeros(2, 2, 64, 64), torch.zeros(2, 2, 64, 64)
    slope[:, 0] = 0.1 * torch.arange(64.0)

    equal = float(voxelmorph_loss(fixed, fixed, still, smoothness=1))
    other = float(voxelmorph_loss(fixed, moving, still, smoothness=1))
    sloped = float(voxelmorph_loss(fixed, fixed, slope, smoothness=2))

    assert equal == pytest.approx(-1, abs=1e-3)
    assert other > equal + 0.5
    assert sloped - equal == pytest.approx(2 * 0.1**2 / 4, rel=0.05)  # one slope of four: two components, two axes


def test_voxelmorphs_loss_bears_bright_images_that_are_linear_in_each_other():
    pytest.importorskip("voxelmorph")
    fixed = 1 - 0.4 * torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))

    loss = voxelmorph_loss(fixed, 1 - 0.9 * (1 - fixed), torch.zeros(2, 2, 64, 64), smoothness=1)

    assert float(loss) == pytest.approx(-1, abs=1e-3)


def test_file_of_something_else_is_refused(tmp_path):
    from safetensors.numpy import save_file

    save_file({"a": np.zeros(2, np.float32)}, tmp_path / "other.safetensors")

    with pytest.raises(WeightsError, match="holds no weights of a peer that 'sarnet train' wrote"):
        load_peer(tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="cannot be read as a safetensors file"):
        load_peer(tmp_path / "none.safetensors")
