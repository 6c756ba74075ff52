"""Training from the first stage to the last."""

from pathlib import Path

from sarnet.config import TrainingSettings
from sarnet.datasets import read_radiographs, split_by_patient
from sarnet.errors import ConfigError
from sarnet.training.adversarial import check_adversarial, train_adversarial
from sarnet.training.initial import check_initial, train_initial
from sarnet.training.peers import check_peer, train_peer
from sarnet.training.processes import is_first_process
from sarnet.training.run import Report
from sarnet.training.segmentation import check_unet, train_unet


def train(settings: TrainingSettings, *, resume: bool = False, report: Report | None = None) -> tuple[Path, ...]:
    """Do every stage that has steps, each beginning with the weights of the one before.

    Args:
        settings: What is trained, on what, and how.
        resume: Go on where an earlier call stopped.
        report: Called after every step.

    Returns:
        The weights' paths, of the generator last trained first; of several processes the first alone returns them.

    Raises:
        ConfigError: If no stage has steps.
        SarnetError: As :func:`train_initial`, :func:`train_adversarial`, :func:`train_unet` and :func:`train_peer` do;
            what can be known is looked at for every stage before the first begins.
    """
    _check(settings)
    written: list[Path] = []
    if settings.initial.steps:
        written = [train_initial(settings, resume=resume, report=report)]
    if settings.adversarial.steps:
        second = settings.model_copy(update={"start": str(written[0])}) if written else settings
        written = [train_adversarial(second, resume=resume, report=report)]
    if settings.unet.steps:
        written.append(train_unet(settings, resume=resume, report=report))
    if settings.peer.steps:
        written.append(train_peer(settings, resume=resume, report=report))
    return tuple(written) if is_first_process() else ()


def _check(settings: TrainingSettings) -> None:
    """Hours of one stage shall not be over before the next finds out that it cannot begin."""
    if not any(stage.steps for stage in (settings.initial, settings.adversarial, settings.unet, settings.peer)):
        raise ConfigError(
            "no stage has steps: give initial.steps, adversarial.steps, unet.steps or peer.steps a number above 0"
        )
    split = split_by_patient(read_radiographs(settings.visits, dataset=settings.dataset), seed=settings.split_seed)
    if settings.initial.steps:
        check_initial(settings)
    if settings.adversarial.steps:
        check_adversarial(settings, split)
    if settings.unet.steps:
        check_unet(settings, split)
    if settings.peer.steps:
        check_peer(settings, split)
