import re
import shutil
from pathlib import Path

import pytest
import torch

from sarnet.config import UnetSettings
from sarnet.errors import ConfigError, DataError, InputError
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


def _weights(settings, **weights):
    stage = settings.adversarial
    return {"adversarial": stage.model_copy(update={"weights": stage.weights.model_copy(update=weights)})}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda settings: _weights(settings, vgg=1.0) | {"vgg": Path("nowhere.pth")}, "nowhere.pth"),
        (
            lambda settings: {"generator": settings.generator.model_copy(update={"synthesizes": False})},
            "adversarial.weights.tie is not 0, but generator.synthesizes is false",
        ),
        (lambda settings: {"size": 34, "unet": UnetSettings(steps=1, channels=(4, 8, 8))}, "size is 34, but"),
        (
            lambda settings: (
                _weights(settings, coarse_field=1.0)
                | {"generator": settings.generator.model_copy(update={"trunk": "residual"})}
            ),
            "adversarial.weights.coarse_field is not 0, but generator.trunk is residual: set it to matching",
        ),
        (
            lambda settings: {"simulation": settings.simulation.model_copy(update={"peak_voxels": (0.0, 0.0)})},
            "simulation.peak_voxels is 0 to 0",
        ),
    ],
    ids=["vgg", "head", "size", "trunk", "peak"],
)
def test_what_a_later_stage_lacks_is_found_before_the_first_step(change, message, settings):
    seen = []

    with pytest.raises((ConfigError, DataError), match=re.escape(message)):
        train(settings.model_copy(update=change(settings)), report=seen.append)

    assert seen == []
    assert not settings.out.exists()


def test_folder_that_a_later_stage_cannot_have_is_found_before_the_first_step(settings):
    train(_with_steps(settings, initial=1, adversarial=1, unet=0))
    shutil.rmtree(settings.out / "initial")
    seen = []

    with pytest.raises(InputError, match="adversarial holds the checkpoint of a training: go on with --resume"):
        train(_with_steps(settings, initial=1, adversarial=1, unet=0), report=seen.append)

    assert seen == []


def test_start_is_wanted_at_the_start_alone(settings):
    first = train(_with_steps(settings, initial=1, adversarial=0, unet=0))[0]
    mine = first.with_name("mine.safetensors")
    first.rename(mine)
    begun = _with_steps(settings, initial=0, adversarial=1, unet=0).model_copy(update={"start": str(mine)})
    train(begun)
    mine.unlink()

    assert train(begun, resume=True) == (settings.out / "adversarial" / "generator.safetensors",)
