"""The trained peers' networks by name, and the files of their weights."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from sarnet.config import PeerNetworkSettings, build_settings
from sarnet.errors import ConfigError, WeightsError
from sarnet.networks.dirnet import DirNet
from sarnet.networks.flownet import FlowNet
from sarnet.networks.voxelmorph import VoxelMorph
from sarnet.networks.weights import read_weights, write_weights

Peer = DirNet | FlowNet | VoxelMorph
"""A network from two images in [0, 1] to a displacement in voxels, a pull-back on the fixed one's grid."""

PEERS: dict[str, type[DirNet] | type[FlowNet] | type[VoxelMorph]] = {
    "dirnet": DirNet,
    "flownet": FlowNet,
    "voxelmorph": VoxelMorph,
}


@dataclass(frozen=True, kw_only=True)
class LoadedPeer:
    """A peer's network with its provenance."""

    network: Peer
    """In evaluation mode, its parameters frozen."""
    settings: PeerNetworkSettings
    sha256: str
    """Hash of the file."""


def peer_network(settings: PeerNetworkSettings) -> Peer:
    """Return a network with weights as drawn.

    Raises:
        MissingExtraError: If it is VoxelMorph's and the package is not installed.
    """
    return PEERS[settings.kind](settings)


def save_peer(network: nn.Module, path: Path, *, settings: PeerNetworkSettings, record: dict[str, Any]) -> None:
    """Write weights with the settings that rebuild their network, and how they were made."""
    metadata = {"peer": settings.model_dump_json(), "record": json.dumps(record, default=str)}
    write_weights(network.state_dict(), path, metadata=metadata)


def load_peer(path: Path) -> LoadedPeer:
    """Load the weights that :func:`save_peer` wrote.

    Raises:
        WeightsError: If there is no such file, or it holds something else.
        MissingExtraError: If the network is VoxelMorph's and the package is not installed.
    """
    tensors, metadata = read_weights(path, name=str(path))
    try:
        settings = build_settings(PeerNetworkSettings, json.loads(metadata["peer"]))
        network = peer_network(settings)
        network.load_state_dict(tensors)
    except (LookupError, ConfigError, RuntimeError, ValueError) as error:
        raise WeightsError(f"{path} holds no weights of a peer that 'sarnet train' wrote: {error}") from error
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return LoadedPeer(network=network.eval().requires_grad_(False), settings=settings, sha256=sha256)
