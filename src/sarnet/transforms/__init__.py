"""A transform in world millimetres, its file formats, resampling through it, and the affine start."""

from sarnet.transforms.affine import AffineKind, Alignment, align
from sarnet.transforms.apply import Reading, apply
from sarnet.transforms.files import read_transform, write_displacement, write_transform
from sarnet.transforms.transform import Transform

__all__ = [
    "AffineKind",
    "Alignment",
    "Reading",
    "Transform",
    "align",
    "apply",
    "read_transform",
    "write_displacement",
    "write_transform",
]
