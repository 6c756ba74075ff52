import copy
import csv
import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from sarnet.config import ObjectiveSettings, SourceSettings, TrainingSettings, read_settings
from sarnet.datasets import load_originals, read_radiographs, split_by_patient
from sarnet.errors import ConfigError, DataError, InputError, WeightsError
from sarnet.fields import warp
from sarnet.networks import Discriminator, Generator, load_generator
from sarnet.networks.weights import read_weights
from sarnet.training import train_adversarial
from sarnet.training.batches import PairSources

ROOT = Path(__file__).resolve().parents[2]
OFF = dict.fromkeys(ObjectiveSettings.model_fields, 0.0)
STANDING_STILL = 1e-30
"""A learning rate that no weight notices."""


def _with(settings, **stage):
    return settings.model_copy(update={"adversarial": settings.adversarial.model_copy(update=stage)})


def _weighted(settings, **weights):
    return _with(settings, weights=ObjectiveSettings(**weights))


def _checkpoint(settings):
    return torch.load(settings.out / "adversarial" / "checkpoint.pt", weights_only=True)


def _log(settings):
    with (settings.out / "adversarial" / "log.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _stop_at(step):
    def report(progress):
        if progress.step == step:
            raise KeyboardInterrupt

    return report


def _drawn(settings):
    """G, D of the fixed domain and D of the moving one, as the training draws them."""
    torch.manual_seed(settings.seed)
    generator = Generator(settings.generator)
    generator.to(memory_format=torch.channels_last)
    judges = [Discriminator(settings.adversarial.discriminator) for _ in range(2)]
    return generator, *judges


def _flat(tensors):
    """Everything in a tree of dictionaries and lists, in its order."""
    if isinstance(tensors, dict):
        return [leaf for name in sorted(tensors, key=str) for leaf in _flat(tensors[name])]
    if isinstance(tensors, list):
        return [leaf for each in tensors for leaf in _flat(each)]
    return [tensors]


def _same(first, second):
    pairs = list(zip(_flat(first), _flat(second), strict=True))
    return all(torch.equal(one, two) if isinstance(one, torch.Tensor) else one == two for one, two in pairs)


def _unmoved(before, after):
    return all(torch.allclose(before[name], after[name], rtol=0, atol=1e-20) for name in before)


@pytest.mark.parametrize(
    ("stage", "normalisation"),
    [
        pytest.param({"reverse": "own", "cycle": "passes", "average_decay": 0.5}, "batch", id="own-passes"),
        pytest.param({"reverse": "shared", "cycle": "fields", "judged_scale": 1}, "none", id="shared-fields"),
    ],
)
def test_resumed_training_is_the_uninterrupted_one_bit_for_bit(settings, tmp_path, stage, normalisation):
    always = _with(settings, **stage).model_copy(
        update={
            "checkpoint_minutes": 1e-9,
            "generator": settings.generator.model_copy(update={"normalisation": normalisation}),
        }
    )
    interrupted = always.model_copy(update={"out": tmp_path / "interrupted"})

    train_adversarial(always)
    with pytest.raises(KeyboardInterrupt):
        train_adversarial(interrupted, report=_stop_at(3))  # between two rows of the log
    train_adversarial(interrupted, resume=True)

    whole, resumed = _checkpoint(always), _checkpoint(interrupted)
    own = stage["reverse"] == "own"
    assert whole["networks"].keys() == {"generator", "judge"} | (
        {"reverse", "reverse_judge", "average"} if own else set()
    )
    assert whole["step"] == resumed["step"] == 4
    assert _same(whole["networks"], resumed["networks"])
    assert _same(whole["optimisers"], resumed["optimisers"])
    assert _log(always) == _log(interrupted)


def test_first_step_is_the_games_by_hand(settings):
    weights = OFF | {"adversarial": 2.0, "field_length": 0.5, "tie": 1.0}
    one = _with(
        _weighted(settings, **weights),
        steps=1,
        warm_up_steps=0,
        learning_rate=1e-3,
        discriminator_learning_rate=1e-2,
        sources=(SourceSettings(kind="simulated", pairs=2),),
    ).model_copy(update={"clip_norm": 1e9})
    train_adversarial(one)
    stored = _checkpoint(one)["networks"]

    generator, judge, reverse_judge = _drawn(one)
    reverse = copy.deepcopy(generator)
    split = split_by_patient(read_radiographs(one.visits), seed=one.split_seed)
    pair = (
        PairSources(
            load_originals(split.train, size=one.size),
            split.train,
            sources=one.adversarial.sources,
            simulation=one.simulation,
            seed=one.seed,
        )
        .draw(0)
        .pair
    )

    def tell(one_of_them, real, warped):  # -log D(real) - log(1 - D(warped))
        return -F.logsigmoid(one_of_them(real)).mean() - F.logsigmoid(-one_of_them(warped)).mean()

    def convince(one_of_them, network, fixed, moving, known, inside):
        features = network.features(fixed, moving)
        displacement = network.displacement(network.controls(features))
        warped = warp(moving, displacement)
        weight = inside.clamp_min(0.05)
        length = ((displacement - known).square().sum(1, keepdim=True) + 1e-6).sqrt()
        length = ((length * weight).sum(dim=(1, 2, 3)) / weight.sum(dim=(1, 2, 3))).mean()
        own = (network.synthesized(features) - warped).abs().mean()
        return -2.0 * F.logsigmoid(one_of_them(warped)).mean() + 0.5 * length + own

    there = (pair.fixed, pair.moving, pair.displacement, pair.inside)
    back = (pair.moving, pair.fixed, pair.reverse, pair.moving_inside)
    judges = torch.optim.Adam([*judge.parameters(), *reverse_judge.parameters()], lr=1e-2, betas=(0.93, 0.999))
    with torch.no_grad():
        warped, warped_back = (warp(m, net(f, m)) for net, (f, m, *_) in ((generator, there), (reverse, back)))
    (tell(judge, pair.fixed, warped) + tell(reverse_judge, pair.moving, warped_back)).backward()
    judges.step()
    generators = torch.optim.Adam([*generator.parameters(), *reverse.parameters()], lr=1e-3, betas=(0.93, 0.999))
    ((convince(judge, generator, *there) + convince(reverse_judge, reverse, *back)) / 2).backward()
    # the masks' weights have no term here, and Adam leaves alone what has no gradient
    generators.step()

    networks = {"generator": generator, "reverse": reverse, "judge": judge, "reverse_judge": reverse_judge}
    assert stored.keys() == networks.keys()
    for name, network in networks.items():
        rate = 1e-2 if "judge" in name else 1e-3
        wanted = torch.cat([value.flatten() for value in network.state_dict().values()])
        found = torch.cat([value.flatten() for value in stored[name].values()])
        # a step of Adam is the rate, whichever way; where the slope is all but zero rounding decides which
        assert (found - wanted).abs().mean() < 0.01 * rate, name


def test_while_g_stands_still_d_moves(settings):
    still = _with(settings, learning_rate=STANDING_STILL, fusion_learning_rate=STANDING_STILL, warm_up_steps=0)

    train_adversarial(still)

    stored = _checkpoint(still)["networks"]
    generator, judge, reverse_judge = (network.state_dict() for network in _drawn(still))
    assert _unmoved(generator, stored["generator"])
    assert _unmoved(generator, stored["reverse"])
    assert not _unmoved(judge, stored["judge"])
    assert not _unmoved(reverse_judge, stored["reverse_judge"])


def test_while_d_stands_still_g_f_and_the_masks_weights_move(settings):
    still = _with(settings, discriminator_learning_rate=STANDING_STILL, warm_up_steps=0)

    train_adversarial(still)

    stored = _checkpoint(still)["networks"]
    generator, judge, reverse_judge = (network.state_dict() for network in _drawn(still))
    assert _unmoved(judge, stored["judge"])
    assert _unmoved(reverse_judge, stored["reverse_judge"])
    for name in ("generator", "reverse"):
        moved = {key for key in generator if not torch.equal(generator[key], stored[name][key])}
        assert moved == set(generator), name
    assert not _same(stored["generator"], stored["reverse"])


def test_masks_weights_have_a_rate_of_their_own(settings):
    fast = _with(settings, steps=1, warm_up_steps=0, learning_rate=1e-4, fusion_learning_rate=1e-1)

    train_adversarial(fast)

    stored, before = _checkpoint(fast)["networks"]["generator"], _drawn(fast)[0].state_dict()
    moved = {name: (stored[name] - before[name]).abs().max().item() for name in before}
    assert moved["fixed_fusion.logits"] == pytest.approx(1e-1, rel=0.01)
    assert moved["last.weight"] == pytest.approx(1e-4, rel=0.01)


def test_weights_file_holds_g_f_and_the_discriminator_of_the_fixed_domain(settings):
    path = train_adversarial(settings)

    loaded, stored = load_generator(path), _checkpoint(settings)["networks"]
    assert path == settings.out / "adversarial" / "generator.safetensors"
    assert _same(dict(loaded.generator.state_dict()), dict(stored["generator"]))
    assert _same(dict(loaded.reverse.state_dict()), dict(stored["reverse"]))
    assert _same(dict(loaded.discriminator.state_dict()), dict(stored["judge"]))


def test_shared_f_is_not_written_a_second_time_and_without_its_term_d_not_at_all(settings):
    weights = settings.adversarial.weights.model_copy(update={"adversarial": 0.0})

    loaded = load_generator(train_adversarial(_with(settings, reverse="shared", weights=weights)))

    assert loaded.reverse is None
    assert loaded.discriminator is None
    assert {row["discriminator_accuracy"] for row in _log(settings)} == {"nan"}


def test_average_of_the_weights_is_what_is_written(settings):
    averaged = _with(settings, steps=1, warm_up_steps=0, average_decay=0.75)

    written = load_generator(train_adversarial(averaged)).generator.state_dict()

    before, after = _drawn(averaged)[0].state_dict(), _checkpoint(averaged)["networks"]["generator"]
    for name in written:
        assert torch.allclose(written[name], 0.75 * before[name] + 0.25 * after[name], atol=1e-6), name


def test_log_names_every_term_and_they_add_up_to_the_total(settings):
    weights = settings.adversarial.weights.model_dump() | {"lncc": 0.5, "smoothness": 2.0, "inverse_consistency": 0.25}
    train_adversarial(_weighted(settings, **weights))

    first, last = _log(settings)

    terms = {name for name, weight in weights.items() if weight}
    judged = {name for name in first if name.startswith("validation_")}
    assert set(first) == {"step", "total", "discriminator_accuracy", "mean_voxels"} | terms | judged
    assert (first["step"], last["step"]) == ("2", "4")
    total = sum(weights[name] * float(last[name]) for name in terms)
    assert float(last["total"]) == pytest.approx(total, rel=1e-3)
    assert 0 <= float(last["discriminator_accuracy"]) <= 1


def test_folder_holds_what_the_docstring_says_and_no_more(settings):
    path = train_adversarial(_with(settings, picture_steps=3))

    assert {each.name for each in path.parent.iterdir()} == {
        "checkpoint.pt",
        "generator.safetensors",
        "log.csv",
        "pictures",
        "tensorboard",
    }
    assert sorted(each.name for each in (path.parent / "pictures").iterdir()) == ["step-000003.png", "step-000004.png"]


def test_reports_every_step_and_what_looks_wrong(settings):
    seen = []
    identity = _with(settings, learning_rate=STANDING_STILL, fusion_learning_rate=STANDING_STILL)

    train_adversarial(identity.model_copy(update={"validate_steps": 1}), report=seen.append)

    assert [(progress.stage, progress.step, progress.steps) for progress in seen] == [
        ("adversarial", step, 4) for step in (1, 2, 3, 4)
    ]
    assert [len(progress.alarms) for progress in seen[:2]] == [0, 0]
    assert any("collapsed to the identity" in alarm for alarm in seen[2].alarms)


@pytest.mark.slow
def test_vggs_term_needs_a_file_and_takes_part_with_one(settings, features, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nothing"))
    with_vgg = _with(_weighted(settings, **OFF | {"vgg": 1.0}), steps=1)

    with pytest.raises(DataError, match=r"vgg weights are not at .*: get torchvision's .* or switch the term off"):
        train_adversarial(with_vgg)
    assert not settings.out.exists()

    path = tmp_path / "vgg.safetensors"
    said = {"input": "RGB, 0..255 minus mean (123.68, 116.779, 103.939)"}
    save_file({name: value.half() for name, value in features.state_dict().items()}, path, metadata=said)
    weights = train_adversarial(with_vgg.model_copy(update={"vgg": path, "validate_steps": 1}))
    path.unlink()  # thirty megabytes
    assert float(_log(settings)[0]["vgg"]) > 0
    assert json.loads(read_weights(weights, name="")[1]["record"])["learned_from"]["vgg"] == "oxford"


def test_folder_of_a_training_is_refused_unless_resumed(settings):
    (settings.out / "adversarial").mkdir(parents=True)
    (settings.out / "adversarial" / "checkpoint.pt").touch()

    with pytest.raises(InputError, match="adversarial holds the checkpoint of a training: go on with --resume"):
        train_adversarial(settings)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (
            lambda s: s.model_copy(update={"generator": s.generator.model_copy(update={"blocks": 2})}),
            "generator.blocks",
        ),
        (lambda s: _with(s, reverse="shared"), "adversarial.reverse"),
        (lambda s: _weighted(s, vgg=0, nmi=3), "adversarial.weights.nmi"),
    ],
    ids=["architecture", "reverse", "weights"],
)
def test_checkpoint_of_another_training_is_refused(settings, change, name):
    short = _with(settings, steps=1)
    train_adversarial(short)

    with pytest.raises(WeightsError, match=rf"checkpoint\.pt is of a training with another {name}"):
        train_adversarial(change(short), resume=True)


