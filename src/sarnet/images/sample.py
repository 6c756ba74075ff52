"""The packaged pair of brains, for a first try and for tests: no download, nobody's patient."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
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


class SampleFiles(NamedTuple):
    """The files of the pair, named as in :class:`SamplePair`."""

    fixed: Path
    moving: Path
    fixed_labels: Path
    moving_labels: Path


@contextmanager
def sample_files(dimension: Literal[2, 3] = 2) -> Iterator[SampleFiles]:
    """Give the paths of the packaged pair, which hold inside of the ``with``.

    Args:
        dimension: As of :func:`sample_pair`.

    Raises:
        InputError: If ``dimension`` is neither 2 nor 3.
    """
    if dimension not in (2, 3):
        raise InputError(f"dimension is {dimension}, but must be 2 or 3")
    with resources.as_file(resources.files("sarnet.images") / "sample") as folder:
        yield SampleFiles(*(folder / f"{name}_{dimension}d.nii.gz" for name in SampleFiles._fields))


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
    with sample_files(dimension) as files:
        return SamplePair(
            fixed=read_image(files.fixed),
            moving=read_image(files.moving),
            fixed_labels=read_labels(files.fixed_labels),
            moving_labels=read_labels(files.moving_labels),
        )
