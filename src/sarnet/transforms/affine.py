"""Rigid and affine alignment of two images: the start of every registration, and all of it where no more is asked."""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import scipy.linalg
import SimpleITK as sitk
from jaxtyping import Float

from sarnet.errors import GridError, InputError
from sarnet.images.image import Image
from sarnet.images.intensity import border_value
from sarnet.transforms.transform import Transform

AffineKind = Literal["rigid", "affine"]
"""``rigid`` turns and shifts; ``affine`` also scales and shears."""

_Model = sitk.Euler2DTransform | sitk.Euler3DTransform | sitk.AffineTransform

_LOGGER = logging.getLogger(__name__)

# Voxels along the longest side of the fixed image at the coarse and the fine level, by number of axes, and the most
# steps taken there. Mutual information has settled at these sizes: larger ones cost time and moved no Dice.
_LONGEST = {2: (64, 96), 3: (32, 64)}
_ITERATIONS = (60, 40)
_BINS = 24
_SAMPLES = 2**16  # voxels that a step looks at
_SEED = 1  # where in its neighbourhood each of them is read; to ITK, zero is the time of day
_LEAST_GAIN = 0.01  # of the cost: an image and itself, slightly blurred by interpolation, may gain less than this
_FEWEST_VOXELS = 4  # along an axis: what ITK's gradient needs
_REFINED_STARTS = 2
_ROUNDING = 1e4  # parts of a root that are imaginary by no more roundings than this are real
_SHEARED = 1.2  # how much more a root may stretch one direction beside another than half of the map does
_MOST_VOXELS = 4  # times the longest side of a level: along an axis of the moving copy


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """An affine transform, what it gained and how it was found."""

    transform: Transform
    """Affine alone, on the grid of the fixed image, or of the initial transform."""

    cost_initial: float
    """Negative mutual information (nats), the mean of both ways, of the two images as they came, or under the initial
    transform."""

    cost_final: float
    """The same under ``transform``."""

    iterations: int
    """Steps of the optimiser, both ways."""

    start: str
    """Where the search began: ``"headers"`` or ``"initial"``, ``"centres"`` or ``"masses"``."""

    kept: bool
    """Whether the search lowered the cost; if not, ``transform`` is what it was compared with."""


def align(
    fixed: Image,
    moving: Image,
    *,
    kind: AffineKind,
    initial: Transform | None = None,
    fixed_mask: Image | None = None,
    moving_mask: Image | None = None,
    threads: int | None = None,
) -> Alignment:
    r"""Find the rigid or affine map of fixed space onto moving space under which the images tell most of each other.

    The cost is the negative mutual information (Mattes), so the two may differ in contrast. Three starts compete: the
    images as their headers place them, their grids centred on each other, and their centres of mass. The best two are
    optimised on coarse copies and the better of them on finer ones, by gradient descent on every voxel. That is done
    both ways, with the images exchanged, too, and of both maps and the one midway the best both ways is taken: the
    same one, whichever image is called the fixed one.

    .. math:: \hat A = \arg\min_A -\tfrac12 \left(I\left(F(x), M(A x)\right) + I\left(M(x), F(A^{-1} x)\right)\right)

    Args:
        fixed: Image in whose space the transform starts, of any intensity unit.
        moving: Image that the transform leads to; may have another grid, but as many axes.
        kind: What the map may do.
        initial: Affine transform to begin with, instead of the three starts; a rigid map is then joined to it.
        fixed_mask: Where the fixed image counts (non-zero), on its grid.
        moving_mask: The same for the moving image.
        threads: Threads for making the copies, and whether both ways are searched at once; all cores where it is left
            out. The result does not depend on it.

    Returns:
        The transform, which is the initial one (or the identity) where the search did not lower the cost.

    Raises:
        InputError: If an image is constant, not finite or thinner than four voxels, ``initial`` holds a field or
            ``kind`` is unknown.
        GridError: If the numbers of axes differ or a mask lies on another grid than its image.

    Notes:
        The same input gives the same bits. For that, ITK's default number of threads is one while this runs:
        its metric ignores any other setting and adds up in the order in which threads end. On such small copies
        one thread for each way is no slower.

    References:
        Mattes et al., PET-CT image registration in the chest using free-form deformations, IEEE TMI 22, 2003.
        https://doi.org/10.1109/TMI.2003.809072
    """
    if kind not in ("rigid", "affine"):
        raise InputError(f"kind is {kind!r}, but must be 'rigid' or 'affine'")
    _check_pair(fixed, moving, fixed_mask, moving_mask)
    if initial is not None and initial.displacement is not None:
        raise InputError("initial holds a displacement field, but align starts from an affine transform alone")
    if initial is not None and initial.grid.dimension != fixed.grid.dimension:
        raise GridError(f"initial has {initial.grid.dimension} axes, but fixed has {fixed.grid.dimension}")
    there = _levels(fixed, moving, fixed_mask, moving_mask, threads)
    back = _levels(moving, fixed, moving_mask, fixed_mask, threads)
    base = Transform.identity(fixed.grid) if initial is None else initial
    with _one_thread():
        return _agreed(there, back, kind, base, has_initial=initial is not None, at_once=threads != 1)


