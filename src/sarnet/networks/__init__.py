"""Networks: the generator with its two trunks and its masks, the discriminator, and the files of their weights."""

from sarnet.networks.discriminator import Discriminator
from sarnet.networks.features import Features
from sarnet.networks.generator import Generator
from sarnet.networks.masks import FusedMaps, MapFusion, hard_mask, soft_mask
from sarnet.networks.otsu import otsu_level
from sarnet.networks.unet import load_unet, predicted_mask, save_unet, unet
from sarnet.networks.weights import (
    DEFAULT_MODEL,
    LoadedGenerator,
    load_generator,
    released_models,
    save_generator,
)

__all__ = [
    "DEFAULT_MODEL",
    "Discriminator",
    "Features",
    "FusedMaps",
    "Generator",
    "LoadedGenerator",
    "MapFusion",
    "hard_mask",
    "load_generator",
    "load_unet",
    "otsu_level",
    "predicted_mask",
    "released_models",
    "save_generator",
    "save_unet",
    "soft_mask",
    "unet",
]
