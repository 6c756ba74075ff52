import numpy as np
import pytest

from sarnet.errors import GridError, InputError, ShapeError
from sarnet.images import Grid, Image
from sarnet.registration import Guides, register
from sarnet.registration.guides import _spots
from sarnet.transforms import Transform


@pytest.fixture
def start(oblique) -> Transform:
    """An affine map that does not commute with shifts, on an oblique grid."""
    return Transform(grid=oblique, matrix=np.array([[1.1, 0.2], [-0.1, 0.9]]), translation=np.array([5.0, -3.0]))


def test_every_landmark_is_led_to_its_partner(start, rng):
    places = start.grid.voxel_to_world() @ (np.array([[60, 70], [120, 40], [100, 120.0]])).T
    fixed = places.T + np.array(start.grid.origin)
    moving = start.points(fixed) + np.array([[4.0, -2.0], [-3.0, 5.0], [1.0, 6.0]])

    bent = Guides(fixed_points=fixed, moving_points=moving).through_landmarks(start)

    before = np.linalg.norm(start.points(fixed) - moving, axis=1)
    after = np.linalg.norm(bent.points(fixed) - moving, axis=1)
    assert before.min() > 4
    assert after.max() < 0.3


@pytest.mark.parametrize("count", [2, 10, 80])
def test_landmarks_set_inaccurately_move_nothing_by_much_more_than_their_errors(oblique, rng, count):
    places = rng.uniform(40, 120, (count, 2)) if count > 2 else np.array([[80.0, 80], [88, 80]])  # y, x
    fixed = places @ oblique.voxel_to_world().T + np.array(oblique.origin)
    errors = rng.normal(scale=2, size=(count, 2)) if count > 2 else np.array([[2.0, 0], [-2.0, 0]])

    bent = Guides(fixed_points=fixed, moving_points=fixed + errors).through_landmarks(Transform.identity(oblique))

    longest = np.linalg.norm(bent.total_displacement(), axis=-1).max()
    assert longest < 2 * np.linalg.norm(errors, axis=1).max()


def test_far_from_all_landmarks_the_start_stays(start):
    corner = np.array([start.grid.origin])
    far = np.array(start.grid.origin) + start.grid.voxel_to_world() @ np.array([190.0, 160.0])

    bent = Guides(fixed_points=corner, moving_points=start.points(corner) + 3).through_landmarks(start)

    assert np.abs(bent.points(far[None]) - start.points(far[None])).max() < 0.01


def test_spot_stands_where_the_landmark_does(oblique):
    index = np.array([50.0, 80.0])  # y, x
    point = np.array(oblique.origin) + oblique.voxel_to_world() @ index

    spots = _spots(point[None], oblique, width_mm=4.0)

    assert np.unravel_index(spots.array.argmax(), spots.array.shape) == (50, 80)
    aside = spots.array[50, 80 + 3]  # 3 voxels of 1.2 mm along x
    assert aside == pytest.approx(np.exp(-((3 * 1.2) ** 2) / (2 * 4.0**2)), abs=1e-5)


def test_landmark_outside_of_the_image_leaves_no_spot():
    grid = Grid.plain((20, 20))

    assert not _spots(np.array([[500.0, 500.0]]), grid, width_mm=2.0).array.any()


@pytest.mark.parametrize("adapt", ["last-layer", "refined"])
def test_structure_that_guides_overlaps_better(sample, loaded, fast, adapt):
    settings = fast.model_copy(update={"adapt": adapt})
    structure = 1  # ventricles and sulci

    def dice(guides: Guides | None) -> float:
        found = register(sample.fixed, sample.moving, settings, guides=guides, loaded=loaded)
        from sarnet.transforms import apply

        warped = apply(found.transform, sample.moving_labels, sample.fixed.grid, interpolation="nearest", outside=0)
        one, other = sample.fixed_labels.array == structure, warped.array == structure
        return float(2 * (one & other).sum() / (one.sum() + other.sum()))

    guides = Guides(fixed_labels=sample.fixed_labels, moving_labels=sample.moving_labels)
    assert dice(guides) > dice(None) + 0.02


def test_labels_for_evaluation_change_nothing(sample, loaded, fast):
    from sarnet.registration import Labels

    labels = Labels(fixed=sample.fixed_labels, moving=sample.moving_labels)

    without = register(sample.fixed, sample.moving, fast, loaded=loaded).transform
    found = register(sample.fixed, sample.moving, fast, labels=labels, loaded=loaded).transform

    np.testing.assert_array_equal(found.displacement, without.displacement)
    np.testing.assert_array_equal(found.matrix, without.matrix)


def test_guides_that_do_not_fit_are_refused(sample):
    pair = sample.fixed, sample.moving
    other = Image.from_array(np.ones((5, 6), np.uint8))
    points = np.zeros((3, 2))

    with pytest.raises(InputError, match="labels of one image alone"):
        Guides(fixed_labels=sample.fixed_labels).check(*pair)
    with pytest.raises(InputError, match="points of one image alone"):
        Guides(moving_points=points).check(*pair)
    with pytest.raises(GridError, match="guide_moving has another grid"):
        Guides(fixed_labels=sample.fixed_labels, moving_labels=other).check(*pair)
    with pytest.raises(ShapeError, match=r"\(3, 2\) and \(2, 2\), but must be as many"):
        Guides(fixed_points=points, moving_points=points[:2]).check(*pair)
    with pytest.raises(InputError, match="guide_points must be finite"):
        Guides(fixed_points=points, moving_points=points + np.nan).check(*pair)
    nothing = Image(array=np.zeros_like(sample.moving_labels.array), grid=sample.moving.grid)
    with pytest.raises(InputError, match="no label in common"):
        Guides(fixed_labels=sample.fixed_labels, moving_labels=nothing).check(*pair)
    halves = Image(array=sample.moving_labels.array + 0.5, grid=sample.moving.grid)
    with pytest.raises(InputError, match=r"guide_moving has 0\.5 among its values, but labels are whole numbers"):
        Guides(fixed_labels=sample.fixed_labels, moving_labels=halves).check(*pair)