class _Level(NamedTuple):
    """A pair of images at one resolution, float32, and where they count."""

    fixed: sitk.Image
    moving: sitk.Image
    fixed_mask: sitk.Image | None
    moving_mask: sitk.Image | None


class _Levels(NamedTuple):
    """A pair at both resolutions."""

    coarse: _Level
    fine: _Level


class _Found(NamedTuple):
    """What an optimisation led to."""

    cost: float
    transform: sitk.Transform
    model: _Model
    iterations: int
    start: str


def _agreed(
    there: _Levels, back: _Levels, kind: AffineKind, base: Transform, *, has_initial: bool, at_once: bool
) -> Alignment:
    """What the searches both ways agree on: one of their maps, or the one midway, by the cost of both ways."""
    search = partial(_search, kind=kind, has_initial=has_initial)
    starts = base.to_itk(), _inverse(base).to_itk()
    if at_once:
        with ThreadPoolExecutor(2) as pool:  # ITK computes without Python's lock
            forward, backward = pool.map(search, (there, back), starts)
    else:
        forward, backward = map(search, (there, back), starts)
    found = Transform.from_itk(forward.transform, base.grid)
    undone = _inverse(Transform.from_itk(backward.transform, base.grid))
    candidates = [each for each in (found, undone, _midway(found, undone)) if each is not None]
    costs = [_cost_both_ways(there.fine, back.fine, each) for each in candidates]
    lowest = int(np.argmin(costs))
    cost_initial = _cost_both_ways(there.fine, back.fine, base)
    kept = costs[lowest] < cost_initial - _LEAST_GAIN * abs(cost_initial)
    _LOGGER.info("aligned from %s: cost %.4f -> %.4f, kept %s", forward.start, cost_initial, costs[lowest], kept)
    return Alignment(
        transform=candidates[lowest] if kept else base,
        cost_initial=cost_initial,
        cost_final=costs[lowest] if kept else cost_initial,
        iterations=forward.iterations + backward.iterations,
        start=(backward if lowest == 1 else forward).start,
        kept=kept,
    )


def _midway(first: Transform, second: Transform) -> Transform | None:
    r"""The map in the middle of two, :math:`A (A^{-1} B)^{1/2}`, whichever of them comes first.

    Its inverse lies midway between theirs, and between two rigid maps lies a rigid one. None where they are so
    far from each other that there is no middle.
    """
    between = affine_root(np.linalg.solve(first.homogeneous(), second.homogeneous()))
    return None if between is None else Transform.from_homogeneous(first.homogeneous() @ between, first.grid)


def affine_root(matrix: Float[np.ndarray, "row column"]) -> Float[np.ndarray, "row column"] | None:
    r"""Return the affine map that, done twice, is the one given: both homogeneous matrices.

    .. math:: H H = A: \quad H = \begin{pmatrix} M^{1/2} & (M^{1/2} + 1)^{-1} t \\ 0 & 1 \end{pmatrix}

    None where there is no real one (a mirror), or it would shear much where the map itself hardly does: close to a turn
    by 180 degrees half of it may go either way.
    """
    linear = matrix[:-1, :-1]
    # of a turn the root is complex in type alone
    root = np.real_if_close(scipy.linalg.sqrtm(linear), tol=_ROUNDING)
    if np.iscomplexobj(root) or not np.allclose(root @ root, linear, atol=1e-6):
        return None
    if np.linalg.cond(root) > _SHEARED * np.sqrt(np.linalg.cond(linear)):
        return None
    half = np.eye(len(matrix))
    half[:-1, :-1] = root
    half[:-1, -1] = np.linalg.solve(root + np.eye(len(root)), matrix[:-1, -1])
    return half


def _inverse(affine: Transform) -> Transform:
    return Transform.from_homogeneous(np.linalg.inv(affine.homogeneous()), affine.grid)


def _cost_both_ways(there: _Level, back: _Level, transform: Transform) -> float:
    return (_cost(there, transform.to_itk()) + _cost(back, _inverse(transform).to_itk())) / 2