def test_weights_of_another_architecture_to_start_with_are_refused(settings, tmp_path):
    path = train_adversarial(_with(settings, steps=1))
    other = settings.generator.model_copy(update={"maps": 12})
    changed = settings.model_copy(update={"generator": other, "start": str(path), "out": tmp_path / "other"})

    with pytest.raises(WeightsError, match="has weights of another architecture"):
        train_adversarial(changed)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"segments": False}, r"weights\.mask_supervision is not 0, but generator\.segments is false: set it to true"),
        ({"synthesizes": False}, r"weights\.tie is not 0, but generator\.synthesizes is false: set it to true"),
    ],
    ids=["mask_supervision", "tie"],
)
def test_term_without_its_output_is_refused(settings, change, message):
    generator = settings.generator.model_copy(update=change)

    with pytest.raises(ConfigError, match=message):
        train_adversarial(settings.model_copy(update={"generator": generator}))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"kind": "simulated", "masks": False}, r"mask_overlap is not 0, but no source is with masks: add one, or set"),
        ({"kind": "patients"}, r"field is not 0, but no source is of kind simulated: add one, or set the weight to 0"),
    ],
    ids=["masks", "fields"],
)
def test_term_without_its_pairs_is_refused(settings, source, message):
    with pytest.raises(ConfigError, match=message):
        train_adversarial(_with(settings, sources=(SourceSettings(pairs=2, **source),)))


