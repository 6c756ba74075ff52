"""All that a training must remember to go on where it stopped, and its file."""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from sarnet.config import TrainingSettings
from sarnet.errors import WeightsError

_FREE = frozenset({"visits", "out", "start", "vgg", "checkpoint_minutes", "validate_steps", "picture_steps"})
"""Settings that may differ when a training goes on: they do not change what it learns from there."""


@dataclass
class TrainingState:
    """Networks, their optimisers and the number of steps done.

    Chance is not part of it: every step draws from a source seeded by the settings' seed and the step's number, so a
    training that is resumed sees what an uninterrupted one would have seen.
    """

    networks: Mapping[str, nn.Module]
    optimisers: Mapping[str, torch.optim.Optimizer]
    step: int = 0

    def save(self, path: Path, *, settings: TrainingSettings) -> None:
        """Write a checkpoint; the one before it stays until this one is whole."""
        temporary = path.with_suffix(".partial")
        torch.save(
            {
                "networks": {name: network.state_dict() for name, network in self.networks.items()},
                "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
                "step": self.step,
                "settings": settings.model_dump_json(),
            },
            temporary,
        )
        temporary.replace(path)

    def load(self, path: Path, *, settings: TrainingSettings, free: Collection[str] = ()) -> None:
        """Read a checkpoint, as data alone.

        Args:
            path: File to read.
            settings: Of the training that goes on.
            free: Further settings that may differ: those of the other stages.

        Raises:
            WeightsError: If the file is no checkpoint, or one of other networks or of a training with other settings.
        """
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
            # torch's own message advises to load what may be code
            raise WeightsError(f"checkpoint {path} is missing, damaged or something else") from error
        try:
            wanted, may_differ = settings.model_dump(mode="json"), _FREE.union(free)
            changed = sorted(_differences(json.loads(stored["settings"]), wanted, may_differ))
            if changed:
                raise WeightsError(
                    f"checkpoint {path} is of a training with another {changed[0]}: go on with the settings it began "
                    "with, or choose another folder"
                )
            for name, network in self.networks.items():
                network.load_state_dict(stored["networks"][name])
            for name, optimiser in self.optimisers.items():
                optimiser.load_state_dict(stored["optimisers"][name])
            self.step = int(stored["step"])
        except (RuntimeError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, WeightsError):
                raise
            raise WeightsError(f"checkpoint {path} does not fit these networks: {error}") from error


def _differences(
    stored: dict[str, Any], wanted: dict[str, Any], free: frozenset[str], above: str = ""
) -> Iterator[str]:
    """Names of the settings that differ, but for those that may."""
    for name in (stored.keys() | wanted.keys()) - free:
        one, other = stored.get(name), wanted.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            # below a stage's name all settings count but for those that never do
            yield from _differences(one, other, _FREE, f"{above}{name}.")
        elif one != other:
            yield f"{above}{name}"