def _search(levels: _Levels, base: sitk.Transform, *, kind: AffineKind, has_initial: bool) -> _Found:
    """The better of two searches from different starts."""
    coarse, fine = levels
    starts = {"initial": base} if has_initial else _starts(coarse)
    centre = _mass(coarse.fixed, coarse.fixed_mask).tolist()

    ranked = sorted(starts, key=lambda name: _cost(coarse, starts[name]))
    found = []
    for name in ranked[:_REFINED_STARTS]:
        found.append(_optimise(coarse, _rigid(centre), starts[name], _ITERATIONS[0], name))
    best = min(found, key=lambda each: each.cost)
    # the rigid map that the coarse level found is where an affine one goes on from
    model = best.model if kind == "rigid" else _as_affine(best.model)
    last = _optimise(fine, model, starts[best.start], _ITERATIONS[1], best.start)
    return last._replace(iterations=best.iterations + last.iterations)


def _check_pair(fixed: Image, moving: Image, fixed_mask: Image | None, moving_mask: Image | None) -> None:
    if fixed.grid.dimension != moving.grid.dimension:
        raise GridError(f"fixed has {fixed.grid.dimension} axes, but moving has {moving.grid.dimension}")
    for name, image, mask in (("fixed", fixed, fixed_mask), ("moving", moving, moving_mask)):
        if min(image.grid.size) < _FEWEST_VOXELS:
            raise InputError(
                f"{name} has size {image.grid.size}, but the affine search needs {_FEWEST_VOXELS} voxels "
                "along each axis: begin without one (--no-affine, affine_start=false), or give a single slice as a 2-D "
                "image"
            )
        low, high = float(image.array.min()), float(image.array.max())
        if not np.isfinite([low, high]).all():
            raise InputError(f"{name} holds values that are not finite, but align needs numbers: replace them first")
        if low == high:
            raise InputError(f"{name} is {low:g} everywhere, but align needs an image with contrast")
        if mask is not None and not mask.grid.same_as(image.grid):
            raise GridError(f"{name}_mask has another grid than {name}: resample it to that of {name}")
        if mask is not None and not mask.array.any():
            raise InputError(f"{name}_mask is zero everywhere, but must say where {name} counts")


def _levels(
    fixed: Image, moving: Image, fixed_mask: Image | None, moving_mask: Image | None, threads: int | None
) -> _Levels:
    """Coarse and fine copies of the pair, at the voxel size that the fixed image needs.

    A moving image that is many times as large has larger voxels, or it would fill the memory.
    """
    levels = []
    for longest in _LONGEST[fixed.grid.dimension]:
        spacing = _longest_mm(fixed) / longest
        coarser = max(spacing, _longest_mm(moving) / (_MOST_VOXELS * longest))
        masks = [
            None if mask is None else _shrink(mask, each, threads) != 0
            for mask, each in ((fixed_mask, spacing), (moving_mask, coarser))
        ]
        images = [_shrink(fixed, spacing, threads), _shrink(moving, coarser, threads)]
        levels.append(_Level(_clip(images[0], masks[0]), _clip(images[1], masks[1]), masks[0], masks[1]))
    return _Levels(*levels)


def _longest_mm(image: Image) -> float:
    return float(max(np.array(image.grid.size) * np.array(image.grid.spacing)))


def _shrink(image: Image, spacing_mm: float, threads: int | None) -> sitk.Image:
    """Average blocks of voxels to about ``spacing_mm``, leaving as many along each axis as ITK's gradient needs."""
    size = np.array(image.grid.size)
    factors = np.round(spacing_mm / np.array(image.grid.spacing)).astype(int)
    factors = np.clip(factors, 1, size // (2 * _FEWEST_VOXELS)).clip(1)
    shrink = sitk.BinShrinkImageFilter()
    shrink.SetShrinkFactors(factors.tolist())
    if threads is not None:
        shrink.SetNumberOfThreads(threads)
    itk: sitk.Image = shrink.Execute(sitk.Cast(image.to_itk(), sitk.sitkFloat32))
    return itk


def _clip(image: sitk.Image, mask: sitk.Image | None) -> sitk.Image:
    """Cut half a per cent off either end, or a few bright voxels would take most of the histogram's bins."""
    values = sitk.GetArrayViewFromImage(image)
    if mask is not None:
        values = values[sitk.GetArrayViewFromImage(mask) != 0]
    low, high = np.quantile(values, (0.005, 0.995)).tolist()
    if low < high:
        image = sitk.Clamp(image, lowerBound=low, upperBound=high)
    return image


def _starts(level: _Level) -> dict[str, sitk.Transform]:
    """The translations that compete, none of them less than a voxel from another."""
    axes = level.fixed.GetDimension()
    centres = _centre(level.moving) - _centre(level.fixed)
    masses = _mass(level.moving, level.moving_mask) - _mass(level.fixed, level.fixed_mask)
    shifts = {"headers": np.zeros(axes), "centres": centres, "masses": masses}
    voxel = min(level.fixed.GetSpacing())
    distinct: dict[str, np.ndarray] = {}
    for name, shift in shifts.items():
        if all(np.abs(shift - other).max() > voxel for other in distinct.values()):
            distinct[name] = shift
    return {name: sitk.TranslationTransform(axes, shift.tolist()) for name, shift in distinct.items()}


def _centre(image: sitk.Image) -> Float[np.ndarray, " axis"]:
    """World position of the middle of the grid."""
    middle = [(size - 1) / 2 for size in image.GetSize()]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(middle))


