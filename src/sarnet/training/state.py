"""All that a training must remember to go on where it stopped, and its file."""

from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch

from sarnet.config import TrainingSettings
from sarnet.errors import WeightsError
from sarnet.networks import Generator


@dataclass
class TrainingState:
    """Network, optimiser and the number of steps done.

    Chance is not part of it: every step draws from a source seeded by the settings' seed and the step's number, so a
    training that is resumed sees what an uninterrupted one would have seen.
    """

    generator: Generator
    optimiser: torch.optim.Optimizer
    step: int = 0

    def save(self, path: Path, *, settings: TrainingSettings) -> None:
        """Write a checkpoint; the one before it stays until this one is whole."""
        temporary = path.with_suffix(".partial")
        torch.save(
            {
                "generator": self.generator.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "settings": settings.model_dump_json(),
            },
            temporary,
        )
        temporary.replace(path)

    def load(self, path: Path) -> None:
        """Read a checkpoint, as data alone.

        Raises:
            WeightsError: If the file is no checkpoint, or one of another network.
        """
        try:
            stored = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
            # torch's own message advises to load what may be code
            raise WeightsError(f"checkpoint {path} is missing, damaged or something else") from error
        try:
            self.generator.load_state_dict(stored["generator"])
            self.optimiser.load_state_dict(stored["optimiser"])
            self.step = int(stored["step"])
        except (RuntimeError, LookupError, TypeError, ValueError) as error:
            raise WeightsError(f"checkpoint {path} does not fit this network: {error}") from error
