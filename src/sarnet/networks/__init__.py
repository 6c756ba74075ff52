"""Networks: the generator with its two trunks, and the files of its weights."""

from sarnet.networks.features import Features
from sarnet.networks.generator import Generator
from sarnet.networks.weights import (
    DEFAULT_MODEL,
    LoadedGenerator,
    load_generator,
    released_models,
    save_generator,
)

__all__ = [
    "DEFAULT_MODEL",
    "Features",
    "Generator",
    "LoadedGenerator",
    "load_generator",
    "released_models",
    "save_generator",
]
