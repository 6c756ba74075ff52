"""The frames in which other programs count, as homogeneous matrices from LPS millimetres, x first."""

import numpy as np
from jaxtyping import Float

from sarnet.images.grid import Grid

Frame = Float[np.ndarray, "one_more one_more"]
"""Takes (x, y[, z], 1) in LPS millimetres to coordinates of the frame."""


def ras(grid: Grid) -> Frame:
    """The world of NIfTI and FreeSurfer: x and y run the other way."""
    return np.diag([*[-1.0, -1.0, 1.0][: grid.dimension], 1.0])


def voxels(grid: Grid) -> Frame:
    """Voxels of the image, the first one's centre at zero: Learn2Reg's and SciPy's."""
    return np.linalg.inv(grid.index_to_world())


def fsl(grid: Grid) -> Frame:
    """Voxels times spacing, x turned round where the image's axes are right-handed: FSL's own millimetres."""
    scale = np.diag([*grid.spacing, 1.0])
    if np.linalg.det(grid.index_to_world()) > 0:
        scale[0, 0], scale[0, -1] = -grid.spacing[0], (grid.size[0] - 1) * grid.spacing[0]
    return np.asarray(scale @ voxels(grid))
