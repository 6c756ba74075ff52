"""Displacement fields as tensors, in voxels, 2-D and 3-D from one code: warp, compose, invert, Jacobian, B-splines."""

from sarnet.fields.box import box_sum
from sarnet.fields.bspline import bspline_basis, bspline_field, controls_to_cover
from sarnet.fields.compose import compose
from sarnet.fields.gaussian import gaussian
from sarnet.fields.halves import joined, one_sided, unfolded
from sarnet.fields.invert import Inverse, invert
from sarnet.fields.jacobian import jacobian_determinant, smallest_determinant
from sarnet.fields.resize import resize_field
from sarnet.fields.separable import along_axes
from sarnet.fields.unfold import unfold
from sarnet.fields.warp import identity_grid, warp

__all__ = [
    "Inverse",
    "along_axes",
    "box_sum",
    "bspline_basis",
    "bspline_field",
    "compose",
    "controls_to_cover",
    "gaussian",
    "identity_grid",
    "invert",
    "jacobian_determinant",
    "joined",
    "one_sided",
    "resize_field",
    "smallest_determinant",
    "unfold",
    "unfolded",
    "warp",
]
