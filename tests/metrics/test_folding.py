import pytest
import torch

from sarnet.errors import InputError
from sarnet.fields import identity_grid, jacobian_determinant
from sarnet.metrics import folding_percent

SPACES = [pytest.param((6, 8), id="2d"), pytest.param((4, 6, 8), id="3d")]


def _scaled(space, factor):
    """The last axis times ``factor``: its determinant."""
    field = torch.zeros(1, len(space), *space)
    field[:, -1] = (factor - 1) * identity_grid(space)[-1]
    return field


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    ("factor", "wanted"), [(1.0, 0.0), (3.0, 0.0), (0.01, 0.0), (0.0, 100.0), (-1.0, 100.0)], ids=str
)
def test_mirror_and_collapse_fold_everywhere_and_growth_nowhere(space, factor, wanted):
    assert folding_percent(_scaled(space, factor)) == wanted


@pytest.mark.parametrize("space", SPACES)
def test_share_is_that_of_the_mirrored_part(space):
    field = torch.zeros(1, len(space), *space)
    field[:, -1] = -2 * (identity_grid(space)[-1] - 4).clamp_min(0)  # from the fourth of eight columns on

    # central differences are 1, 1, 1, 1, 0, -1, -1, -1
    assert folding_percent(field) == 50.0


def test_two_mirrors_make_a_rotation():
    field = -2 * identity_grid((6, 8))[None]

    assert folding_percent(field) == 0


def test_only_what_is_inside_counts():
    field = torch.zeros(2, 2, 6, 8)
    field[1] = _scaled((6, 8), -1.0)[0]
    inside = torch.zeros(2, 6, 8, dtype=torch.bool)
    inside[0, :3] = True  # 24 voxels that do not fold
    inside[1, 0] = True  # 8 that do

    assert folding_percent(field, inside=inside) == 25.0


def test_nothing_to_count_is_refused():
    with pytest.raises(InputError, match="inside holds no voxel to count"):
        folding_percent(torch.zeros(1, 2, 6, 8), inside=torch.zeros(1, 6, 8, dtype=torch.bool))


@pytest.mark.parametrize("rows", [15, 16, 17, 33, 50])
def test_slabs_that_a_large_field_is_looked_at_in_leave_no_trace(rows):
    rng = torch.Generator().manual_seed(rows)
    field = 0.7 * torch.randn(2, 3, rows, 5, 6, generator=rng)
    inside = torch.rand(2, rows, 5, 6, generator=rng) > 0.4

    folded = jacobian_determinant(field) <= 0

    assert folding_percent(field) == pytest.approx(100 * float(folded.double().mean()))
    assert folding_percent(field, inside=inside) == pytest.approx(100 * float(folded[inside].double().mean()))
