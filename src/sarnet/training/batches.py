"""The pairs of one training step: drawn from several sources, the same for the same seed and step."""

from typing import NamedTuple

import torch
from jaxtyping import Bool
from torch import Tensor

from sarnet.config import SimulationSettings, SourceSettings, TrainingSettings
from sarnet.datasets import (
    AlignedOriginals,
    Original,
    Radiograph,
    TrainingPair,
    augmented_pair,
    different_pair,
    joined,
    later_visits,
    load_originals,
)
from sarnet.errors import ConfigError, InputError


class Batch(NamedTuple):
    """Pairs, and what counts for each of them."""

    pair: TrainingPair
    known: Bool[Tensor, " batch"]
    """Whether its field is known."""
    segmented: Bool[Tensor, " batch"]
    """Whether its masks count."""

    def exchanged(self) -> "Batch":
        """Return the same the other way round."""
        return self._replace(pair=self.pair.exchanged())


def check_sources(sources: tuple[SourceSettings, ...], radiographs: tuple[Radiograph, ...], *, name: str) -> None:
    """Refuse sources that have nothing to draw from.

    Args:
        sources: How many pairs of which kind.
        radiographs: Those to train on.
        name: What the sources are called in the settings.

    Raises:
        ConfigError: If no pair is asked for, visits where nobody came twice, or patients where there is one.
    """
    if not sources:
        raise ConfigError(f"{name} names none with pairs, but the stage needs them: add one")
    if any(source.kind == "visits" for source in sources) and not later_visits(radiographs):
        raise ConfigError(f"{name} asks for visits, but no training patient came twice")
    if any(source.kind == "patients" for source in sources) and len({each.person for each in radiographs}) < 2:
        raise ConfigError(f"{name} asks for pairs of patients, but there is only one to train on")


class PairSources:
    """Draws the batches of a training.

    Every pair has a source of chance of its own, seeded by the training's seed, the step and the pair's place in the
    batch: a training that is resumed sees what an uninterrupted one would have seen, and several processes that share
    a batch see what one would.
    """

    def __init__(
        self,
        originals: Original,
        radiographs: tuple[Radiograph, ...],
        *,
        sources: tuple[SourceSettings, ...],
        simulation: SimulationSettings,
        seed: int,
    ) -> None:
        """Draw from sources that :func:`check_sources` has looked at.

        Args:
            originals: The training images with their masks.
            radiographs: Whose they are, in the same order.
            sources: How many pairs of which kind.
            simulation: Ranges of the known fields.
            seed: Of the training.
        """
        self._originals = originals
        self._aligned = AlignedOriginals(originals)
        self._visits = later_visits(radiographs)
        self._patients = [radiograph.person for radiograph in radiographs]
        self._sources = sources
        self._simulation = simulation
        self._seed = seed

    @classmethod
    def of(
        cls,
        radiographs: tuple[Radiograph, ...],
        settings: TrainingSettings,
        *,
        sources: tuple[SourceSettings, ...],
    ) -> "PairSources":
        """Read the images of a training, and draw from them as its settings say.

        Raises:
            DataError: If an image cannot be read.
        """
        return cls(
            load_originals(radiographs, size=settings.size),
            radiographs,
            sources=sources,
            simulation=settings.simulation,
            seed=settings.seed,
        )

    @property
    def pairs(self) -> int:
        """Number of pairs in a batch."""
        return sum(source.pairs for source in self._sources)

    def draw(self, step: int, *, process: int = 0, processes: int = 1) -> Batch:
        """Return the batch of one step, or the share of it that one of several processes has.

        Args:
            step: Number of the step.
            process: Which process, from zero.
            processes: How many share the batch: each takes every so-manyth pair of every source.

        Raises:
            InputError: If an image holds a value that is not finite.
        """
        places = [(source, index) for source in self._sources for index in range(source.pairs)]
        drawn, known, segmented = [], [], []
        for place, (source, index) in enumerate(places):
            if index % processes == process:
                rng = torch.Generator().manual_seed((self._seed * 1_000_003 + step) * 1_009 + place)
                drawn.append(self._pair(source, rng))
                known.append(source.kind == "simulated")
                segmented.append(source.masks)
        pair = joined(drawn)
        if not (pair.fixed.isfinite().all() and pair.moving.isfinite().all()):
            raise InputError(f"the images drawn for step {step} hold NaN or infinity: look at those that visits names")
        return Batch(pair, torch.tensor(known), torch.tensor(segmented))

    def _pair(self, source: SourceSettings, rng: torch.Generator) -> TrainingPair:
        if source.kind == "simulated":
            one = self._original(int(torch.randint(len(self._originals.image), (), generator=rng)))
            return augmented_pair(
                one.image, mask=one.mask, augmentation=source.augmentation, simulation=self._simulation, rng=rng
            )
        fixed, moving = self._visit(rng) if source.kind == "visits" else self._others(rng)
        other = self._aligned.moved(moving, onto=fixed) if source.aligned else self._original(moving)
        return different_pair(self._original(fixed), other, augmentation=source.augmentation, rng=rng)

    def _visit(self, rng: torch.Generator) -> tuple[int, int]:
        return self._visits[int(torch.randint(len(self._visits), (), generator=rng))]

    def _others(self, rng: torch.Generator) -> tuple[int, int]:
        """Places of images of two patients."""
        first, *rest = torch.randperm(len(self._patients), generator=rng).tolist()
        return first, next(place for place in rest if self._patients[place] != self._patients[first])

    def _original(self, place: int) -> Original:
        return Original(self._originals.image[place, None], self._originals.mask[place, None])


def channels_last(image: Tensor) -> Tensor:
    """The order in memory in which convolutions are fastest."""
    return image.contiguous(memory_format=torch.channels_last)
