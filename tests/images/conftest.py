import pytest
from scipy.spatial.transform import Rotation

from sarnet.images import Grid


def turned(shape, spacing, *, mirrored=False):
    """A grid that no axis of the world runs along; left-handed if mirrored."""
    n = len(shape)
    turn = Rotation.from_euler("zyx", [25, -10 if n == 3 else 0, 5 if n == 3 else 0], degrees=True).as_matrix()[:n, :n]
    if mirrored:
        turn[:, 0] *= -1
    origin = (-12.5, 31.25, 7.0)[:n]
    return Grid(size=shape[::-1], spacing=spacing, origin=origin, direction=tuple(turn.ravel().tolist()))


GRIDS = {
    "plain 2-D": Grid.plain((9, 12)),
    "oblique 2-D": turned((9, 12), (0.7, 0.7)),
    "anisotropic left-handed 2-D": turned((9, 12), (0.7, 1.9), mirrored=True),
    "plain 3-D": Grid.plain((7, 9, 12)),
    "oblique left-handed 3-D": turned((7, 9, 12), (1.2, 1.2, 1.2), mirrored=True),
    "anisotropic oblique 3-D": turned((7, 9, 12), (0.9, 0.9, 3.0)),
}


@pytest.fixture(params=GRIDS.values(), ids=GRIDS.keys())
def oblique_grid(request):
    return request.param
