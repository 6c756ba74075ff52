"""The paper's objective of a pair: every term as its own function has it, the layer alone adapted."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sarnet.config import ObjectiveSettings, PaperSettings, RegistrationSettings
from sarnet.errors import DataError, InputError
from sarnet.fields import one_sided, warp
from sarnet.images import Grid, Image
from sarnet.losses import cycle, folding, lncc, mask_overlap, nmi, ssim
from sarnet.networks import load_generator
from sarnet.registration import Guides, register
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.own_masks import with_own_masks
from sarnet.registration.paper_cost import PaperCost
from sarnet.registration.plane_fields import PlaneFields

NO_VGG = ObjectiveSettings(vgg=0, field=0, tie=0, mask_supervision=0)


@pytest.fixture(scope="module")
def whole():
    """The weights of the whole objective."""
    return load_generator("sarnet-cxr")


@pytest.fixture(scope="module")
def fields(whole, plain) -> PlaneFields:
    return PlaneFields.of(whole.generator, plain)


@pytest.fixture(scope="module")
def plain(prepare, sample) -> ComparedPair:
    return prepare(
        sample.fixed,
        sample.moving,
        longest_voxels=96,
        multiple=8,
    )


@pytest.fixture(scope="module")
def pair(plain, fields) -> ComparedPair:
    return with_own_masks(plain, fields, weight=1.0)


@pytest.mark.parametrize("term", ["nmi", "ssim", "adversarial", "cycle", "mask_overlap", "lncc", "folding"])
def test_each_term_is_that_of_eq_2_to_5_by_its_weight(term, whole, pair, fields):
    off = dict.fromkeys(("nmi", "ssim", "vgg", "adversarial", "cycle", "mask_overlap"), 0.0)
    weights = NO_VGG.model_copy(update=off | {term: 3.0})
    cost = PaperCost.of(pair, whole, PaperSettings(weights=weights))
    with torch.no_grad():
        there = 20 * whole.generator(pair.fixed, pair.moving)  # so long that it folds somewhere
        back = whole.generator(pair.moving, pair.fixed)
        warped = warp(pair.moving, there)
        verdict = whole.discriminator(F.avg_pool2d(warped, 2))

        found = float(cost(one_sided(there), fields.start()))
        assert float(folding(there)) > 0

    wanted = {
        "nmi": lambda: nmi(pair.fixed, warped, weight=pair.weight),
        "ssim": lambda: ssim(pair.fixed, warped, weight=pair.weight),
        "adversarial": lambda: math.log1p(math.exp(-float(verdict))),  # -log D
        "cycle": lambda: (
            cycle(pair.moving, warp(warped, back), weight=pair.weight)
            + cycle(pair.fixed, warp(warp(pair.fixed, back), there), weight=pair.weight)
        ),
        "mask_overlap": lambda: mask_overlap(pair.fixed_regions, warp(pair.moving_regions, there)),
        "lncc": lambda: lncc(pair.fixed, warped, weight=pair.weight),
        "folding": lambda: folding(there),
    }
    assert found == pytest.approx(3 * float(wanted[term]()), rel=1e-4, abs=1e-5)


def test_registration_by_the_paper_lowers_its_objective_and_leaves_the_weights_alone(sample, whole):
    before = whole.generator.last.weight.clone()
    settings = RegistrationSettings(adapt="paper", threads=2, paper=PaperSettings(weights=NO_VGG))

    first = register(sample.fixed, sample.moving, settings, loaded=whole)
    second = register(sample.fixed, sample.moving, settings, loaded=whole)

    record = first.record
    assert record.adapt == "paper"
    assert record.cost_final < record.cost_initial
    assert 5 <= record.iterations <= 30
    assert torch.equal(whole.generator.last.weight, before)
    assert np.array_equal(first.transform.displacement, second.transform.displacement)


def test_guides_are_refused(sample, whole):
    guides = Guides(fixed_labels=sample.fixed_labels, moving_labels=sample.moving_labels)
    settings = RegistrationSettings(adapt="paper", paper=PaperSettings(weights=NO_VGG))

    with pytest.raises(InputError, match="no term for them"):
        register(sample.fixed, sample.moving, settings, guides=guides, loaded=whole)


def test_volumes_are_refused(whole, rng):
    volume = Image(array=rng.random((24, 24, 24), dtype=np.float32), grid=Grid.plain((24, 24, 24)))
    settings = RegistrationSettings(adapt="paper", paper=PaperSettings(weights=NO_VGG))

    with pytest.raises(InputError, match="adapt is 'paper', but the images are volumes"):
        register(volume, replace(volume, array=volume.array[::-1].copy()), settings, loaded=whole)


@pytest.mark.parametrize(
    ("weights", "lacks"),
    [(NO_VGG, "holds no discriminator"), (NO_VGG.model_copy(update={"adversarial": 0.0}), "makes no masks")],
)
def test_weights_that_lack_what_a_term_needs_are_refused(weights, lacks, plain):
    first = load_generator("sarnet-cxr-initial")

    with pytest.raises(InputError, match=lacks):
        PaperCost.of(plain, first, PaperSettings(weights=weights))


def test_without_vggs_weights_it_is_said_how_to_get_them(pair, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    with pytest.raises(DataError, match="get torchvision's"):
        PaperCost.of(pair, whole, PaperSettings())
