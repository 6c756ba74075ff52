"""The packaged pair of brains, for a first try and for tests: no download, nobody's patient."""

from importlib import resources
from typing import Literal, NamedTuple

from sarnet.errors import InputError
from sarnet.images.files import read_image, read_labels
from sarnet.images.image import Image


class SamplePair(NamedTuple):
    """Two skull-stripped brains in MNI space; tissues are 1 cerebrospinal fluid, 2 grey and 3 white matter."""

    fixed: Image
    """ICBM 152 nonlinear symmetric 2009a, an average of many."""

    moving: Image
    """Colin 27, one person."""

    fixed_labels: Image
    """Tissues of ``fixed``, by k-means of its intensities."""

    moving_labels: Image
    """Tissues of ``moving``, by the same rule."""


def sample_pair(dimension: Literal[2, 3] = 2) -> SamplePair:
    """Read the packaged pair.

    Args:
        dimension: 2 for axial slices through the lateral ventricles at 1 mm, 3 for the volumes at 2 mm.

    Returns:
        Both images and their labels. Grids differ in size and origin and share the world; axes lie along
        left, posterior and superior.

    Raises:
        InputError: If ``dimension`` is neither.

    Notes:
        ``sample/NOTICE`` has the sources and their terms; ``scripts/build_sample_pair.py`` is how they became
        this pair.
    """
    if dimension not in (2, 3):
        raise InputError(f"dimension is {dimension}, but must be 2 or 3")
    with resources.as_file(resources.files("sarnet.images") / "sample") as folder:
        return SamplePair(
            fixed=read_image(folder / f"fixed_{dimension}d.nii.gz"),
            moving=read_image(folder / f"moving_{dimension}d.nii.gz"),
            fixed_labels=read_labels(folder / f"fixed_labels_{dimension}d.nii.gz"),
            moving_labels=read_labels(folder / f"moving_labels_{dimension}d.nii.gz"),
        )
