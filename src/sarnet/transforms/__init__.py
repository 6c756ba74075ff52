"""A transform in world millimetres: its algebra, its file formats, resampling through it, and the affine start."""

from sarnet.transforms.affine import AffineKind, Alignment, affine_root, align
from sarnet.transforms.apply import Reading, apply
from sarnet.transforms.compose import compose
from sarnet.transforms.files import (
    Format,
    read_transform,
    write_displacement,
    write_format,
    write_transform,
)
from sarnet.transforms.invert import Inverse, InversePoints, invert, invert_points
from sarnet.transforms.jacobian import jacobian
from sarnet.transforms.learn2reg import read_learn2reg_voxels
from sarnet.transforms.points import PointSet, read_points, write_points
from sarnet.transforms.transform import Transform

__all__ = [
    "AffineKind",
    "Alignment",
    "Format",
    "Inverse",
    "InversePoints",
    "PointSet",
    "Reading",
    "Transform",
    "affine_root",
    "align",
    "apply",
    "compose",
    "invert",
    "invert_points",
    "jacobian",
    "read_learn2reg_voxels",
    "read_points",
    "read_transform",
    "write_displacement",
    "write_format",
    "write_points",
    "write_transform",
]
