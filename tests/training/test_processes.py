import itertools
import os
import socket
import subprocess
import sys

import pytest
import torch

from sarnet.config import AugmentationSettings, ObjectiveSettings
from sarnet.errors import ConfigError
from sarnet.training import train_adversarial
from sarnet.training.processes import check_shares

PROCESS = """
import sys
from pathlib import Path
import torch
from sarnet.config import TrainingSettings
from sarnet.training import train_adversarial
torch.set_num_threads(1)
for path in sys.argv[1:]:
    train_adversarial(TrainingSettings.model_validate_json(Path(path).read_text(encoding="utf-8")))
"""
"""One of two processes that share every batch: what 'sarnet train' is when it was started for that."""


def _one_step(settings, normalisation):
    """A step of every term that needs no file, on pairs with and without known fields; D stands still meanwhile.

    The images are zoomed in, so that none has a flat border: with borders the gradients of G and F without
    normalisation differ by 5e-5. Half of that are maps whose largest value is tied there; the rest is not explained.
    """
    near = AugmentationSettings(zoom=(1.5, 1.9))
    weights = ObjectiveSettings(
        vgg=0, field_length=1, coarse_field=0.3, lncc=1, inverse_consistency=1, smoothness=1, folding=1
    )
    sources = tuple(
        source.model_copy(update={"pairs": 2, "augmentation": near}) for source in settings.adversarial.sources
    )
    stage = settings.adversarial.model_copy(
        update={"steps": 1, "sources": sources, "weights": weights, "discriminator_learning_rate": 1e-30}
    )
    generator = settings.generator.model_copy(update={"normalisation": normalisation})
    return settings.model_copy(update={"adversarial": stage, "generator": generator, "out": settings.out / "one"})


def _gradients(out):
    """What Adam was given at its first step: its first moment is that, up to a factor."""
    stored = torch.load(out / "adversarial" / "checkpoint.pt", weights_only=True)["optimisers"]
    return {
        name: torch.cat([moments["exp_avg"].flatten() for moments in optimiser["state"].values()])
        for name, optimiser in stored.items()
    }


def _in_two_processes(of_each, folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    paths = []
    for place, settings in enumerate(of_each):
        paths.append(folder / f"settings{place}.json")
        paths[-1].write_text(settings.model_dump_json(), encoding="utf-8")
    there = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "NODE_RANK": "0", "WORLD_SIZE": "2"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, *paths],
            env=os.environ | there | {"LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        for rank in range(2)
    ]
    for process in started:
        _, said = process.communicate(timeout=900)
        assert process.returncode == 0, said


@pytest.mark.slow
def test_two_processes_on_half_batches_have_the_gradients_of_one_on_the_whole(settings, tmp_path):
    alone = {kind: _one_step(settings, kind) for kind in ("none", "group", "batch")}
    shared = {
        kind: one.model_copy(update={"devices": 2, "out": tmp_path / f"two-{kind}"}) for kind, one in alone.items()
    }
    alone = {kind: one.model_copy(update={"out": tmp_path / f"one-{kind}"}) for kind, one in alone.items()}

    _in_two_processes(shared.values(), tmp_path)
    for one in alone.values():
        train_adversarial(one)

    apart = {}
    for kind in alone:
        whole, halves = _gradients(alone[kind].out), _gradients(shared[kind].out)
        for name in ("generators", "judges"):
            apart[kind, name] = ((halves[name] - whole[name]).norm() / whole[name].norm()).item()
    for kind, name in itertools.product(("none", "group"), ("generators", "judges")):
        assert apart[kind, name] < 1e-5, apart
    # batch normalisation sees the half that its process has
    assert apart["batch", "generators"] > 1e-3, apart


def test_half_precision_gives_gradients_of_the_same_direction(settings, tmp_path):
    settings = _one_step(settings, "none")
    found = {}
    for precision in ("32-true", "bf16-mixed"):
        out = tmp_path / precision
        train_adversarial(settings.model_copy(update={"precision": precision, "out": out}))
        found[precision] = _gradients(out)["generators"]

    single, half = found.values()
    assert half.isfinite().all()
    assert float(torch.nn.functional.cosine_similarity(single, half, dim=0)) > 0.98
    assert not torch.equal(single, half)


@pytest.mark.parametrize("devices", [1, 2, 3, 6])
def test_equal_shares_are_allowed(devices):
    check_shares("initial.batch", 6, devices=devices)


def test_unequal_shares_are_refused():
    with pytest.raises(ConfigError, match=r"initial\.batch is 6, but 4 devices share them: give a multiple"):
        check_shares("initial.batch", 6, devices=4)
