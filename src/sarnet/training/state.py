"""All that a training must remember to go on where it stopped, and its file."""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import nn

from sarnet.config import TrainingSettings
from sarnet.errors import DataError, WeightsError, reason_of

_NEVER_MATTER = frozenset({"visits", "out", "start", "vgg", "checkpoint_minutes", "validate_steps", "picture_steps"})
"""Settings that may differ when a training goes on: they do not change what it learns from there."""


@dataclass
class TrainingState:
    """Networks, their optimisers, the number of steps done, and the sums of the figures since the log's last row.

    Chance is not part of it: every step draws from a source seeded by the settings' seed and the step's number, so a
    training that is resumed sees what an uninterrupted one would have seen.
    """

    networks: Mapping[str, nn.Module]
    optimisers: Mapping[str, torch.optim.Optimizer]
    learns_from: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint of what it reads, by the setting that says where; the same in whatever folder that lies."""
    step: int = 0
    sums: dict[str, float] = field(default_factory=dict)
    """Of each figure over the steps since the last row of the log."""
    summed: int = 0
    """So many steps they are the sums of."""

    def count(self, figures: Mapping[str, float]) -> None:
        """A step was done, with these figures."""
        self.step += 1
        self.summed += 1
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def take_means(self) -> dict[str, float]:
        """Return each figure's mean over the steps since this was last asked; there must have been one."""
        means = {name: total / self.summed for name, total in self.sums.items()}
        self.sums, self.summed = {}, 0
        return means

    def save(self, path: Path, *, settings: TrainingSettings) -> None:
        """Write a checkpoint; the one before it stays until this one is whole.

        Raises:
            DataError: If it cannot be written.
        """
        temporary = path.with_suffix(".partial")
        stored = {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "learns_from": dict(self.learns_from),
            "step": self.step,
            "sums": self.sums,
            "summed": self.summed,
            "settings": settings.model_dump_json(),
        }
        try:
            with temporary.open("wb") as file:
                torch.save(stored, file)
                file.flush()
                os.fsync(file.fileno())  # on the disk before it takes the older one's place, should the power fail
            temporary.replace(path)
        except (OSError, RuntimeError) as error:  # torch's own writer raises the second
            with suppress(OSError):
                temporary.unlink()
            raise DataError(
                f"checkpoint {path} cannot be written: {reason_of(error)}; the one before it, if any, is whole: make "
                "room and go on with --resume"
            ) from error

    def load(self, path: Path, *, settings: TrainingSettings, may_differ: Collection[str] = ()) -> None:
        """Read a checkpoint, as data alone.

        Args:
            path: File to read.
            settings: Of the training that goes on.
            may_differ: Further settings that need not be the same: groups, or single ones with a dot.

        Raises:
            WeightsError: If the file is no checkpoint, or one of other networks, or of a training with other settings
                or by other files.
        """
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
            # torch's own message advises to load what may be code
            raise WeightsError(f"checkpoint {path} is missing, damaged or something else") from error
        try:
            wanted = settings.model_dump(mode="json")
            changed = sorted(_differences(json.loads(stored["settings"]), wanted, may_differ))
            if changed:
                name, began, now = changed[0]
                raise WeightsError(
                    f"checkpoint {path} is of a training with another {name}, {began}, now {now}: go on with the "
                    "settings it began with, or choose another folder"
                )
            if "learns_from" not in stored:
                raise WeightsError(f"checkpoint {path} is of an earlier version of this program: begin anew")
            replaced = sorted(_differences(stored["learns_from"], dict(self.learns_from), (), always=()))
            if replaced:
                raise WeightsError(
                    f"checkpoint {path} is of a training that read something else from {replaced[0][0]}: give what it "
                    "began with, or choose another folder"
                )
            for name, network in self.networks.items():
                network.load_state_dict(stored["networks"][name])
            for name, optimiser in self.optimisers.items():
                optimiser.load_state_dict(stored["optimisers"][name])
            self.step, self.summed = int(stored["step"]), int(stored["summed"])
            self.sums = dict(stored["sums"])
        except (RuntimeError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, WeightsError):
                raise
            raise WeightsError(f"checkpoint {path} does not fit these networks: {error}") from error


def _differences(
    stored: dict[str, Any],
    wanted: dict[str, Any],
    may_differ: Collection[str],
    *,
    above: str = "",
    always: Collection[str] = _NEVER_MATTER,
) -> Iterator[tuple[str, str, str]]:
    """Name, stored and wanted value of the settings that differ, but for those that may."""
    for name in stored.keys() | wanted.keys():
        one, other, whole = stored.get(name), wanted.get(name), f"{above}{name}"
        if name in always or whole in may_differ:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other, may_differ, above=f"{whole}.", always=always)
        elif one != other:
            yield whole, str(one), str(other)