def test_objective_without_a_term_is_refused(settings):
    with pytest.raises(ConfigError, match=r"adversarial\.weights are all 0, but the stage needs a term"):
        train_adversarial(_weighted(settings, **OFF))


def test_pairs_that_processes_cannot_share_are_refused(settings):
    with pytest.raises(ConfigError, match="pairs of simulated is 1, but 2 devices share them: give a multiple"):
        train_adversarial(settings.model_copy(update={"devices": 2}))


def _overwrite(settings, name, array):
    sitk.WriteImage(sitk.GetImageFromArray(array.astype(np.uint8)), str(settings.visits.parent / name))


def test_empty_mask_is_refused(settings):
    for patient in range(6):
        _overwrite(settings, f"mask{patient}.png", np.zeros((96, 80)))

    with pytest.raises(DataError, match=r"mask .*mask\d\.png has no voxel of 255, but must show the lungs: leave it"):
        train_adversarial(settings)


def test_mask_of_another_size_is_refused(settings):
    for patient in range(6):
        _overwrite(settings, f"mask{patient}.png", np.full((90, 80), 255))

    with pytest.raises(DataError, match=r"mask\d\.png has size \(80, 90\), but its image .*png has \(80, 96\)"):
        train_adversarial(settings)


def test_patient_in_two_splits_is_refused(settings):
    lines = settings.visits.read_text(encoding="utf-8").splitlines()
    parts = ["split", "train", "train", "train", "validation", "test", "test"]
    lines = [f"{line},{part}" for line, part in zip(lines, parts, strict=True)]
    lines[-1] = lines[-1].replace("p5", "p0")
    settings.visits.write_text("\n".join(lines) + "\n", encoding="utf-8")

    with pytest.raises(InputError, match="patient 'p0' is in the splits 'train' and 'test', but must be in one only"):
        train_adversarial(settings)


def test_loss_that_is_not_a_number_stops_the_training(settings):
    wild = _with(settings, learning_rate=1e30, warm_up_steps=0)

    with pytest.raises(InputError, match=r"the loss is (nan|inf) at step [123]: the training diverged"):
        train_adversarial(wild)


@pytest.mark.parametrize("name", ["cpu", "paper"])
def test_shipped_configuration_does_not_contradict_itself(name, tmp_path):
    settings = read_settings(TrainingSettings, ROOT / "configs" / f"{name}.toml", ["adversarial.weights.vgg=0"])

    with pytest.raises(DataError, match=r"nowhere\.csv cannot be read"):  # all else was in order
        train_adversarial(settings.model_copy(update={"visits": tmp_path / "nowhere.csv", "out": tmp_path / "run"}))


def test_mask_terms_need_the_masks_of_every_training_image(settings, visits):
    visits.write_text(
        visits.read_text(encoding="utf-8").replace("mask0.png", "").replace("mask1.png", "").replace("mask2.png", "")
    )

    with pytest.raises(DataError, match=r"images have no mask, .* mask_model=sarnet-cxr"):
        train_adversarial(settings)
