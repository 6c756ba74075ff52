import pytest
import torch

from sarnet.config import ObjectiveSettings
from sarnet.errors import InputError
from sarnet.losses import objective

OFF = dict.fromkeys(ObjectiveSettings.model_fields, 0.0)


def _weights(**weights):
    return ObjectiveSettings(**{**OFF, **weights})


def test_total_is_the_weighted_sum():
    terms = {"nmi": torch.tensor(0.5), "cycle": torch.tensor(0.25), "field": torch.tensor(3.0)}

    total = objective(terms, _weights(nmi=2.0, cycle=10.0, field=0.1))

    assert total.shape == ()
    assert total.item() == pytest.approx(2 * 0.5 + 10 * 0.25 + 0.1 * 3)


def test_weights_are_the_papers_where_none_are_given():
    papers = dict.fromkeys(("nmi", "ssim", "vgg", "adversarial", "mask_overlap", "mask_supervision", "field", "tie"), 1)
    wanted = OFF | papers | {"cycle": 10}

    assert ObjectiveSettings().model_dump() == wanted


def test_each_term_has_its_weight_as_slope():
    terms = {name: torch.tensor(1.0, requires_grad=True) for name in ("ssim", "tie")}

    objective(terms, _weights(ssim=0.5, tie=4.0)).backward()

    assert {name: term.grad.item() for name, term in terms.items()} == {"ssim": 0.5, "tie": 4.0}


def test_term_of_weight_zero_may_be_there_and_adds_nothing():
    terms = {"nmi": torch.tensor(0.5), "vgg": torch.tensor(9.0)}

    assert objective(terms, _weights(nmi=1.0)).item() == 0.5


def test_missing_term_is_named():
    with pytest.raises(InputError, match=r"those with a weight \['nmi', 'ssim'\] differ by \['ssim'\]"):
        objective({"nmi": torch.tensor(0.5)}, _weights(nmi=1.0, ssim=1.0))


def test_term_without_a_weight_of_its_name_is_named():
    with pytest.raises(InputError, match=r"differ by \['beauty'\]"):
        objective({"nmi": torch.tensor(0.5), "beauty": torch.tensor(1.0)}, _weights(nmi=1.0))


def test_nothing_to_add_up_is_refused():
    with pytest.raises(InputError, match="weights are all 0, but an objective needs a term"):
        objective({}, _weights())
