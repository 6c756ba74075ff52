import pytest

from sarnet.benchmark import Plan, RowKey
from sarnet.errors import DataError


def test_two_pairs_of_one_name_are_refused_before_anything_is_computed():
    key = RowKey("xray", "a<-b", "sarnet", "0")

    with pytest.raises(DataError, match="two images or pairs named 'a<-b': give their files different names"):
        Plan(keys=(key, key), measure=lambda done: iter(()))
