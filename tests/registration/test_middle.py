"""Half-way between two images: neither is the one that is moved."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import ndimage

from sarnet.errors import InputError
from sarnet.fields import joined
from sarnet.images import Grid, Image, resample
from sarnet.registration.image_pair import ImagePair
from sarnet.registration.middle import Middle
from sarnet.transforms import Transform, apply, compose


@pytest.fixture
def turned(sample) -> Transform:
    """A turn by 20 degrees about the middle, ten per cent larger, and a shift."""
    grid, angle = sample.fixed.grid, np.deg2rad(20)
    matrix = 1.1 * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([80.0, 100.0])
    return Transform(grid=grid, matrix=matrix, translation=centre - matrix @ centre + np.array([5.0, -3.0]))


def _padded(grid: Grid, voxels: int) -> Grid:
    origin = grid.index_to_world() @ np.array([-voxels, -voxels, 1.0])
    return replace(grid, size=tuple(size + 2 * voxels for size in grid.size), origin=tuple(origin[:2].tolist()))


def _world(displacement, grid: Grid) -> np.ndarray:
    return displacement[0].movedim(0, -1).numpy() @ grid.voxel_to_world().T


@pytest.fixture
def other() -> Grid:
    c, s = np.cos(0.2), np.sin(0.2)
    return Grid(size=(150, 90), spacing=(1.3, 2.0), origin=(-30.0, 12.0), direction=(c, -s, s, c))


def test_both_halves_together_are_the_start(sample, other, turned):
    middle = Middle.of(sample.fixed.grid, other, turned)

    whole = compose(middle.from_fixed, middle.to_moving, grid=turned.grid)

    np.testing.assert_allclose(whole.homogeneous(), turned.homogeneous(), atol=1e-9)
    np.testing.assert_allclose(middle.from_fixed.homogeneous(), middle.to_moving.homogeneous(), atol=1e-12)
    np.testing.assert_allclose(middle.from_fixed.homogeneous() @ middle.to_fixed.homogeneous(), np.eye(3), atol=1e-12)


def test_images_as_they_came_are_fields_in_the_middle_that_undo_the_start(sample, other, turned):
    middle = Middle.of(sample.fixed.grid, other, turned)
    given = Transform(grid=sample.fixed.grid, matrix=np.eye(2), translation=np.array([3.0, -2.0]))

    halves = middle.halves_of(given, middle.grid)

    # around the middle of the grid: a field's grid ends somewhere
    centre = middle.grid.index_to_world()[:2] @ np.array([*(np.array(middle.grid.size) / 2), 1])
    places = centre + np.array([[0.0, 0.0], [4.0, -3.0]])
    found = middle.transform(joined(halves), middle.grid, sample.fixed.grid)
    of_fixed = middle.to_fixed.points(places)
    np.testing.assert_allclose(found.points(of_fixed) - of_fixed, [[3.0, -2.0]] * 2, atol=3e-3)
    to_fixed, to_moving = (
        Transform.identity(middle.grid).with_displacement(_world(each, middle.grid)) for each in halves.split(1)
    )
    np.testing.assert_allclose(to_fixed.points(to_moving.points(places)), places, atol=1e-3)


def test_mirror_has_no_half_and_moves_the_moving_image_alone(sample):
    grid = sample.fixed.grid
    middle = Middle.unsplit(grid, Transform.identity(grid))
    mirror = Transform(grid=grid, matrix=np.diag([-1.0, 1.0]), translation=np.array([30.0, 0.0]))

    to_fixed, to_moving = middle.halves_of(mirror, grid).split(1)

    assert not to_fixed.any()
    whole = Transform.identity(grid).with_displacement(_world(to_moving, grid))
    np.testing.assert_allclose(whole.points(np.array([[20.0, 40.0]])), [[10.0, 40.0]], atol=1e-3)


def test_what_holds_a_field_is_not_placed(sample, turned):
    field = Transform.identity(sample.fixed.grid).with_displacement(np.zeros((*sample.fixed.grid.shape, 2)))

    with pytest.raises(InputError, match="must be affine, but hold a field"):
        Middle.of(sample.fixed.grid, sample.fixed.grid, turned).halves_of(field, sample.fixed.grid)


def test_middle_is_the_same_with_the_images_exchanged(sample, other, turned):
    back = np.linalg.inv(turned.homogeneous())
    exchanged = Transform(grid=other, matrix=back[:2, :2], translation=back[:2, 2])

    there, again = Middle.of(sample.fixed.grid, other, turned), Middle.of(other, sample.fixed.grid, exchanged)

    assert there.grid.same_as(again.grid, tolerance=1e-6)
    np.testing.assert_allclose(there.to_fixed.homogeneous(), again.to_moving.homogeneous(), atol=1e-9)


def test_middle_covers_what_both_images_hold_in_voxels_of_the_finer(sample, other, turned):
    middle = Middle.of(sample.fixed.grid, other, turned)

    # 1 mm against 1.3 by 2, half of ten per cent larger
    np.testing.assert_allclose(middle.grid.spacing, np.sqrt(1.1), rtol=1e-9)
    reached = [
        apply(
            to_image,
            Image(array=np.ones(grid.shape, np.float32), grid=grid),
            padded,
            interpolation="nearest",
            outside=0,
        ).array.astype(bool)
        for padded in [_padded(middle.grid, 30)]
        for to_image, grid in ((middle.to_fixed, sample.fixed.grid), (middle.to_moving, other))
    ]
    both = reached[0] & reached[1]
    assert both[30:-30, 30:-30].sum() == both.sum() > 0


@pytest.mark.parametrize(
    ("fixed", "moving"),
    [
        (Grid.plain((200, 200, 200), spacing=(0.3,) * 3), Grid.plain((60, 100, 100), spacing=(5.0,) * 3)),
        (Grid.plain((400, 512, 512), spacing=(0.5, 0.5, 1.0)), Grid.plain((500, 200, 200), spacing=(4.0,) * 3)),
        (Grid.plain((512, 512), spacing=(0.001, 0.001)), Grid.plain((512, 512), spacing=(0.3, 0.3))),
    ],
    ids=["fine part of a coarse whole", "CT and whole body", "microscopy"],
)
def test_middle_has_no_more_voxels_than_the_finer_image(fixed, moving):
    middle = Middle.of(fixed, moving, Transform.identity(fixed))

    assert np.prod([float(size) for size in middle.grid.size]) <= 1.05 * np.prod([float(size) for size in fixed.size])


@pytest.mark.parametrize("scale", [0.1, 0.01])
def test_voxels_are_compared_as_they_lie_in_the_middle(scale):
    fixed, moving = Grid.plain((200, 200, 200)), Grid.plain((200, 200, 200), spacing=(scale,) * 3)
    start = Transform(grid=fixed, matrix=scale * np.eye(3), translation=np.zeros(3))

    middle = Middle.of(fixed, moving, start)

    assert max(middle.grid.size) < 230


def test_images_that_lie_on_each_other_keep_their_voxels(sample):
    grid = sample.fixed.grid

    middle = Middle.of(grid, grid, Transform.identity(grid))

    assert middle.grid == grid
    assert np.array_equal(middle.to_fixed.homogeneous(), np.eye(3))


@pytest.mark.parametrize("kind", ["with a field", "turned over", "turned by nearly 180 degrees", "far away"])
def test_start_that_cannot_be_split_leaves_the_fixed_image_where_it_is(kind, sample):
    grid = sample.fixed.grid
    start = Transform.identity(grid).with_displacement(np.ones((*grid.shape, 2), np.float32))
    if kind == "turned over":
        start = Transform(grid=grid, matrix=np.diag([-1.0, 1.0]), translation=np.array([160.0, 0.0]))
    elif kind == "turned by nearly 180 degrees":
        matrix = np.array([[-0.985, 0.0009], [-0.0127, -0.979]])
        start = Transform(grid=grid, matrix=matrix, translation=np.array([160.0, 190.0]))
    elif kind == "far away":
        start = Transform(grid=grid, matrix=np.eye(2), translation=np.array([900.0, 0.0]))

    middle = Middle.of(grid, grid, start)

    assert middle.grid == grid
    assert middle.to_moving is start
    assert np.array_equal(middle.to_fixed.homogeneous(), np.eye(3))


def test_field_of_zeros_is_the_start(sample, turned):
    middle = Middle.of(sample.fixed.grid, sample.moving.grid, turned)
    pair = ImagePair.of(sample.fixed, sample.moving).read(middle, longest_voxels=200)

    found = middle.transform(torch.zeros(1, 2, *pair.grid.shape), pair.grid, sample.fixed.grid)

    np.testing.assert_allclose(found.total_displacement(), turned.total_displacement(), atol=1e-4)


def test_field_moves_points_between_both_halves(sample, turned):
    middle = Middle.of(sample.fixed.grid, sample.moving.grid, turned)
    pair = ImagePair.of(sample.fixed, sample.moving).read(middle, longest_voxels=200)
    voxels = torch.zeros(1, 2, *pair.grid.shape)
    voxels[:, 0], voxels[:, 1] = 2.0, -1.0  # array order: y, x

    found = middle.transform(voxels, pair.grid, sample.fixed.grid)

    # the first and the last voxel lie beyond the crop: the vector of its edge holds
    index = np.array([[0, 0, 1], [70, 90, 1], [164, 195, 1]])
    points = (index @ sample.fixed.grid.index_to_world().T)[:, :2]
    step = pair.grid.spacing[0] * np.array([-1.0, 2.0])  # the grid's axes are the world's
    half = middle.from_fixed
    wanted = half.points(half.points(points) + step)
    np.testing.assert_allclose(found.points(points), wanted, atol=1e-3)


def test_what_a_transform_comes_to_here_is_the_field_that_made_it(sample, other, turned, rng):
    for middle in (Middle.of(sample.fixed.grid, other, turned), Middle.unsplit(sample.fixed.grid, turned)):
        here = Grid.plain((40, 30), spacing=(4.0, 4.0))
        noise = ndimage.gaussian_filter(rng.normal(size=(2, *here.shape)), (0, 5, 5))
        field = torch.from_numpy((2 / noise.std() * noise).astype(np.float32))[None]
        on = replace(Grid.plain((200, 200)), origin=(-40.0, -40.0))

        found = middle.displacement(middle.transform(field, here, on), here)

        # the way there and back reads the field twice between its voxels
        assert float((found - field)[..., 4:-4, 4:-4].norm(dim=1).mean()) < 0.1
        assert float(field.norm(dim=1).mean()) > 2


def test_start_that_holds_a_field_has_no_way_back_from_a_transform(sample):
    grid = sample.fixed.grid
    start = Transform.identity(grid).with_displacement(np.ones((*grid.shape, 2)))

    with pytest.raises(InputError, match="holds a field, but must be affine here"):
        Middle.unsplit(grid, start).displacement(start, grid)


def test_field_goes_to_the_world_along_the_grids_axes(sample, oblique):
    image = Image(array=sample.fixed.array, grid=oblique)
    middle = Middle.of(oblique, oblique, Transform.identity(oblique))
    pair = ImagePair.of(image, image).read(middle, longest_voxels=100)
    voxels = torch.zeros(1, 2, *pair.grid.shape)
    voxels[:, 0], voxels[:, 1] = 2.0, -1.0  # array order: y, x

    found = middle.transform(voxels, pair.grid, oblique)

    # two voxels on along the second column of the direction, one back along the first
    directions = np.array(oblique.direction).reshape(2, 2)
    step = pair.grid.spacing[0] * (2 * directions[:, 1] - directions[:, 0])
    np.testing.assert_allclose(found.total_displacement(), np.broadcast_to(step, (*oblique.shape, 2)), atol=1e-4)
    # and an image read through it is the image read two voxels on
    shifted = replace(oblique, origin=tuple(np.add(oblique.origin, step).tolist()))
    there = apply(found, image, oblique, interpolation="linear").array
    np.testing.assert_allclose(there[5:-5, 5:-5], resample(image, shifted).array[5:-5, 5:-5], atol=0.5)
