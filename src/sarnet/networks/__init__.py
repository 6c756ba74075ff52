"""Networks: the generator with its trunks and masks, the discriminator, trained peers, and the files of weights."""

from sarnet.networks.dirnet import DirNet
from sarnet.networks.discriminator import Discriminator
from sarnet.networks.features import Features
from sarnet.networks.flownet import FlowNet
from sarnet.networks.generator import Generator
from sarnet.networks.masks import FusedMaps, MapFusion, hard_mask, soft_mask
from sarnet.networks.otsu import otsu_level
from sarnet.networks.peers import LoadedPeer, Peer, load_peer, peer_network, save_peer
from sarnet.networks.unet import load_unet, predicted_mask, save_unet, unet
from sarnet.networks.voxelmorph import VoxelMorph, voxelmorph_loss
from sarnet.networks.weights import (
    DEFAULT_MODEL,
    LoadedGenerator,
    load_generator,
    released_models,
    save_generator,
)

__all__ = [
    "DEFAULT_MODEL",
    "DirNet",
    "Discriminator",
    "Features",
    "FlowNet",
    "FusedMaps",
    "Generator",
    "LoadedGenerator",
    "LoadedPeer",
    "MapFusion",
    "Peer",
    "VoxelMorph",
    "hard_mask",
    "load_generator",
    "load_peer",
    "load_unet",
    "otsu_level",
    "peer_network",
    "predicted_mask",
    "released_models",
    "save_generator",
    "save_peer",
    "save_unet",
    "soft_mask",
    "unet",
    "voxelmorph_loss",
]