def _mass(image: sitk.Image, mask: sitk.Image | None) -> Float[np.ndarray, " axis"]:
    """World position of the centre of mass of what stands out of the lowest intensity."""
    weight = sitk.GetArrayFromImage(image).astype(np.float64)
    weight -= weight.min()
    if mask is not None:
        weight *= sitk.GetArrayFromImage(mask)
    if weight.sum() == 0:
        return _centre(image)
    axes = np.meshgrid(*(np.arange(size) for size in weight.shape), indexing="ij", sparse=True)
    index = [float((weight * axis).sum() / weight.sum()) for axis in reversed(axes)]  # x first
    return np.array(image.TransformContinuousIndexToPhysicalPoint(index))


def _rigid(centre: list[float]) -> _Model:
    return sitk.Euler2DTransform(centre) if len(centre) == 2 else sitk.Euler3DTransform(centre)


def _as_affine(rigid: _Model) -> sitk.AffineTransform:
    # mypy forgives SimpleITK its missing types, but not behind a union
    return sitk.AffineTransform(rigid.GetMatrix(), rigid.GetTranslation(), rigid.GetCenter())  # type: ignore[no-untyped-call]


@contextmanager
def _one_thread() -> Iterator[None]:
    before = sitk.ProcessObject.GetGlobalDefaultNumberOfThreads()
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(before)


def _metric(level: _Level) -> sitk.ImageRegistrationMethod:
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(_BINS)
    method.SetInterpolator(sitk.sitkLinear)
    if level.fixed_mask is not None:
        method.SetMetricFixedMask(level.fixed_mask)
    if level.moving_mask is not None:
        method.SetMetricMovingMask(level.moving_mask)
    return method


def _optimise(level: _Level, model: _Model, start: sitk.Transform, iterations: int, name: str) -> _Found:
    """Descend from ``model``, which acts before ``start``; the end counts only where it costs less."""
    step_mm = min(level.fixed.GetSpacing())
    began = sitk.CompositeTransform([start, model])
    cost = _cost(level, began)
    found = type(model)(model)
    method = _metric(level)
    method.SetOptimizerAsRegularStepGradientDescent(
        learningRate=step_mm,
        minStep=0.01 * step_mm,
        numberOfIterations=iterations,
        relaxationFactor=0.6,
        gradientMagnitudeTolerance=1e-8,
    )
    method.SetOptimizerScalesFromPhysicalShift()  # a unit of any parameter then moves the image equally far
    method.SetMovingInitialTransform(start)
    method.SetInitialTransform(found, inPlace=True)
    share = _SAMPLES / level.fixed.GetNumberOfPixels()
    if share < 1:
        method.SetMetricSamplingStrategy(method.REGULAR)
        method.SetMetricSamplingPercentage(share, _SEED)
    try:
        method.Execute(level.fixed, level.moving)
    except RuntimeError as error:  # the images no longer overlap: the cost below tells that this was no good
        _LOGGER.debug("the search from %s ended early: %s", name, error)
    ended = sitk.CompositeTransform([start, found])
    iterations = int(method.GetOptimizerIteration())
    lower = _cost(level, ended)
    if lower < cost:
        return _Found(lower, ended, found, iterations, name)
    return _Found(cost, began, model, iterations, name)


def _cost(level: _Level, transform: sitk.Transform) -> float:
    """Negative mutual information over all of the fixed image.

    What lies beyond the moving image counts as its background. Counted over the overlap alone, as the optimiser does,
    maps that leave little of it would seem good.
    """
    outside = border_value(sitk.GetArrayViewFromImage(level.moving))
    warped = sitk.Resample(level.moving, level.fixed, transform, sitk.sitkLinear, outside)
    mask = level.moving_mask
    if mask is not None:
        mask = sitk.Resample(mask, level.fixed, transform, sitk.sitkNearestNeighbor, 0.0)
    values = sitk.GetArrayFromImage(warped)
    for counts in (level.fixed_mask, mask):
        values = values if counts is None else values * sitk.GetArrayViewFromImage(counts)
    if values.min() == values.max():  # nothing left to compare
        return 0.0
    method = _metric(level._replace(moving_mask=mask))
    method.SetInitialTransform(sitk.Transform(level.fixed.GetDimension(), sitk.sitkIdentity))
    return float(method.MetricEvaluate(level.fixed, warped))
