import csv

import pytest
import torch
from safetensors.torch import save_file

from sarnet.config import AugmentationSettings, SourceSettings, UnetSettings
from sarnet.errors import ConfigError, InputError, WeightsError
from sarnet.networks import load_unet, predicted_mask, unet
from sarnet.training import train_unet

pytest.importorskip("monai")

STILL = AugmentationSettings(zoom=(1, 1), rotation_degrees=0, remap_probability=0, exposure=0, noise=0)


def _with(settings, **stage):
    return settings.model_copy(update={"unet": settings.unet.model_copy(update=stage)})


def _sources(settings, *sources):
    stage = settings.adversarial.model_copy(update={"sources": sources})
    return settings.model_copy(update={"adversarial": stage})


def _weights(path):
    return load_unet(path).state_dict()


def _stop_after_two(progress):
    if progress.step == 2:
        raise KeyboardInterrupt


def test_learns_where_the_lungs_are(settings):
    easy = _sources(settings, SourceSettings(kind="simulated", pairs=4, augmentation=STILL))
    long = _with(easy, steps=60, warm_up_steps=5, learning_rate=1e-2, channels=(8, 16, 32))
    totals = []

    train_unet(long, report=lambda progress: totals.append(progress.total))

    with (settings.out / "unet" / "log.csv").open(newline="", encoding="utf-8") as file:
        last = list(csv.DictReader(file))[-1]
    assert sum(totals[-10:]) < sum(totals[:10]) / 2
    assert float(last["validation_mask_dice"]) > 0.8  # of an image that it never saw


def test_file_gives_the_network_that_was_trained(settings):
    path = train_unet(settings)

    stored = torch.load(settings.out / "unet" / "checkpoint.pt", weights_only=True)["networks"]["unet"]
    assert path == settings.out / "unet" / "unet.safetensors"
    loaded = load_unet(path)
    assert all(torch.equal(value, stored[name]) for name, value in loaded.state_dict().items())
    assert not any(module.training for module in loaded.modules())
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_resumed_training_is_the_uninterrupted_one_bit_for_bit(settings, tmp_path):
    always = settings.model_copy(update={"checkpoint_minutes": 1e-9})
    interrupted = always.model_copy(update={"out": tmp_path / "interrupted"})

    whole = _weights(train_unet(always))
    with pytest.raises(KeyboardInterrupt):
        train_unet(interrupted, report=_stop_after_two)
    resumed = _weights(train_unet(interrupted, resume=True))

    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


def test_it_goes_on_where_the_second_stage_has_other_steps_but_not_other_sources(settings):
    always = _with(settings.model_copy(update={"checkpoint_minutes": 1e-9}), steps=3)
    with pytest.raises(KeyboardInterrupt):
        train_unet(always, report=_stop_after_two)
    longer = always.model_copy(update={"adversarial": always.adversarial.model_copy(update={"steps": 77})})

    with pytest.raises(WeightsError, match=r"another adversarial\.sources"):
        train_unet(_sources(always, SourceSettings(kind="simulated", pairs=1)), resume=True)
    assert train_unet(longer, resume=True).exists()


def test_pairs_without_masks_teach_it_nothing(settings, tmp_path):
    simulated, patients = settings.adversarial.sources
    both = _sources(settings, simulated, patients.model_copy(update={"masks": False}))
    one = _sources(settings, simulated).model_copy(update={"out": tmp_path / "one"})

    first, second = (_weights(train_unet(each)) for each in (both, one))

    assert all(torch.equal(first[name], second[name]) for name in first)


def test_mask_is_where_the_logit_is_positive_and_the_mode_stays(settings):
    torch.manual_seed(0)
    network, image = unet(settings.unet).train(), torch.rand(2, 1, 32, 32)

    mask = predicted_mask(network, image)

    assert network.training
    assert torch.equal(mask == 1, network.eval()(image) > 0)
    assert set(mask.unique().tolist()) == {0, 1}


def test_folder_of_a_training_is_refused_unless_resumed(settings):
    (settings.out / "unet").mkdir(parents=True)
    (settings.out / "unet" / "checkpoint.pt").touch()

    with pytest.raises(InputError, match="unet holds the checkpoint of a training: go on with --resume"):
        train_unet(settings)


def test_sources_without_masks_are_refused(settings):
    blind = _sources(settings, SourceSettings(kind="simulated", pairs=2, masks=False))

    with pytest.raises(ConfigError, match=r"adversarial\.sources names none with masks, but the U-Net learns from"):
        train_unet(blind)


def test_pairs_that_processes_cannot_share_are_refused(settings):
    with pytest.raises(ConfigError, match=r"pairs of simulated is 1, but 2 devices share them: give a multiple"):
        train_unet(settings.model_copy(update={"devices": 2}))


def test_size_that_cannot_be_halved_often_enough_is_refused(settings):
    deep = _with(settings, channels=(4, 4, 4, 4, 4, 4, 4))

    with pytest.raises(ConfigError, match="size is 32, but the U-Net halves it: give a multiple of 64"):
        train_unet(deep)


@pytest.mark.parametrize(
    "metadata",
    [None, {"unet": "no JSON"}, {"unet": UnetSettings(channels=(4, 8)).model_dump_json()}],
    ids=["none", "text", "another-network"],
)
def test_file_of_something_else_is_refused(tmp_path, metadata):
    save_file({"weight": torch.zeros(3)}, tmp_path / "other.safetensors", metadata=metadata)

    with pytest.raises(WeightsError, match=r"other\.safetensors holds no weights of a U-Net that 'sarnet train' wrote"):
        load_unet(tmp_path / "other.safetensors")


def test_missing_file_is_refused(tmp_path):
    with pytest.raises(WeightsError, match=r"nowhere\.safetensors cannot be read as a safetensors file"):
        load_unet(tmp_path / "nowhere.safetensors")
