import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.spatial.distance import cdist

from sarnet.errors import InputError, ShapeError
from sarnet.metrics import surface_distances
from sarnet.metrics.surface_elements import corner_codes, element_sizes

SPACES = [pytest.param((30, 40), (1.2, 0.7), id="2d"), pytest.param((12, 20, 17), (2.0, 1.0, 0.8), id="3d")]


def _blobs(rng, space):
    return (ndimage.gaussian_filter(rng.normal(size=space), 2) > 0.03).astype(np.int16)


def _box(space, first, last):
    labels = np.zeros(space, np.int16)
    labels[(slice(first, last),) * len(space)] = 1
    return labels


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the package asks SciPy for names of long ago
@pytest.mark.parametrize(("space", "spacing"), SPACES)
def test_both_distances_are_those_of_deepmind(space, spacing, rng):
    package = pytest.importorskip("surface_distance")

    for _ in range(5):
        fixed, warped = _blobs(rng, space), _blobs(rng, space)

        found = surface_distances(fixed, warped, spacing=spacing)[1]

        theirs = package.compute_surface_distances(fixed == 1, warped == 1, spacing)
        assert found.hd95 == package.compute_robust_hausdorff(theirs, 95)
        assert found.mad == pytest.approx(np.mean(package.compute_average_surface_distance(theirs)), rel=1e-12)


@pytest.mark.parametrize(("space", "spacing"), SPACES)
def test_outlines_are_as_long_as_monai_has_them(space, spacing, rng):
    utils = pytest.importorskip("monai.metrics.utils")
    labels = _blobs(rng, space)

    sizes = element_sizes(spacing)[corner_codes(labels == 1)]

    mask = torch.from_numpy(np.pad(labels == 1, 1))
    edges, _, areas, _ = utils.get_mask_edges(mask, mask, spacing=spacing, crop=False)
    assert sizes.sum() == pytest.approx(float(areas[edges].sum()), rel=1e-6)


@pytest.mark.parametrize(("space", "spacing"), SPACES)
def test_each_element_goes_to_the_nearest_one(space, spacing, rng):
    fixed, warped = _blobs(rng, space), _blobs(rng, space)

    found = surface_distances(fixed, warped, spacing=spacing)[1]

    codes = [corner_codes(labels == 1) for labels in (fixed, warped)]
    full = 2 ** (2 ** len(space)) - 1
    places = [np.argwhere((code > 0) & (code < full)) for code in codes]
    apart = cdist(*(each * spacing for each in places))
    sizes = [element_sizes(spacing)[code[tuple(each.T)]] for code, each in zip(codes, places)]
    directed = np.average(apart.min(axis=1), weights=sizes[0]), np.average(apart.min(axis=0), weights=sizes[1])
    assert found.mad == pytest.approx(np.mean(directed))


@pytest.mark.parametrize("space", [(20, 20), (20, 20, 20)], ids=["2d", "3d"])
def test_box_inside_a_box_is_as_far_as_its_sides_are(space):
    outer, inner = _box(space, 4, 16), _box(space, 6, 14)

    found = surface_distances(outer, inner, spacing=(1.5,) * len(space))[1]

    assert found.hd95 == pytest.approx(3, abs=1.3)  # two voxels from side to side, more at the corners
    assert found.mad == pytest.approx(3, abs=0.2)
    assert found.mad > 3


@pytest.mark.parametrize(("space", "spacing"), SPACES)
def test_same_outline_is_at_no_distance(space, spacing, rng):
    labels = _blobs(rng, space)

    assert surface_distances(labels, labels, spacing=spacing) == {1: (0.0, 0.0)}


@pytest.mark.parametrize(("space", "spacing"), SPACES)
def test_maps_may_be_swapped_and_axes_turned(space, spacing, rng):
    fixed, warped = _blobs(rng, space), _blobs(rng, space)

    found = surface_distances(fixed, warped, spacing=spacing)[1]

    assert surface_distances(warped, fixed, spacing=spacing)[1] == pytest.approx(found)
    assert surface_distances(fixed.T, warped.T, spacing=spacing[::-1])[1] == pytest.approx(found)


def test_twice_the_spacing_is_twice_the_distance(rng):
    fixed, warped = _blobs(rng, (30, 40)), _blobs(rng, (30, 40))

    once, twice = (surface_distances(fixed, warped, spacing=(s, s))[1] for s in (1.0, 2.0))

    assert np.array(twice) == pytest.approx(2 * np.array(once))


def test_label_that_one_map_lacks_is_infinitely_far_and_one_that_both_lack_is_nowhere():
    labels = _box((9, 9), 3, 6)

    found = surface_distances(labels, np.zeros_like(labels), spacing=(1.0, 1.0), labels=(1, 2))

    assert found[1] == (np.inf, np.inf)
    assert np.isnan(found[2]).all()


def test_each_label_but_the_background_is_measured():
    fixed, warped = np.zeros((2, 12, 12), np.int16)
    fixed[2:5, 2:5], warped[2:5, 2:5] = 3, 3
    fixed[7:10, 7:10], warped[7:10, 6:9] = 8, 8

    found = surface_distances(fixed, warped, spacing=(1.0, 1.0))

    assert list(found) == [3, 8]
    assert found[3].hd95 == 0
    assert found[8].hd95 == 1


@pytest.mark.usefixtures("unchecked")
def test_maps_of_two_shapes_are_refused():
    with pytest.raises(ShapeError, match=r"fixed has shape \(9, 9\), but warped \(9, 8\)"):
        surface_distances(np.zeros((9, 9)), np.zeros((9, 8)), spacing=(1.0, 1.0))


@pytest.mark.parametrize("spacing", [(1.0,), (1.0, 0.0), (1.0, 1.0, 1.0)], ids=str)
def test_spacing_that_does_not_fit_is_refused(spacing):
    with pytest.raises(InputError, match=r"wanted a positive number for each of the 2 axes of fixed"):
        surface_distances(np.zeros((9, 9)), np.zeros((9, 9)), spacing=spacing)
