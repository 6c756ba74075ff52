"""A pair as files: which they are, and reading them."""

from dataclasses import dataclass, replace
from pathlib import Path

from sarnet.errors import DataError, InputError
from sarnet.images import Image, read_image, read_labels
from sarnet.registration.guides import Guides
from sarnet.registration.image_pair import Masks
from sarnet.registration.landmarks import read_landmarks
from sarnet.registration.measure import Labels
from sarnet.registration.record import Inputs
from sarnet.transforms import Transform, read_transform


@dataclass(frozen=True, kw_only=True)
class PairFiles:
    """Files of a pair.

    Raises:
        InputError: If labels, or structures that steer, are given of one image alone.
    """

    fixed: Path
    moving: Path
    fixed_mask: Path | None = None
    moving_mask: Path | None = None
    fixed_labels: Path | None = None
    moving_labels: Path | None = None
    initial_transform: Path | None = None
    guide_fixed: Path | None = None
    """Labels of structures that steer."""
    guide_moving: Path | None = None
    guide_points: Path | None = None
    """CSV of landmarks that steer: columns fixed_x, fixed_y[, fixed_z], moving_x, moving_y[, moving_z], LPS mm."""
    spacing: tuple[float, ...] | None = None
    """Millimetres along x, y[, z] of images that do not tell theirs."""
    moving_spacing: tuple[float, ...] | None = None
    """Those of the moving image, where they are others."""

    def __post_init__(self) -> None:
        _check_both("labels are compared", fixed_labels=self.fixed_labels, moving_labels=self.moving_labels)
        _check_both("structures steer in pairs", guide_fixed=self.guide_fixed, guide_moving=self.guide_moving)

    def paths(self) -> dict[str, Path]:
        """Return the files that there are, by name."""
        return {name: path for name in Inputs.model_fields if (path := getattr(self, name)) is not None}

    def inputs(self) -> Inputs:
        """Return the paths for the record."""
        return Inputs(**{name: str(path.resolve()) for name, path in self.paths().items()})


@dataclass(frozen=True, kw_only=True, eq=False)
class PairImages:
    """What the files of a pair hold: the arguments of :func:`sarnet.registration.register`."""

    fixed: Image
    moving: Image
    masks: Masks
    guides: Guides | None = None
    labels: Labels | None = None
    initial_transform: Transform | None = None


def read_pair(files: PairFiles) -> PairImages:
    """Read the files of a pair.

    Raises:
        DataError: If one is gone or cannot be read, or a mask or label map has another size than its image.
        InputError: If the spacing does not fit the images.
    """
    fixed = read_image(files.fixed, spacing=files.spacing)
    moving = read_image(files.moving, spacing=files.moving_spacing or files.spacing)
    initial = read_transform(files.initial_transform) if files.initial_transform else None
    masks = Masks(fixed=_labels(files.fixed_mask, fixed), moving=_labels(files.moving_mask, moving))
    fixed_labels, moving_labels = _labels(files.fixed_labels, fixed), _labels(files.moving_labels, moving)
    labels = Labels(fixed=fixed_labels, moving=moving_labels) if fixed_labels and moving_labels else None
    points = read_landmarks(files.guide_points, axes=fixed.grid.dimension) if files.guide_points else None
    guides = Guides(
        fixed_labels=_labels(files.guide_fixed, fixed),
        moving_labels=_labels(files.guide_moving, moving),
        fixed_points=points.fixed if points else None,
        moving_points=points.moving if points else None,
    )
    return PairImages(fixed=fixed, moving=moving, masks=masks, guides=guides, labels=labels, initial_transform=initial)


def _check_both(why: str, **paths: Path | None) -> None:
    missing = [name for name, path in paths.items() if path is None]
    if len(missing) == 1:
        raise InputError(f"{missing[0]} is missing, but {why}: give {' and '.join(paths)}, or neither")


def _labels(path: Path | None, image: Image) -> Image | None:
    """Labels or a mask of an image, on its grid where either is a picture without a place in the world of its own."""
    if path is None:
        return None
    labels = read_labels(path)
    if labels.grid.shape != image.grid.shape:
        raise DataError(
            f"{path} has size {labels.grid.size}, but its image has {image.grid.size}: give labels of its size"
        )
    if "pixels" in (labels.length_unit, image.length_unit):
        labels = replace(labels, grid=image.grid, length_unit=image.length_unit)
    return labels
