import numpy as np
import pytest

from sarnet.errors import GridError, InputError, ShapeError
from sarnet.images import Grid, field_to_grid, network_grid


def world(grid):
    index = np.stack(np.indices(grid.shape), axis=-1)
    return index @ grid.voxel_to_world().T + np.array(grid.origin)


def voxels(grid, points_world):
    """Array-order voxel positions of world points."""
    return (points_world - np.array(grid.origin)) @ np.linalg.inv(grid.voxel_to_world()).T


def affine_field(grid):
    """A x + b at every voxel, in world millimetres."""
    n = grid.dimension
    a = np.array([[0.1, -0.2, 0.05], [0.03, 0.15, 0.1], [-0.07, 0.02, 0.12]])[:n, :n]
    return world(grid) @ a.T + np.array([3.0, -4.0, 5.0])[:n]


@pytest.mark.parametrize("longest", [8, 13, 40])
@pytest.mark.parametrize("multiple", [1, 4, 16])
def test_the_whole_image_lies_within(oblique_grid, multiple, longest):
    result = network_grid(oblique_grid, multiple=multiple, longest_voxels=longest)

    assert all(size % multiple == 0 for size in result.size)
    assert max(result.size) <= -(-longest // multiple) * multiple
    assert result.direction == oblique_grid.direction
    assert max(result.spacing) == pytest.approx(min(result.spacing))
    # edges of the outermost voxels, not only their centres
    low, high = np.full(oblique_grid.dimension, -0.5), np.array(oblique_grid.shape) - 0.5
    edges = np.stack([low, high]) @ oblique_grid.voxel_to_world().T + np.array(oblique_grid.origin)
    inside = voxels(result, edges)
    assert (inside[0] >= -0.5 - 1e-4).all()
    assert (inside[1] <= np.array(result.shape) - 0.5 + 1e-4).all()


def test_an_isotropic_image_that_fits_keeps_its_voxels():
    grid = Grid(size=(21, 13), spacing=(0.7, 0.7), origin=(3.0, -5.0), direction=(0.6, -0.8, 0.8, 0.6))

    offset = voxels(grid, np.array(network_grid(grid, multiple=8, longest_voxels=32).origin))

    np.testing.assert_allclose(offset, [-1, -1], atol=1e-9)  # 16 - 13 = 3 and 24 - 21 = 3: one before, two after


def test_a_box_and_its_margin_are_cropped_out():
    result = network_grid(
        Grid.plain((40, 50)), multiple=4, longest_voxels=32, box=(slice(10, 20), slice(30, 41)), margin_voxels=3
    )

    assert result.size == (20, 16)  # 11 + 6 = 17 -> 20 and 10 + 6 = 16
    assert result.origin == (26.0, 7.0)
    assert result.spacing == (1.0, 1.0)


def test_an_image_too_long_gets_the_longest_that_is_allowed():
    result = network_grid(Grid.plain((100, 201)), multiple=1, longest_voxels=67)

    assert result.size == (67, 34)
    assert result.spacing == pytest.approx((3.0, 3.0))
    np.testing.assert_allclose(world(result).reshape(-1, 2).mean(axis=0), [100, 49.5], atol=1e-9)


@pytest.mark.parametrize("margin", [0, 4])
def test_voxels_in_all_are_bounded_by_the_spacing(margin):
    grid = Grid.plain((25, 195, 166), spacing=(1.37, 1.37, 4.0))

    result = network_grid(grid, multiple=1, longest_voxels=160, most_voxels=600_000, margin_voxels=margin)

    assert 0.96 * 600_000 < np.prod(result.size) <= 600_000
    assert len(set(result.spacing)) == 1
    assert all((np.array(result.size) - 2 * margin) * result.spacing[0] >= np.array([166, 195, 25]) * grid.spacing)


def test_an_isotropic_image_that_fits_all_bounds_keeps_its_voxels_and_one_that_does_not_gets_larger_ones():
    grid = Grid.plain((40, 50))

    fits = network_grid(grid, multiple=1, longest_voxels=64, most_voxels=2000)
    reduced = network_grid(grid, multiple=1, longest_voxels=64, most_voxels=1999)

    assert (fits.size, fits.spacing) == ((50, 40), (1.0, 1.0))
    assert reduced.size == (49, 40)
    assert reduced.spacing[0] == pytest.approx(50 / 49)


def test_margins_that_leave_nothing_are_refused():
    with pytest.raises(InputError, match="most_voxels is 80, but the margins alone need 81"):
        network_grid(Grid.plain((40, 50)), multiple=1, longest_voxels=64, most_voxels=80, margin_voxels=4)


def test_margins_come_off_the_longest():
    result = network_grid(Grid.plain((100, 200)), multiple=1, longest_voxels=60, margin_voxels=5)

    assert result.size == (60, 35)
    assert result.spacing == pytest.approx((4.0, 4.0))


def test_an_anisotropic_image_is_never_finer_than_its_finest_axis():
    result = network_grid(Grid.plain((5, 20, 30), spacing=(1.0, 1.0, 4.0)), multiple=2, longest_voxels=100)

    assert result.spacing == (1.0, 1.0, 1.0)
    assert result.size == (30, 20, 20)


def test_one_percent_of_anisotropy_is_none():
    result = network_grid(Grid.plain((20, 20), spacing=(1.0, 1.005)), multiple=4, longest_voxels=20)

    assert result.spacing == (1.0, 1.005)
    assert result.origin == (0.0, 0.0)


@pytest.mark.parametrize(
    "box",
    [
        (slice(0, 5),),
        (slice(3, 3), slice(0, 5)),
        (slice(-1, 3), slice(0, 5)),
        (slice(0, 9), slice(0, 5)),
        (slice(0, 4, 2), slice(0, 5)),
    ],
)
def test_a_box_that_is_no_part_of_the_grid_is_refused(box):
    with pytest.raises(InputError, match=r"wanted a part of the grid's array \(8, 8\)"):
        network_grid(Grid.plain((8, 8)), multiple=1, longest_voxels=8, box=box)


@pytest.mark.parametrize(("multiple", "longest", "margin"), [(0, 8, 0), (1, 0, 0), (1, 8, 4), (1, 8, -1)])
def test_counts_that_leave_nothing_are_refused(multiple, longest, margin):
    with pytest.raises(InputError, match=f"multiple is {multiple}, longest_voxels {longest}"):
        network_grid(Grid.plain((8, 8)), multiple=multiple, longest_voxels=longest, margin_voxels=margin)


@pytest.mark.parametrize("longest", [9, 40])
def test_an_affine_field_comes_back_exactly(oblique_grid, longest):
    source = network_grid(oblique_grid, multiple=4, longest_voxels=longest, margin_voxels=2)

    field = field_to_grid(affine_field(source), source, oblique_grid)

    np.testing.assert_allclose(field, affine_field(oblique_grid), atol=1e-6)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_where_voxels_coincide_values_are_taken_over_bit_for_bit(rng, kind):
    grid = Grid(size=(21, 13), spacing=(0.7, 0.7), origin=(3.3, -5.1), direction=(0.6, -0.8, 0.8, 0.6))
    source = network_grid(grid, multiple=8, longest_voxels=32)
    field = rng.normal(size=(*source.shape, 2)).astype(kind)

    on_grid = field_to_grid(field, source, grid)

    assert on_grid.dtype == kind
    np.testing.assert_array_equal(on_grid, field[1:14, 1:22])


def test_beyond_the_source_its_edge_holds(rng):
    field = rng.normal(size=(4, 5, 2))
    target = Grid(size=(9, 8), spacing=(1.0, 1.0), origin=(-2.0, -2.0), direction=(1.0, 0.0, 0.0, 1.0))

    on_grid = field_to_grid(field, Grid.plain((4, 5)), target)

    np.testing.assert_array_equal(on_grid, np.pad(field, ((2, 2), (2, 2), (0, 0)), mode="edge"))


def test_between_voxels_vectors_are_averaged():
    field = np.array([[[0.0, 2.0], [1.0, 4.0]], [[0.0, 2.0], [1.0, 4.0]]])
    target = Grid(size=(1, 1), spacing=(1.0, 1.0), origin=(0.5, 0.5), direction=(1.0, 0.0, 0.0, 1.0))

    assert field_to_grid(field, Grid.plain((2, 2)), target).tolist() == [[[0.5, 3.0]]]


def test_a_field_off_its_grid_is_refused():
    with pytest.raises(ShapeError, match=r"shape \(4, 5, 3\), but wanted \(4, 5, 2\)"):
        field_to_grid(np.zeros((4, 5, 3)), Grid.plain((4, 5)), Grid.plain((4, 5)))


def test_grids_of_different_axes_are_refused():
    with pytest.raises(GridError, match="target has 3 axes, but source has 2"):
        field_to_grid(np.zeros((4, 5, 2)), Grid.plain((4, 5)), Grid.plain((4, 5, 6)))
