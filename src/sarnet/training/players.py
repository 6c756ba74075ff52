"""The networks of the adversarial game, and their optimisers."""

import copy
from dataclasses import dataclass

import torch
from torch import nn

from sarnet.config import TrainingSettings
from sarnet.networks import Discriminator, Generator
from sarnet.training.start import start_from


@dataclass(frozen=True, kw_only=True)
class Players:
    """The networks of the game; where F is G with exchanged roles, it has G's discriminator, too."""

    generator: Generator
    reverse: Generator
    judge: Discriminator
    """Of the fixed domain: judges what G makes."""
    reverse_judge: Discriminator
    """Of the moving domain: judges what F makes."""
    average: Generator | None
    """The exponential average of G, where one is kept."""

    def named(self) -> dict[str, nn.Module]:
        """Return each network once, by the name it has in a checkpoint."""
        networks: dict[str, nn.Module] = {"generator": self.generator, "judge": self.judge}
        if self.reverse is not self.generator:
            networks |= {"reverse": self.reverse, "reverse_judge": self.reverse_judge}
        if self.average is not None:
            networks["average"] = self.average
        return networks

    def generators(self) -> list[Generator]:
        """Return G, and F where it is a network of its own."""
        return [self.generator] if self.reverse is self.generator else [self.generator, self.reverse]

    def judges(self) -> list[Discriminator]:
        """Return the discriminators, each once."""
        return [self.judge] if self.reverse_judge is self.judge else [self.judge, self.reverse_judge]

    @torch.no_grad()
    def update_average(self, *, decay: float) -> None:
        """Let the average of G, where one is kept, follow it."""
        if self.average is None:
            return
        for kept, new in zip(self.average.state_dict().values(), self.generator.state_dict().values(), strict=True):
            if kept.is_floating_point():
                kept.lerp_(new, 1 - decay)
            else:
                kept.copy_(new)

    @property
    def released(self) -> Generator:
        """G as it is judged and written: its average, where one is kept."""
        return self.average or self.generator


def make_players(settings: TrainingSettings, device: torch.device, *, is_begun: bool = False) -> Players:
    """Build the networks, G and F from the weights that the settings start with.

    Args:
        settings: Of the training.
        device: Where they are to compute.
        is_begun: Whether a checkpoint will have them go on elsewhere.

    Raises:
        WeightsError: If those weights are of another kind.
    """
    stage = settings.adversarial
    generator = Generator(settings.generator)
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from its stubs
    if settings.start is not None and not is_begun:
        start_from(generator, settings.start)
    own = stage.reverse == "own"
    judges = [Discriminator(stage.discriminator).to(device) for _ in range(2 if own else 1)]
    # each begins with what the first stage learned: there, too, the pairs had no order
    reverse = copy.deepcopy(generator).to(device) if own else generator
    average = copy.deepcopy(generator).to(device).requires_grad_(False) if stage.average_decay else None
    return Players(
        generator=generator.to(device), reverse=reverse, judge=judges[0], reverse_judge=judges[-1], average=average
    )


def make_optimisers(players: Players, settings: TrainingSettings) -> dict[str, torch.optim.Optimizer]:
    """Return an optimiser for each side: G and F, and their discriminators."""
    stage, betas = settings.adversarial, (settings.beta1, 0.999)
    named = [item for generator in players.generators() for item in generator.named_parameters()]
    groups = [
        {"params": [value for name, value in named if "fusion" not in name], "highest": stage.learning_rate},
        {"params": [value for name, value in named if "fusion" in name], "highest": stage.fusion_learning_rate},
    ]
    judges = [value for judge in players.judges() for value in judge.parameters()]
    judge_groups = [{"params": judges, "highest": stage.discriminator_learning_rate}]
    return {
        "generators": torch.optim.Adam([group for group in groups if group["params"]], betas=betas),
        "judges": torch.optim.Adam(judge_groups, betas=betas),
    }
