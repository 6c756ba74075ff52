"""Large grids are read slab by slab: where one ends leaves no trace."""

import numpy as np
import pytest

from sarnet.images import Image
from sarnet.transforms import Transform, apply, compose, invert, jacobian, sampling


def _bent(grid):
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    field = np.stack([1.5 * np.sin(index[..., axis] / 4 + axis) for axis in range(grid.dimension)], axis=-1)
    return Transform.identity(grid).with_displacement(field)


@pytest.mark.parametrize(
    "computed",
    [
        lambda bent, image: apply(bent, image, image.grid, interpolation="linear").array,
        lambda bent, image: compose(bent, bent, grid=image.grid).displacement,
        lambda bent, image: invert(bent, image.grid).transform.displacement,
        lambda bent, image: jacobian(bent, image.grid).array,
        lambda bent, image: bent.total_displacement(),
    ],
    ids=["apply", "compose", "invert", "jacobian", "total displacement"],
)
@pytest.mark.parametrize("dimension", [2, 3])
def test_slabs_leave_no_trace(computed, dimension, oblique, rng, monkeypatch, request):
    grid = oblique(dimension)
    image = Image(array=rng.random(grid.shape).astype(np.float32), grid=grid)
    whole = computed(_bent(grid), image)

    monkeypatch.setattr(sampling, "_SLAB_VOXELS", 3 * int(np.prod(grid.shape[1:])))

    # an inverse is iterated to a thousandth of a voxel, slab by slab
    np.testing.assert_allclose(
        computed(_bent(grid), image), whole, atol=2e-3 if "invert" in request.node.name else 1e-5
    )
