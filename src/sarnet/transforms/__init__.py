"""A transform in world millimetres: its algebra, its file formats, resampling through it, and the affine start."""

from sarnet.transforms.affine import AffineKind, Alignment, align
from sarnet.transforms.apply import Reading, apply
from sarnet.transforms.compose import compose
from sarnet.transforms.files import read_transform, write_displacement, write_transform
from sarnet.transforms.invert import Inverse, InversePoints, invert, invert_points
from sarnet.transforms.jacobian import jacobian
from sarnet.transforms.transform import Transform

__all__ = [
    "AffineKind",
    "Alignment",
    "Inverse",
    "InversePoints",
    "Reading",
    "Transform",
    "align",
    "apply",
    "compose",
    "invert",
    "invert_points",
    "jacobian",
    "read_transform",
    "write_displacement",
    "write_transform",
]
