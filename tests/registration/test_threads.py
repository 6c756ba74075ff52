import pytest
import torch

from sarnet.registration import torch_threads


def test_so_many_threads_compute_inside_and_as_many_as_before_afterwards():
    before = torch.get_num_threads()

    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1

    assert torch.get_num_threads() == before


def test_threads_are_as_before_after_an_error_too():
    before = torch.get_num_threads()

    with pytest.raises(ZeroDivisionError), torch_threads(before + 1):
        1 / 0  # noqa: B018

    assert torch.get_num_threads() == before
