"""What a training begins with: images in three parts, of a size that fits, and weights that there are already."""

import torch

from sarnet.config import TrainingSettings
from sarnet.datasets import Split, read_radiographs, split_by_patient
from sarnet.errors import ConfigError, WeightsError
from sarnet.networks import Generator, load_generator

_HEADS = ("image.", "fixed_fusion.", "moving_fusion.")
"""Outputs that the first stage does not train: where the weights have none, they begin as drawn."""


def split_of(settings: TrainingSettings) -> Split:
    """Read which images are trained on, validated and tested with.

    Raises:
        DataError: If the CSV cannot be used.
    """
    return split_by_patient(read_radiographs(settings.visits, dataset=settings.dataset), seed=settings.split_seed)


def check_size(settings: TrainingSettings) -> None:
    """Refuse images of a size that the generator cannot take.

    Raises:
        ConfigError: If it is so.
    """
    with torch.device("meta"):  # its layers alone, no weights
        multiple = Generator(settings.generator).multiple
    if settings.size % multiple:
        raise ConfigError(f"size is {settings.size}, but the generator reduces it: give a multiple of {multiple}")


def start_from(generator: Generator, model: str) -> None:
    """Copy released weights, or those of a file, into a generator.

    Args:
        generator: Of the same trunk; it may have outputs that the weights lack.
        model: Released name or ``.safetensors`` file.

    Raises:
        WeightsError: If the weights cannot be read, or are of another architecture.
    """
    weights = load_generator(model).generator.state_dict()
    wanted = generator.state_dict()
    lacking = [name for name in wanted if name not in weights and not name.startswith(_HEADS)]
    other = [name for name, value in weights.items() if name not in wanted or wanted[name].shape != value.shape]
    if lacking or other:
        raise WeightsError(
            f"start {model} has weights of another architecture ({(lacking + other)[0]} does not fit): "
            "give the generator the settings it was trained with"
        )
    generator.load_state_dict(weights, strict=False)
