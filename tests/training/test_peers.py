import pytest
import torch
from safetensors.torch import load_file

from sarnet.config import (
    AugmentationSettings,
    PeerNetworkSettings,
    PeerSettings,
    RegistrationSettings,
    SimulationSettings,
    SourceSettings,
    TrainingSettings,
)
from sarnet.datasets import TrainingPair, simulate_pair
from sarnet.errors import ConfigError
from sarnet.images import sample_pair
from sarnet.methods import PeerMethod
from sarnet.networks import peer_network
from sarnet.training import train_peer
from sarnet.training.peers import _correlation, peer_loss

PLAIN = AugmentationSettings(
    zoom=(1.0, 1.0), rotation_degrees=0.0, mirror_probability=0.0, remap_probability=0.0, exposure=0.0, noise=0.0
)
SMALL = {
    "dirnet": PeerNetworkSettings(kind="dirnet", maps=8, poolings=3),
    "flownet": PeerNetworkSettings(kind="flownet", maps=4),
    "voxelmorph": PeerNetworkSettings(kind="voxelmorph", features=(8, 8, 8)),
}


def _settings(visits, out, kind, **changes):
    source = SourceSettings(kind="simulated", pairs=2, augmentation=PLAIN)
    stage = PeerSettings(**{"network": SMALL[kind], "steps": 3, "sources": (source,), **changes})
    return TrainingSettings(visits=visits, out=out, size=64, precision="32-true", validate_steps=3, peer=stage)


def _pair(shift=None):
    """A texture, and itself moved by a shift or a B-spline: the same pair in each step of a fit."""
    rng = torch.Generator().manual_seed(3)
    image = torch.nn.functional.interpolate(torch.rand(2, 1, 12, 12, generator=rng), size=(64, 64), mode="bicubic")
    image = image.clamp(0, 1)
    if shift is None:
        simulated = simulate_pair(image, settings=SimulationSettings(peak_voxels=(10.0, 14.0)), rng=rng)
        fixed, moving, displacement = simulated
    else:
        displacement = torch.tensor(shift).view(1, 2, 1, 1).expand(2, 2, 64, 64).clone()
        fixed, moving = image, torch.roll(image, (int(shift[0]), int(shift[1])), dims=(2, 3))
    ones, zeros = torch.ones_like(image), torch.zeros_like(image)
    return TrainingPair(fixed, moving, displacement, -displacement, ones, ones, zeros, zeros)


@pytest.mark.parametrize(
    ("kind", "shift", "steps", "left"),
    [("dirnet", (2.0, -1.0), 120, 0.35), ("flownet", None, 120, 0.35), ("voxelmorph", (2.0, -1.0), 150, 0.5)],
)
def test_known_field_is_found_by_its_own_loss(kind, shift, steps, left):
    if kind == "voxelmorph":
        pytest.importorskip("voxelmorph")
    torch.manual_seed(0)
    network, pair = peer_network(SMALL[kind]), _pair(shift)
    stage = PeerSettings(network=SMALL[kind], smoothness=0.05)
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3)

    for _ in range(steps):
        optimiser.zero_grad()
        peer_loss(network, pair, stage).backward()
        optimiser.step()

    with torch.no_grad():
        found = network(pair.fixed, pair.moving)
    inner = (slice(None), slice(None), slice(10, -10), slice(10, -10))
    missed = (found - pair.displacement)[inner].norm(dim=1).mean()
    assert float(missed) < left * float(pair.displacement[inner].norm(dim=1).mean())


@pytest.mark.parametrize("kind", SMALL)
def test_trained_weights_register_a_pair(kind, visits, tmp_path):
    if kind == "voxelmorph":
        pytest.importorskip("voxelmorph")

    weights = train_peer(_settings(visits, tmp_path / "out", kind))

    method = PeerMethod.load(kind, weights, RegistrationSettings(threads=1, longest_voxels=64, magnified_voxels=0))
    sample = sample_pair(2)
    found = method.register(sample.fixed, sample.moving, affine_start=False)
    assert weights.name == f"{kind}.safetensors"
    assert list(found.seconds_by_stage) == ["resampling", "network", "to world"]
    assert found.transform.displacement is not None
    assert method.settings["network"]["kind"] == kind
    assert len((tmp_path / "out" / "peer" / "log.csv").read_text(encoding="utf-8").splitlines()) == 2


def test_interrupted_training_goes_on_to_the_same_weights(visits, tmp_path):
    whole = train_peer(_settings(visits, tmp_path / "whole", "dirnet"))
    stopped = _settings(visits, tmp_path / "stopped", "dirnet")

    def stop(progress):
        if progress.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_peer(stopped.model_copy(update={"checkpoint_minutes": 1e-9}), report=stop)
    resumed = train_peer(stopped, resume=True)

    first, second = load_file(whole), load_file(resumed)
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_correlation_is_numpys(rng):
    first, second = torch.from_numpy(rng.normal(size=(2, 3, 1, 8, 9))).float()

    wanted = [torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1] for a, b in zip(first, second, strict=True)]

    assert float(_correlation(first, second)) == pytest.approx(float(torch.stack(wanted).mean()), abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        (
            "flownet",
            {"sources": (SourceSettings(kind="patients", pairs=2),)},
            "flownet learns by it: name simulated ones",
        ),
        ("dirnet", {"network": PeerNetworkSettings(kind="dirnet", poolings=7)}, "size is 64, but dirnet halves it"),
    ],
)
def test_settings_that_contradict_are_refused(kind, changes, message, visits, tmp_path):
    with pytest.raises(ConfigError, match=message):
        train_peer(_settings(visits, tmp_path / "out", kind, **changes))
