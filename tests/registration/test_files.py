from pathlib import Path

import pytest

from sarnet.errors import InputError
from sarnet.registration import PairFiles

PAIR = {"fixed": Path("f.nii"), "moving": Path("m.nii")}


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ("fixed_labels", "moving_labels"),
        ("moving_labels", "fixed_labels"),
        ("guide_fixed", "guide_moving"),
        ("guide_moving", "guide_fixed"),
    ],
)
def test_labels_and_guides_of_one_image_alone_are_refused(given, missing):
    with pytest.raises(InputError, match=f"^{missing} is missing, but .*: give .*{given}.*, or neither$"):
        PairFiles(**PAIR, **{given: Path("l.nii")})


def test_what_there_is_of_a_pair_is_told_by_name():
    files = PairFiles(**PAIR, fixed_labels=Path("a.nii"), moving_labels=Path("b.nii"))

    assert list(files.paths()) == ["fixed", "moving", "fixed_labels", "moving_labels"]
