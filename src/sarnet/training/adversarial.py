"""The paper's second stage: G and F against their discriminators, by the whole objective (eq. 2 to 7)."""

from pathlib import Path

import torch

from sarnet.config import TrainingSettings
from sarnet.datasets import Split, TrainingPair, check_masks, load_originals
from sarnet.errors import ConfigError
from sarnet.losses import read_vgg
from sarnet.losses.vgg import SMALLEST_SIDE
from sarnet.networks import save_generator
from sarnet.training.batches import Batch, PairSources, check_sources
from sarnet.training.descent import set_learning_rate
from sarnet.training.game import Game
from sarnet.training.picture import save_picture
from sarnet.training.players import make_optimisers, make_players
from sarnet.training.processes import check_shares, make_fabric
from sarnet.training.run import WEIGHTS_FILE, Report, Run, claim, is_begun, training_record
from sarnet.training.start import check_size, split_of
from sarnet.training.state import TrainingState
from sarnet.training.validation import VALIDATION_IMAGES, validate
from sarnet.training.ways import both_ways

_OF_MASKS, _OF_FIELDS = ("mask_overlap", "mask_supervision"), ("field", "field_length", "coarse_field")
"""Terms that say nothing without a pair whose masks count, or one whose field is known."""


def train_adversarial(settings: TrainingSettings, *, resume: bool = False, report: Report | None = None) -> Path:
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
        ConfigError: As :func:`check_adversarial`.
        DataError: If images, masks or VGG16's weights cannot be read, or do not fit one another.
        WeightsError: If a checkpoint, VGG16's weights or those to start with are of another kind.
    """
    stage, out = settings.adversarial, settings.out / "adversarial"
    split = split_of(settings)
    check_adversarial(settings, split)
    vgg = read_vgg(settings.vgg) if stage.weights.vgg else None
    claim(out, resume=resume)
    sources = PairSources.of(split.train, settings, sources=stage.sources)
    held_out = load_originals(split.validation[:VALIDATION_IMAGES], size=settings.size)

    torch.manual_seed(settings.seed)  # the only chance that is not drawn from a source of its own: the first weights
    fabric = make_fabric(settings)
    players = make_players(settings, fabric.device, is_begun=is_begun(out))
    optimisers = make_optimisers(players, settings)
    learns_from = {"visits": split.fingerprint} | ({} if vgg is None else {"vgg": vgg.record.name})
    state = TrainingState(players.named(), optimisers, learns_from)
    run = Run(
        out,
        state,
        steps=stage.steps,
        settings=settings,
        may_differ={"initial", "unet", "peer"},
        fabric=fabric,
        report=report,
    )
    game = Game(players, None if vgg is None else vgg.to(fabric.device), settings, fabric)

    while not run.is_over:
        for optimiser in optimisers.values():
            set_learning_rate(optimiser, run.step, stage)
        batch = _to(fabric.device, sources.draw(run.step, process=fabric.global_rank, processes=fabric.world_size))
        with fabric.autocast():
            ways = both_ways(players.generator, players.reverse, batch.pair)
        figures = game.play(ways, batch, step=run.step, optimisers=optimisers)
        players.update_average(decay=stage.average_decay)
        run.count(figures)
        if run.is_due(settings.validate_steps):
            validation = validate(players.released, held_out, settings=settings)
            run.write(validation.figures(), judgement=str(validation))
        if fabric.is_global_zero and run.is_due(stage.picture_steps):
            save_picture(players.released, held_out, out / f"pictures/step-{run.step:06d}.png")
        run.close_step(figures["total"])

    weights = out / WEIGHTS_FILE
    if fabric.is_global_zero:
        save_generator(
            players.released,
            weights,
            reverse=None if players.reverse is players.generator else players.reverse,
            discriminator=players.judge if stage.weights.adversarial else None,
            record=training_record("adversarial", settings, state),
        )
    fabric.barrier()  # whoever goes on with them finds them whole
    return weights


def check_adversarial(settings: TrainingSettings, split: Split) -> None:
    """Refuse settings that contradict one another or the images, before any step is done.

    Raises:
        ConfigError: If the sources cannot be drawn from, a term wants an output that the generator has not or pairs
            that no source has, a source cannot be divided among the processes, or the images are not of a size that
            the networks take.
        DataError: If masks that are learned from are missing, or VGG16's weights are.
        WeightsError: If VGG16's weights are something else.
    """
    stage, generator = settings.adversarial, settings.generator
    for term, name, wanted in (
        ("mask_supervision", "segments", True),
        ("tie", "synthesizes", True),
        ("coarse_field", "trunk", "matching"),
    ):
        came = getattr(generator, name)
        if getattr(stage.weights, term) and came != wanted:
            raise ConfigError(
                f"adversarial.weights.{term} is not 0, but generator.{name} is {str(came).lower()}: set it to "
                f"{str(wanted).lower()}, or the weight to 0"
            )
    check_size(settings)
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
    check_sources(stage.sources, split.train, name="adversarial.sources")
    if any(weights[term] for term in _OF_MASKS):
        check_masks(split.train)
    if weights["vgg"]:
        judged = min(settings.size // stage.judged_scale, stage.judged_voxels or settings.size)
        if judged < SMALLEST_SIDE:
            raise ConfigError(
                f"adversarial.judged_scale is {stage.judged_scale}, which leaves VGG16 {judged} pixels, "
                f"but it needs {SMALLEST_SIDE}: give a smaller one"
            )
        read_vgg(settings.vgg)


def _to(device: torch.device, batch: Batch) -> Batch:
    return Batch(
        TrainingPair(*(part.to(device) for part in batch.pair)), batch.known.to(device), batch.segmented.to(device)
    )
