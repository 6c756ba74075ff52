"""Weights as safetensors files that say themselves which network they are for; those released lie in the package."""

import copy
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from sarnet.config import DiscriminatorSettings, GeneratorSettings, build_settings
from sarnet.errors import ConfigError, WeightsError
from sarnet.images import write_whole
from sarnet.networks.discriminator import Discriminator
from sarnet.networks.generator import Generator

DEFAULT_MODEL = "sarnet-cxr"
"""Name of the released weights that a registration uses where none are named."""

_SUFFIX = ".safetensors"

_REVERSE, _DISCRIMINATOR = "reverse.", "discriminator."
"""What the names of these networks' tensors begin with; the generator's stand as they are."""

_AnyNetwork = TypeVar("_AnyNetwork", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class LoadedGenerator:
    """A generator with its provenance."""

    generator: Generator
    """In evaluation mode, its parameters frozen."""

    name: str
    """Name of the released weights, or of the file."""

    sha256: str
    """Hash of the file."""

    reverse: Generator | None = None
    """F, where it is a network of its own; else it is the generator with the roles of the images exchanged."""

    discriminator: Discriminator | None = None
    """The discriminator of the fixed domain, where the weights come from adversarial training."""

    def on(self, device: torch.device) -> "LoadedGenerator":
        """Return the networks where they compute on a device: these, if they lie there, else copies."""
        if self.generator.last.weight.device == device:
            return self
        return replace(
            self,
            generator=copy.deepcopy(self.generator).to(device),
            reverse=self.reverse and copy.deepcopy(self.reverse).to(device),
            discriminator=self.discriminator and copy.deepcopy(self.discriminator).to(device),
        )


def released_models() -> tuple[str, ...]:
    """Return the names of the weights in the package."""
    folder = resources.files("sarnet.networks") / "released"
    return tuple(sorted(f.name.removesuffix(_SUFFIX) for f in folder.iterdir() if f.name.endswith(_SUFFIX)))


def save_generator(
    generator: Generator,
    path: Path,
    *,
    record: dict[str, Any],
    reverse: Generator | None = None,
    discriminator: Discriminator | None = None,
) -> None:
    """Write weights with the settings that rebuild their networks; what was there stays until they are whole.

    Args:
        generator: The network G.
        path: File to write, ``.safetensors``.
        record: Provenance to keep beside the weights, as JSON can hold it.
        reverse: F, where it is a network of its own; it is built as G is.
        discriminator: That of the fixed domain, where there is one.
    """
    networks = {"": generator, _REVERSE: reverse, _DISCRIMINATOR: discriminator}
    tensors = {
        prefix + name: value
        for prefix, network in networks.items()
        if network is not None
        for name, value in network.state_dict().items()
    }
    metadata = {"generator": generator.settings.model_dump_json(), "record": json.dumps(record, default=str)}
    if discriminator is not None:
        metadata["discriminator"] = discriminator.settings.model_dump_json()
    write_weights(tensors, path, metadata=metadata)


def write_weights(tensors: Mapping[str, Tensor], path: Path, *, metadata: dict[str, str]) -> None:
    """Write tensors by name as a safetensors file; what was there stays until it is whole.

    Raises:
        DataError: If it cannot be written.
    """
    copied = {name: value.detach().contiguous().cpu() for name, value in tensors.items()}
    # not safetensors' save_file(): only its owner could read what that writes
    write_whole(path, save(copied, metadata=metadata))


def read_weights(path: Path, *, name: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read a safetensors file: tensors by name, and its metadata.

    Args:
        path: The file.
        name: What the user calls it, for messages.

    Raises:
        WeightsError: If it is no such file.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  # not a mapping
            return tensors, file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"model {name} cannot be read as a safetensors file: {error}") from error


def load_generator(model: str | Path = DEFAULT_MODEL) -> LoadedGenerator:
    """Load released weights by name, or a file of one's own.

    Args:
        model: A name of :func:`released_models`, or the path of a ``.safetensors`` file that training wrote.

    Raises:
        WeightsError: If there is no such name or file, or it holds something else.
    """
    path = _find(str(model))
    tensors, metadata = read_weights(path, name=str(model))
    if "generator" not in metadata:
        raise WeightsError(f"model {model} holds no weights of a generator: it was not written by 'sarnet train'")
    reverse, discriminator = _take(tensors, _REVERSE), _take(tensors, _DISCRIMINATOR)
    try:
        settings = build_settings(GeneratorSettings, json.loads(metadata["generator"]))
        judge_settings = build_settings(DiscriminatorSettings, json.loads(metadata.get("discriminator", "{}")))
        return LoadedGenerator(
            generator=_frozen(Generator(settings), tensors),
            name=Path(model).stem,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            reverse=_frozen(Generator(settings), reverse) if reverse else None,
            discriminator=_frozen(Discriminator(judge_settings), discriminator) if discriminator else None,
        )
    except (ConfigError, RuntimeError, ValueError) as error:
        raise WeightsError(f"model {model} holds weights of another kind of network: {error}") from error


def _take(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Remove and return the tensors of one network, by their names in it."""
    names = [name for name in tensors if name.startswith(prefix)]
    return {name.removeprefix(prefix): tensors.pop(name) for name in names}


def _frozen(network: _AnyNetwork, tensors: dict[str, Tensor]) -> _AnyNetwork:
    network.load_state_dict(tensors)
    network.eval().requires_grad_(False)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # a tenth faster on CPUs
    return network


def _find(model: str) -> Path:
    if Path(model).suffix == _SUFFIX:
        if not Path(model).is_file():
            raise WeightsError(f"model {model} does not exist")
        return Path(model)
    if model not in released_models():
        known = ", ".join(released_models())
        raise WeightsError(f"model {model!r} is not known; released are {known}; or give a {_SUFFIX} file")
    return Path(str(resources.files("sarnet.networks") / "released" / f"{model}{_SUFFIX}"))
