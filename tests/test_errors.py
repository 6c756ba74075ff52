"""What the package raises on purpose, wherever it is raised."""

import pickle

import pytest

from sarnet import errors
from sarnet.errors import MissingExtraError


@pytest.mark.parametrize(
    "kind", [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, errors.SarnetError)]
)
def test_error_comes_back_from_another_process_as_it_was(kind):
    back = pickle.loads(pickle.dumps(kind("what was wrong")))

    assert (type(back), str(back)) == (kind, "what was wrong")


def test_missing_extra_names_the_line_that_installs_it():
    back = pickle.loads(pickle.dumps(MissingExtraError.of("A needs B", extra="methods", instead="do without")))

    assert str(back) == (
        "A needs B, but it is missing: run pip install '.[methods]' in the checkout of sarnet, or do without"
    )
