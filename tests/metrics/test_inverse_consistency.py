import numpy as np
import pytest
import torch

from sarnet.errors import InputError
from sarnet.fields import compose
from sarnet.metrics import inverse_consistency_voxels

SPACES = [pytest.param((6, 8), id="2d"), pytest.param((4, 6, 8), id="3d")]


def _shift(space, *voxels):
    return torch.tensor(voxels).view(1, -1, *[1] * len(space)).expand(1, len(space), *space)


@pytest.mark.parametrize("space", SPACES)
def test_ways_that_undo_each_other_have_no_error(space):
    there = _shift(space, *(1.0, -2.0, 0.5)[: len(space)])

    assert inverse_consistency_voxels(compose(there, -there)) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("space", SPACES)
def test_what_is_left_counts_by_its_length(space):
    there, back = _shift(space, *(1.0, 2.0, 2.0)[: len(space)]), _shift(space, *(2.0, 2.0, 4.0)[: len(space)])

    wanted = np.linalg.norm((3.0, 4.0, 6.0)[: len(space)])  # 5 in the plane

    assert inverse_consistency_voxels(compose(there, back)) == pytest.approx(wanted)


def test_only_what_is_inside_counts():
    round_trip = torch.zeros(1, 2, 6, 8)
    round_trip[:, 0, :3] = 2.0
    inside = torch.zeros(1, 6, 8, dtype=torch.bool)
    inside[:, 2:4] = True  # a row of either half

    assert inverse_consistency_voxels(round_trip, inside=inside) == 1.0
    assert inverse_consistency_voxels(round_trip) == 1.0
    assert inverse_consistency_voxels(round_trip, inside=inside & (round_trip[:, 0] > 0)) == 2.0


def test_nothing_to_count_is_refused():
    with pytest.raises(InputError, match="inside holds no voxel to count"):
        inverse_consistency_voxels(torch.zeros(1, 2, 6, 8), inside=torch.zeros(1, 6, 8, dtype=torch.bool))
