"""The moves of the adversarial game: discriminators against generators (eq. 7)."""

import math

import torch
from lightning_fabric import Fabric
from torch import Tensor

from sarnet.config import TrainingSettings
from sarnet.losses import VggFeatures, discriminator_adversarial, objective
from sarnet.training.alarms import Standing
from sarnet.training.batches import Batch
from sarnet.training.players import Players
from sarnet.training.stage import check_finite, shared_means, take_step
from sarnet.training.terms import Terms
from sarnet.training.ways import Way, judged


class Game:
    """The moves of both sides, and what is remembered of them from one check to the next."""

    def __init__(self, players: Players, vgg: VggFeatures | None, settings: TrainingSettings, fabric: Fabric) -> None:
        """Begin with nothing remembered."""
        self._players, self._terms = players, Terms(settings, vgg)
        self._settings, self._stage, self._fabric = settings, settings.adversarial, fabric
        self._right: list[float] = []
        self._voxels: list[float] = []

    def seen(self, ways: tuple[Way, Way], *, step: int) -> list[tuple[Tensor, Tensor]]:
        """What VGG16 and the discriminators see of each way."""
        # one more source of chance than the pairs of any step have
        rng = torch.Generator().manual_seed((self._settings.seed * 1_000_003 + step) * 1_009 + 1_008)
        scale, voxels = self._stage.judged_scale, self._stage.judged_voxels
        return [judged(way, scale=scale, voxels=voxels, rng=rng) for way in ways]

    def discriminators_move(self, seen: list[tuple[Tensor, Tensor]], optimiser: torch.optim.Optimizer) -> None:
        """One step of max over D (eq. 7); the warped images are data to it."""
        judges = (self._players.judge, self._players.reverse_judge)
        loss, right = torch.zeros((), device=self._fabric.device), list[Tensor]()
        with self._fabric.autocast():
            for judge, (real, warped) in zip(judges, seen, strict=True):
                of_real, of_warped = judge(torch.cat([real, warped.detach()])).chunk(2)
                loss = loss + discriminator_adversarial(of_real, of_warped)
                right += [of_real > 0, of_warped < 0]
        take_step(loss, optimiser, fabric=self._fabric, clip_norm=self._settings.clip_norm)
        self._right.append(float(torch.cat(right).float().mean()))

    def generators_move(
        self,
        ways: tuple[Way, Way],
        batch: Batch,
        seen: list[tuple[Tensor, Tensor]],
        optimiser: torch.optim.Optimizer,
        *,
        step: int,
    ) -> dict[str, float]:
        """One step of min over G and F (eq. 7); returns the terms by name, and their total."""
        players = self._players
        for judge in players.judges():
            judge.requires_grad_(False)
        judges, batches = (players.judge, players.reverse_judge), (batch, batch.exchanged())
        with self._fabric.autocast():
            there, back = (
                self._terms.of_way(way, its_batch, seen=its_seen, judge=judge, step=step)
                for way, its_batch, its_seen, judge in zip(ways, batches, seen, judges, strict=True)
            )
            terms = {name: (there[name] + back[name]) / 2 for name in there}
            terms |= self._terms.of_both(ways, generator=players.generator, reverse=players.reverse)
            total = objective(terms, self._stage.weights)
        figures = shared_means(self._fabric, {"total": total} | terms)
        check_finite(figures["total"], step)
        take_step(total, optimiser, fabric=self._fabric, clip_norm=self._settings.clip_norm)
        for judge in players.judges():
            judge.requires_grad_(True)
        self._voxels.append(float(ways[0].displacement.detach().norm(dim=1).mean()))
        return figures

    def standing(self) -> Standing:
        """How the game has gone since this was last asked."""
        figures = Standing(_mean(self._right), _mean(self._voxels))._asdict()
        device = self._fabric.device
        tensors = {name: torch.tensor(value, device=device) for name, value in figures.items()}
        standing = Standing(**shared_means(self._fabric, tensors))
        self._right, self._voxels = [], []
        return standing


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
