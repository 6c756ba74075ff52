"""The paper's second stage: G and F against their discriminators, by the whole objective (eq. 2 to 7)."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from sarnet.config import TrainingSettings
from sarnet.datasets import TrainingPair, load_originals, read_radiographs, split_by_patient
from sarnet.errors import ConfigError
from sarnet.losses import VggFeatures, discriminator_adversarial, objective, read_vgg
from sarnet.networks import Discriminator, Generator, save_generator
from sarnet.training.alarms import Standing, alarms
from sarnet.training.batches import Batch, PairSources
from sarnet.training.log import Log
from sarnet.training.picture import save_picture
from sarnet.training.stage import (
    WEIGHTS_FILE,
    Checkpoints,
    Progress,
    average_gradients,
    check_finite,
    check_shares,
    claim,
    make_fabric,
    set_learning_rate,
    shared_means,
    training_record,
)
from sarnet.training.start import start_from
from sarnet.training.state import TrainingState
from sarnet.training.terms import Terms
from sarnet.training.validation import VALIDATION_PAIRS, validate
from sarnet.training.ways import Way, both_ways, judged

_OF_MASKS, _OF_FIELDS = ("mask_overlap", "mask_supervision"), ("field", "field_length", "coarse_field")
"""Terms that say nothing without a pair whose masks count, or one whose field is known."""


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


def train_adversarial(
    settings: TrainingSettings, *, resume: bool = False, report: Callable[[Progress], None] | None = None
) -> Path:
    """Train G, F and their discriminators in turns, and write what registration needs of them.

    Writes ``checkpoint.pt``, ``log.csv``, ``tensorboard/``, ``pictures/`` and, at the end, ``generator.safetensors``
    into the folder ``adversarial`` of ``settings.out``.

    Args:
        settings: What is trained, on what, and how; ``settings.start`` is where G and F begin.
        resume: Go on from the checkpoint, where there is one.
        report: Called after every step.

    Returns:
        The weights' path.

    Raises:
        InputError: If the folder holds a checkpoint and ``resume`` was not asked for, an image or a loss is not finite.
        ConfigError: If the sources cannot be drawn from, a term wants an output that the generator has not or pairs
            that no source has, or a source cannot be divided among the processes.
        DataError: If images, masks or VGG16's weights cannot be read, or do not fit one another.
        WeightsError: If a checkpoint, VGG16's weights or those to start with are of another kind.
    """
    stage, out = settings.adversarial, settings.out / "adversarial"
    _check(settings)
    vgg = read_vgg(settings.vgg) if stage.weights.vgg else None
    split = split_by_patient(read_radiographs(settings.visits, dataset=settings.dataset), seed=settings.seed)
    checkpoint = claim(out, resume=resume)
    sources = PairSources(
        load_originals(split.train, size=settings.size),
        split.train,
        sources=stage.sources,
        simulation=settings.simulation,
        seed=settings.seed,
    )
    held_out = load_originals(split.validation[:VALIDATION_PAIRS], size=settings.size)

    torch.manual_seed(settings.seed)  # the only chance that is not drawn from a source of its own: the first weights
    fabric = make_fabric(settings)
    players = _players(settings, fabric.device)
    optimisers = _optimisers(players, settings)
    state = TrainingState(players.named(), optimisers)
    if checkpoint is not None:
        state.load(checkpoint, settings=settings, free={"initial", "unet"})
    game = _Game(players, None if vgg is None else vgg.to(fabric.device), settings, fabric)
    checkpoints = Checkpoints(out, state, settings=settings, writes=fabric.is_global_zero)
    log = Log(out, after=state.step) if fabric.is_global_zero else None

    judgement, history = "", list[Standing]()
    while state.step < stage.steps:
        for optimiser in optimisers.values():
            set_learning_rate(optimiser, state.step, steps=stage.steps, warm_up_steps=stage.warm_up_steps)
        batch = _to(fabric.device, sources.draw(state.step, process=fabric.global_rank, processes=fabric.world_size))
        with fabric.autocast():
            ways = both_ways(players.generator, players.reverse, batch.pair)
        seen = game.seen(ways, step=state.step)
        if stage.weights.adversarial:
            game.discriminators_move(seen, optimisers["judges"])
        terms = game.generators_move(ways, batch, seen, optimisers["generators"], step=state.step)
        if players.average is not None:
            _average(players.average, players.generator, decay=stage.average_decay)
        state.step += 1

        last = state.step == stage.steps
        found: tuple[str, ...] = ()
        if last or state.step % settings.validate_steps == 0:
            validation = validate(players.average or players.generator, held_out, settings=settings)
            judgement = str(validation)
            history.append(game.standing())
            found = alarms(history)
            if log is not None:
                log.write(state.step, terms | history[-1]._asdict() | validation.figures())
        if fabric.is_global_zero and (last or state.step % stage.picture_steps == 0):
            save_picture(players.average or players.generator, held_out, out / f"pictures/step-{state.step:06d}.png")
        checkpoints.due(last=last)
        if report is not None and fabric.is_global_zero:
            report(Progress("adversarial", state.step, stage.steps, terms["total"], judgement, found))

    weights = out / WEIGHTS_FILE
    if fabric.is_global_zero:
        save_generator(
            players.average or players.generator,
            weights,
            reverse=None if players.reverse is players.generator else players.reverse,
            discriminator=players.judge if stage.weights.adversarial else None,
            record=training_record("adversarial", state.step, settings),
        )
    fabric.barrier()  # whoever goes on with them finds them whole
    return weights


class _Game:
    """The moves of both sides, and what is remembered of them from one check to the next."""

    def __init__(self, players: Players, vgg: VggFeatures | None, settings: TrainingSettings, fabric: Fabric) -> None:
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
        self._step(loss, optimiser, self._players.judges())
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
        self._step(total, optimiser, players.generators())
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

    def _step(
        self, loss: Tensor, optimiser: torch.optim.Optimizer, networks: list[Generator] | list[Discriminator]
    ) -> None:
        parameters = [parameter for network in networks for parameter in network.parameters()]
        optimiser.zero_grad()
        self._fabric.backward(loss)
        average_gradients(self._fabric, parameters)
        nn.utils.clip_grad_norm_(parameters, self._settings.clip_norm)
        optimiser.step()


def _check(settings: TrainingSettings) -> None:
    """Refuse settings that contradict one another before anything is read."""
    stage, generator = settings.adversarial, settings.generator
    for term, wanted, has in (
        ("mask_supervision", "segments", generator.segments),
        ("tie", "synthesizes", generator.synthesizes),
    ):
        if getattr(stage.weights, term) and not has:
            raise ConfigError(
                f"adversarial.weights.{term} is not 0, but generator.{wanted} is false: set it to true, "
                "or the weight to 0"
            )
    weights = stage.weights.model_dump()
    if not any(weights.values()):
        raise ConfigError("adversarial.weights are all 0, but the stage needs a term: give one of them a weight")
    for terms, kind, there in (
        (_OF_MASKS, "with masks", any(source.masks for source in stage.sources)),
        (_OF_FIELDS, "of kind simulated", any(source.kind == "simulated" for source in stage.sources)),
    ):
        for term in terms:
            if weights[term] and not there:
                raise ConfigError(
                    f"adversarial.weights.{term} is not 0, but no source is {kind}: add one, or set the weight to 0"
                )
    for source in stage.sources:
        check_shares(f"adversarial.sources.pairs of {source.kind}", source.pairs, devices=settings.devices)


def _players(settings: TrainingSettings, device: torch.device) -> Players:
    stage = settings.adversarial
    generator = Generator(settings.generator)
    generator.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing from its stubs
    if settings.start is not None:
        start_from(generator, settings.start)
    own = stage.reverse == "own"
    judges = [Discriminator(stage.discriminator).to(device) for _ in range(2 if own else 1)]
    # each begins with what the first stage learned: there, too, the pairs had no order
    reverse = copy.deepcopy(generator).to(device) if own else generator
    average = copy.deepcopy(generator).to(device).requires_grad_(False) if stage.average_decay else None
    return Players(
        generator=generator.to(device), reverse=reverse, judge=judges[0], reverse_judge=judges[-1], average=average
    )


def _optimisers(players: Players, settings: TrainingSettings) -> dict[str, torch.optim.Optimizer]:
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


@torch.no_grad()
def _average(average: Generator, generator: Generator, *, decay: float) -> None:
    for kept, new in zip(average.state_dict().values(), generator.state_dict().values(), strict=True):
        if kept.is_floating_point():
            kept.lerp_(new, 1 - decay)
        else:
            kept.copy_(new)


def _to(device: torch.device, batch: Batch) -> Batch:
    return Batch(
        TrainingPair(*(part.to(device) for part in batch.pair)), batch.known.to(device), batch.segmented.to(device)
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else math.nan
