import pytest
import torch

from sarnet.errors import ConfigError
from sarnet.networks import load_generator
from sarnet.training import train


def _with_steps(settings, **steps):
    stages = {name: getattr(settings, name).model_copy(update={"steps": count}) for name, count in steps.items()}
    return settings.model_copy(update=stages)


def test_stages_follow_one_another_and_the_second_begins_where_the_first_ended(settings):
    pytest.importorskip("monai")
    still = settings.adversarial.model_copy(
        update={"steps": 1, "learning_rate": 1e-30, "fusion_learning_rate": 1e-30, "warm_up_steps": 0}
    )
    seen = []

    written = train(
        settings.model_copy(update={"adversarial": still}),
        report=lambda progress: seen.append((progress.stage, progress.step)),
    )

    assert seen == [
        *(("initial", step) for step in (1, 2, 3, 4)),
        ("adversarial", 1),
        *(("unet", step) for step in (1, 2, 3, 4)),
    ]
    assert written == (
        settings.out / "adversarial" / "generator.safetensors",
        settings.out / "unet" / "unet.safetensors",
    )
    first, second = (
        load_generator(settings.out / stage / "generator.safetensors").generator.state_dict()
        for stage in ("initial", "adversarial")
    )
    assert all(torch.allclose(first[name], second[name], atol=1e-20, rtol=0) for name in first)


def test_resume_does_not_do_again_what_is_done(settings):
    train(_with_steps(settings, adversarial=0, unet=0))
    seen = []

    (weights,) = train(
        _with_steps(settings, adversarial=1, unet=0), resume=True, report=lambda progress: seen.append(progress.stage)
    )

    assert seen == ["adversarial"]
    assert weights == settings.out / "adversarial" / "generator.safetensors"


def test_first_stage_alone_returns_its_weights(settings):
    written = train(_with_steps(settings, initial=1, adversarial=0, unet=0))

    assert written == (settings.out / "initial" / "generator.safetensors",)
    assert {path.name for path in settings.out.iterdir()} == {"initial"}


def test_nothing_to_do_is_refused(settings):
    with pytest.raises(
        ConfigError, match=r"no stage has steps: give initial\.steps, adversarial\.steps, unet\.steps or peer"
    ):
        train(_with_steps(settings, initial=0, adversarial=0, unet=0))
