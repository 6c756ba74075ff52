"""Training from the first stage to the last."""

from pathlib import Path

from sarnet.config import TrainingSettings
from sarnet.errors import ConfigError
from sarnet.training.adversarial import check_adversarial, train_adversarial
from sarnet.training.initial import check_initial, train_initial
from sarnet.training.peers import check_peer, train_peer
from sarnet.training.processes import is_first_process, used_precision
from sarnet.training.run import Report, check_claim
from sarnet.training.segmentation import check_unet, train_unet
from sarnet.training.start import split_of


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
    settings = settings.model_copy(update={"precision": used_precision(settings.precision)})
    _check(settings, resume=resume)
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


def _check(settings: TrainingSettings, *, resume: bool) -> None:
    """Hours of one stage shall not be over before the next finds out that it cannot begin."""
    stages = {
        name: stage for name in ("initial", "adversarial", "unet", "peer") if (stage := getattr(settings, name)).steps
    }
    if not stages:
        raise ConfigError(
            "no stage has steps: give initial.steps, adversarial.steps, unet.steps or peer.steps a number above 0"
        )
    for name in stages:
        check_claim(settings.out / name, resume=resume)
    if stages.keys() & {"initial", "adversarial"} and not settings.simulation.peak_voxels[1]:
        raise ConfigError("simulation.peak_voxels is 0 to 0, so that every known field would be zero: give a range")
    split = split_of(settings)
    if "initial" in stages:
        check_initial(settings)
    if "adversarial" in stages:
        check_adversarial(settings, split)
    if "unet" in stages:
        check_unet(settings, split)
    if "peer" in stages:
        check_peer(settings, split)
