"""A trained peer as a method, by a network whose answer is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from sarnet.config import BenchmarkSettings, PeerNetworkSettings, RegistrationSettings
from sarnet.images import Image
from sarnet.methods import PeerMethod, build_methods
from sarnet.networks import peer_network, peers, save_peer


class _Shift(torch.nn.Module):
    """Finds two voxels down and one to the left of what it is shown, whatever that is."""

    multiple = 8

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, fixed, moving):
        self.seen.append((fixed, moving))
        return torch.tensor([2.0, -1.0]).view(1, 2, 1, 1).expand(1, 2, *fixed.shape[2:]).clone()


def _noise(seed):
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(96, 128)), 2)
    return Image.from_array(noise.astype(np.float32), spacing=(1.0, 1.0))


def _method(network, magnified_voxels):
    settings = PeerNetworkSettings(kind="dirnet")
    loaded = peers.LoadedPeer(network=network, settings=settings, sha256="0")
    registration = RegistrationSettings(threads=1, magnified_voxels=magnified_voxels)
    return PeerMethod(name="shift", registration=registration, loaded=loaded)


@pytest.mark.parametrize(("magnified_voxels", "wanted_mm"), [(0, (-1.0, 2.0)), (256, (-0.5, 1.0))])
def test_field_is_in_voxels_of_what_the_network_saw(magnified_voxels, wanted_mm, unchecked):
    found = _method(_Shift(), magnified_voxels).register(_noise(0), _noise(1), affine_start=False)

    np.testing.assert_allclose(found.transform.total_displacement()[8:-8, 8:-8].mean(axis=(0, 1)), wanted_mm, atol=1e-3)


def test_network_is_shown_the_fixed_image_first(unchecked):
    network, fixed = _Shift(), _noise(0)
    moving = replace(fixed, array=np.roll(fixed.array, 5, axis=1))  # of one contrast, or it is shown as the other's

    _method(network, 0).register(fixed, moving, affine_start=False)

    ((first, second),) = network.seen
    for shown, own, other in ((first, fixed, moving), (second, moving, fixed)):
        values = shown[0, 0, :96, :128].numpy().ravel()
        assert np.corrcoef(values, own.array.ravel())[0, 1] > 0.99 > np.corrcoef(values, other.array.ravel())[0, 1]


def test_peers_are_magnified_but_for_those_that_are_named(tmp_path):
    settings = PeerNetworkSettings(kind="dirnet", maps=4, poolings=2)
    for name in ("large", "plain"):
        save_peer(peer_network(settings), tmp_path / f"{name}.safetensors", settings=settings, record={})

    large, plain = build_methods(
        BenchmarkSettings(
            protocol="brain2d",
            data="brains",
            methods=("large", "plain"),
            peers={name: tmp_path / f"{name}.safetensors" for name in ("large", "plain")},
            unmagnified=("plain",),
        )
    )

    assert large.registration.magnified_voxels == RegistrationSettings().magnified_voxels
    assert plain.registration.magnified_voxels == 0
