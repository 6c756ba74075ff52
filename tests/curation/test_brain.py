import sys

import numpy as np
import pytest

from sarnet.config import CurationSettings
from sarnet.curation.brain import extract_brain
from sarnet.errors import DataError, MissingExtraError
from sarnet.images import Image

HEAD = Image.from_array(np.linspace(-5, 9, 1000, dtype=np.float32).reshape(10, 10, 10))


def test_what_is_a_brain_already_stays_as_it_is():
    image, mask = extract_brain(HEAD, None, CurationSettings(brain="done"))

    assert (image, mask) == (HEAD, None)


def test_outside_is_the_lowest_value_of_all_and_zero():
    inside = Image.from_array(np.uint8(255) * (np.indices((10, 10, 10))[0] > 4))

    image, mask = extract_brain(HEAD, inside, CurationSettings(brain="mask"))

    assert mask is inside
    assert (image.array[:5] == 0).all()
    np.testing.assert_allclose(image.array[5:], HEAD.array[5:] + 5)


def test_mask_that_is_wanted_must_be_there():
    with pytest.raises(DataError, match="has no mask, but its brain is to be cut out"):
        extract_brain(HEAD, None, CurationSettings(brain="mask"))


def test_mask_that_is_given_goes_before_deepbet(monkeypatch):
    monkeypatch.setitem(sys.modules, "deepbet", None)  # as if it were not installed: nobody asks for it
    inside = Image.from_array(np.uint8(255) * (np.indices((10, 10, 10))[0] > 4))

    image, mask = extract_brain(HEAD, inside, CurationSettings(brain="deepbet"))

    assert mask is inside
    assert (image.array[:5] == 0).all()


def test_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "deepbet", None)  # as if it were not installed

    with pytest.raises(MissingExtraError, match=r"pip install '\.\[brain\]'"):
        extract_brain(HEAD, None, CurationSettings(brain="deepbet"))
