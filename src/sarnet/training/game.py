"""The moves of the adversarial game: discriminators against generators (eq. 7)."""

import math
from collections.abc import Mapping

import torch
from lightning_fabric import Fabric
from torch import Tensor

from sarnet.config import TrainingSettings
from sarnet.losses import VggFeatures, discriminator_adversarial, objective
from sarnet.training.batches import Batch
from sarnet.training.descent import check_finite, take_step
from sarnet.training.players import Players
from sarnet.training.processes import shared_means
from sarnet.training.terms import Terms
from sarnet.training.ways import Way, judged


class Game:
    """The moves of both sides."""

    def __init__(self, players: Players, vgg: VggFeatures | None, settings: TrainingSettings, fabric: Fabric) -> None:
        """Keep what does not change from step to step.

        Args:
            players: The networks.
            vgg: VGG16, where its term has a weight.
            settings: Of the training.
            fabric: Which process this is.
        """
        self._players, self._terms = players, Terms(settings, vgg)
        self._settings, self._stage, self._fabric = settings, settings.adversarial, fabric

    def play(
        self,
        ways: tuple[Way, Way],
        batch: Batch,
        *,
        step: int,
        optimisers: Mapping[str, torch.optim.Optimizer],
    ) -> dict[str, float]:
        """One move of each side.

        Args:
            ways: The batch as G and F registered it.
            batch: What counts for which pair.
            step: Number of the step.
            optimisers: Of the generators and of the judges.

        Returns:
            The terms by name, their total, the share of real and warped images that the discriminators told rightly
            (NaN where they have no say) and the mean length of G's fields in voxels; means over all processes.

        Raises:
            InputError: If the total is not finite.
        """
        seen = self._seen(ways, step=step)
        right = torch.full((), math.nan, device=self._fabric.device)
        if self._stage.weights.adversarial:
            right = self._discriminators_move(seen, optimisers["judges"])
        voxels = ways[0].displacement.detach().norm(dim=1).mean()
        standing = {"discriminator_accuracy": right, "mean_voxels": voxels}
        return self._generators_move(ways, batch, seen, standing, optimisers["generators"], step=step)

    def _seen(self, ways: tuple[Way, Way], *, step: int) -> list[tuple[Tensor, Tensor]]:
        """What VGG16 and the discriminators see of each way."""
        # one more source of chance than the pairs of any step have
        rng = torch.Generator().manual_seed((self._settings.seed * 1_000_003 + step) * 1_009 + 1_008)
        scale, voxels = self._stage.judged_scale, self._stage.judged_voxels
        return [judged(way, scale=scale, voxels=voxels, rng=rng) for way in ways]

    def _discriminators_move(self, seen: list[tuple[Tensor, Tensor]], optimiser: torch.optim.Optimizer) -> Tensor:
        """One step of max over D (eq. 7), to which the warped images are data; returns the share it told rightly."""
        judges = (self._players.judge, self._players.reverse_judge)
        loss, right = torch.zeros((), device=self._fabric.device), list[Tensor]()
        with self._fabric.autocast():
            for judge, (real, warped) in zip(judges, seen, strict=True):
                of_real, of_warped = judge(torch.cat([real, warped.detach()])).chunk(2)
                loss = loss + discriminator_adversarial(of_real, of_warped)
                right += [of_real > 0, of_warped < 0]
        take_step(loss, optimiser, fabric=self._fabric, clip_norm=self._settings.clip_norm)
        return torch.cat(right).float().mean()

    def _generators_move(
        self,
        ways: tuple[Way, Way],
        batch: Batch,
        seen: list[tuple[Tensor, Tensor]],
        standing: dict[str, Tensor],
        optimiser: torch.optim.Optimizer,
        *,
        step: int,
    ) -> dict[str, float]:
        """One step of min over G and F (eq. 7); returns the terms by name, their total and how the game stands."""
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
        figures = shared_means(self._fabric, {"total": total} | terms | standing)
        check_finite(figures["total"], step)
        take_step(total, optimiser, fabric=self._fabric, clip_norm=self._settings.clip_norm)
        for judge in players.judges():
            judge.requires_grad_(True)
        return figures
