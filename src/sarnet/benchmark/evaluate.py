"""One finished registration, by whatever program, judged by its labels, landmarks and transform."""

import numpy as np
from jaxtyping import Bool
from pydantic import BaseModel, ConfigDict

from sarnet import __version__
from sarnet.benchmark.score import LabelScore, means, score_labels
from sarnet.errors import GridError, InputError, ShapeError
from sarnet.images import Grid, Image
from sarnet.metrics import sd_log_jacobian, target_registration_error_mm
from sarnet.transforms import PointSet, Transform, compose, jacobian
from sarnet.types import LengthUnit


class TransformScore(BaseModel):
    """What a transform does to space."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    folding_percent: float
    """Share of voxels whose Jacobian determinant is zero or below."""
    sd_log_jacobian: float | None
    """Standard deviation of the determinant's logarithm where it is positive; nothing where it is nowhere."""
    inverse_consistency: float | None = None
    """Mean distance of a point from where both ways bring it back to, where the reverse transform was given."""
    tre: float | None = None
    """Mean error of landmarks, where there are any."""
    tre_by_landmark: tuple[float, ...] = ()


class Evaluation(BaseModel):
    """Every figure of one registration."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    version: str = __version__
    command: str | None = None
    inputs: dict[str, str] = {}
    length_unit: LengthUnit
    """What every distance is in: pixels, where the file of the fixed labels, or of the reference, tells no spacing."""
    dice: float | None = None
    """Means over labels, as :func:`sarnet.benchmark.means` has them; nothing where none are compared."""
    hd95: float | None = None
    mad: float | None = None
    labels: dict[str, LabelScore] = {}
    transform: TransformScore | None = None


def evaluate(
    fixed: Image,
    warped: Image,
    *,
    labels: tuple[int, ...] | None = None,
    transform: TransformScore | None = None,
) -> Evaluation:
    """Judge a registration by labels.

    Args:
        fixed: Labels of the fixed image.
        warped: Labels of the moving image, resampled on its grid.
        labels: Which to score; where left out, every label but 0 that either holds.
        transform: What :func:`score_transform` says of the transform.

    Raises:
        ShapeError: If the maps differ in size.
        GridError: If they lie elsewhere in the world.
    """
    check_lies_on(warped, fixed, name="warped_labels", beside="fixed_labels")
    scores = score_labels(fixed, warped, labels=labels)
    return Evaluation(length_unit=fixed.length_unit, **means(scores)._asdict(), labels=scores, transform=transform)


def check_lies_on(labels: Image, fixed: Image, *, name: str, beside: str) -> None:
    """Refuse labels or a mask that do not lie where the fixed image does.

    Args:
        labels: What to look at.
        fixed: Labels of the fixed image, or that itself.
        name: What the user calls the first.
        beside: What the user calls the other.

    Raises:
        ShapeError: If they differ in size.
        GridError: If they lie elsewhere in the world.
    """
    if fixed.grid.size != labels.grid.size:
        raise ShapeError(
            f"{name} has size {labels.grid.size}, but {beside} {fixed.grid.size}: bring it onto that grid by "
            "'sarnet apply --interpolation nearest'"
        )
    is_placed = fixed.length_unit == labels.length_unit == "mm"  # pictures do not know where they lie
    if is_placed and not fixed.grid.same_as(labels.grid):
        raise GridError(
            f"{name} lies elsewhere in the world than {beside} (spacing, origin or direction differ): bring it "
            "onto that grid by 'sarnet apply --interpolation nearest'"
        )


def score_transform(
    transform: Transform,
    grid: Grid,
    *,
    inside: Bool[np.ndarray, "*space"] | None = None,
    reverse: Transform | None = None,
    landmarks: tuple[PointSet, PointSet] | None = None,
) -> TransformScore:
    """Judge a transform, field and affine map together.

    Args:
        transform: From fixed to moving space.
        grid: Of the fixed image.
        inside: Voxels to count, all where it is left out.
        reverse: What registering the pair the other way round gave, never the numerical inverse.
        landmarks: Of the fixed and of the moving image; rows correspond.

    Raises:
        InputError: If ``inside`` holds no voxel.
        GridError: If the numbers of axes differ.
        ShapeError: If there are not as many landmarks of both.
    """
    inside = np.ones(grid.shape, bool) if inside is None else inside
    if not inside.any():
        raise InputError("mask holds no voxel to count")
    determinant = jacobian(transform, grid).array
    folded = determinant[inside] <= 0
    errors = () if landmarks is None else _errors(transform, *landmarks)
    return TransformScore(
        folding_percent=100 * float(folded.mean()),
        sd_log_jacobian=None if folded.all() else sd_log_jacobian(determinant, inside=inside),
        inverse_consistency=None if reverse is None else _both_ways(transform, reverse, grid, inside),
        tre=float(np.mean(errors)) if errors else None,
        tre_by_landmark=errors,
    )


def _both_ways(there: Transform, back: Transform, grid: Grid, inside: np.ndarray) -> float:
    round_trip = compose(there, back, grid=grid).total_displacement()
    return float(np.linalg.norm(round_trip, axis=-1)[inside].mean())


def _errors(transform: Transform, fixed: PointSet, moving: PointSet) -> tuple[float, ...]:
    axes = transform.grid.dimension
    found = transform.points(fixed.points_world[:, :axes])
    return tuple(target_registration_error_mm(found, moving.points_world[:, :axes]).tolist())
