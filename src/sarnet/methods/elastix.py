"""elastix through itk-elastix: an affine map, then a cubic B-spline from coarse to fine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import SimpleITK as sitk

from sarnet.config import ElastixSettings
from sarnet.images import Grid, Image
from sarnet.methods.engine import engine_version
from sarnet.methods.method import MethodResult
from sarnet.registration import Clock
from sarnet.transforms import Transform

_INTERVALS = 2
"""Control intervals that the coarsest grid has along the longest side at least."""

_AFFINE_DOWNSAMPLING = (4, 2, 1)


@dataclass(frozen=True, kw_only=True)
class ElastixMethod:
    """elastix with one of its settings."""

    name: str
    elastix: ElastixSettings
    threads: int
    seed: int
    version: str
    """Of itk-elastix."""

    @classmethod
    def find(cls, name: str, elastix: ElastixSettings, *, threads: int, seed: int = 0) -> "ElastixMethod":
        """Return the method, if its engine is there.

        Raises:
            MissingExtraError: If itk-elastix is not installed.
        """
        return cls(name=name, elastix=elastix, threads=threads, seed=seed, version=engine_version("itk-elastix"))

    @property
    def settings(self) -> dict[str, Any]:
        """Elastix's settings, threads, seed and version."""
        own = {"threads": self.threads, "seed": self.seed, "version": f"itk-elastix {self.version}"}
        return {**self.elastix.model_dump(mode="json"), **own}

    def register(self, fixed: Image, moving: Image, *, affine_start: bool = True) -> MethodResult:
        """As :class:`sarnet.methods.Method` has it; both stages are one run of elastix."""
        clock = Clock()
        with clock.stage("elastix"):
            stages = [_affine_stage(self.elastix, fixed.grid)] if affine_start else []
            stages.append(_bspline_stage(self.elastix, fixed.grid))
            found = _run(fixed, moving, stages, threads=self.threads, seed=self.seed)
        with clock.stage("to world"):
            transform = _to_world(found, fixed.grid)
        return MethodResult(transform=transform, seconds_by_stage=clock.seconds)


_Parameters = dict[str, list[str]]
"""elastix's own name to its values, as its parameter files have them."""


def control_spacing(settings: ElastixSettings, grid: Grid) -> tuple[float, ...]:
    """Return the spacing of every level in millimetres, all shrunk alike where the image is smaller than the grid."""
    longest = max(size * spacing for size, spacing in zip(grid.size, grid.spacing))
    share = min(1.0, longest / (_INTERVALS * settings.control_spacing_mm[0]))
    return tuple(share * spacing for spacing in settings.control_spacing_mm)


def _affine_stage(settings: ElastixSettings, grid: Grid) -> _Parameters:
    return {
        **_stage(settings, grid, _AFFINE_DOWNSAMPLING),
        "Registration": ["MultiResolutionRegistration"],
        "Metric": ["AdvancedMattesMutualInformation"],
        "Transform": ["AffineTransform"],
        "AutomaticScalesEstimation": ["true"],
        "AutomaticTransformInitialization": ["true"],
        "AutomaticTransformInitializationMethod": ["CenterOfGravity"],
    }


def _bspline_stage(settings: ElastixSettings, grid: Grid) -> _Parameters:
    spacing = control_spacing(settings, grid)
    schedule = [each / spacing[-1] for each in spacing for _ in grid.size]
    stage: _Parameters = {
        **_stage(settings, grid, settings.downsampling),
        "Registration": ["MultiResolutionRegistration"],
        "Metric": [settings.metric],
        "Transform": ["BSplineTransform"],
        "FinalGridSpacingInPhysicalUnits": [repr(spacing[-1])],
        "GridSpacingSchedule": [repr(each) for each in schedule],
    }
    if settings.bending:
        stage["Registration"] = ["MultiMetricMultiResolutionRegistration"]
        stage["Metric"] += ["TransformBendingEnergyPenalty"]
        stage |= {"Metric0Weight": ["1"], "Metric1Weight": [repr(settings.bending)]}
    return stage


def _stage(settings: ElastixSettings, grid: Grid, downsampling: tuple[int, ...]) -> _Parameters:
    """What both stages share."""
    return {
        "FixedImagePyramid": ["FixedRecursiveImagePyramid"],
        "MovingImagePyramid": ["MovingRecursiveImagePyramid"],
        "NumberOfResolutions": [str(len(downsampling))],
        "ImagePyramidSchedule": [str(factor) for factor in downsampling for _ in grid.size],
        "Interpolator": ["LinearInterpolator"],
        "ResampleInterpolator": ["FinalLinearInterpolator"],
        "Resampler": ["DefaultResampler"],
        "Optimizer": ["AdaptiveStochasticGradientDescent"],
        "AutomaticParameterEstimation": ["true"],
        "MaximumNumberOfIterations": [str(settings.iterations)],
        "ImageSampler": ["RandomCoordinate"],
        "NumberOfSpatialSamples": [str(settings.samples)],
        "NewSamplesEveryIteration": ["true"],
        "HowToCombineTransforms": ["Compose"],
        "WriteResultImage": ["false"],
        "WriteTransformParametersEachResolution": ["false"],
    }


def _run(
    fixed: Image, moving: Image, stages: list[_Parameters], *, threads: int, seed: int
) -> list[dict[str, tuple[str, ...]]]:
    """Run elastix and return what it says of the transform of every stage."""
    import itk  # noqa: PLC0415  only who compares with elastix has it, and it takes seconds to import

    parameters = itk.ParameterObject.New()
    for stage in stages:
        table = itk.ParameterObject.GetDefaultParameterMap("affine")
        table.clear()
        for name, values in {**stage, "RandomSeed": [str(seed)]}.items():
            table[name] = values
        parameters.AddParameterMap(table)
    method = itk.ElastixRegistrationMethod.New(_to_itk(fixed, itk), _to_itk(moving, itk))
    method.SetParameterObject(parameters)
    method.SetLogToConsole(False)
    with _default_threads(itk, threads):  # the method's own setting of it ends the process
        method.UpdateLargestPossibleRegion()
    found = method.GetTransformParameterObject()
    return [dict(found.GetParameterMap(index)) for index in range(found.GetNumberOfParameterMaps())]


def _to_itk(image: Image, itk: Any) -> Any:
    n = image.grid.dimension
    # C order: of an array in another, itk would take the axes the wrong way round
    result = itk.image_from_array(np.ascontiguousarray(image.array, dtype=np.float32))
    result.SetSpacing(image.grid.spacing)
    result.SetOrigin(image.grid.origin)
    result.SetDirection(itk.matrix_from_array(np.array(image.grid.direction).reshape(n, n)))
    return result


@contextmanager
def _default_threads(itk: Any, threads: int) -> Iterator[None]:
    before = itk.MultiThreaderBase.GetGlobalDefaultNumberOfThreads()
    itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(threads)
    try:
        yield
    finally:
        itk.MultiThreaderBase.SetGlobalDefaultNumberOfThreads(before)


def _to_world(found: list[dict[str, tuple[str, ...]]], grid: Grid) -> Transform:
    """Elastix applies the affine map first, this package the field: the field is carried over to before the map."""
    bspline = _bspline(found[-1])
    if len(found) == 1:
        return Transform.from_itk(bspline, grid)
    affine = _affine(found[0])
    before = sitk.CompositeTransform([affine.GetInverse(), bspline, affine])  # the last acts first
    field = Transform.from_itk(before, grid).displacement
    assert field is not None
    return Transform.from_itk(affine, grid).with_displacement(field)


def _affine(table: dict[str, tuple[str, ...]]) -> sitk.AffineTransform:
    n = int(table["FixedImageDimension"][0])
    numbers = _numbers(table["TransformParameters"])
    return sitk.AffineTransform(numbers[: n * n], numbers[n * n :], _numbers(table["CenterOfRotationPoint"]))


def _bspline(table: dict[str, tuple[str, ...]]) -> sitk.BSplineTransform:
    size = [int(number) for number in reversed(table["GridSize"])]
    grid = Grid.plain(tuple(size))
    controls = np.reshape(_numbers(table["TransformParameters"]), (grid.dimension, *size))
    direction = np.reshape(_numbers(table["GridDirection"]), (grid.dimension, -1)).T  # written column by column
    images = [sitk.GetImageFromArray(component) for component in controls]
    for image in images:
        image.SetSpacing(_numbers(table["GridSpacing"]))
        image.SetOrigin(_numbers(table["GridOrigin"]))
        image.SetDirection(direction.ravel().tolist())
    return sitk.BSplineTransform(images, int(table["BSplineTransformSplineOrder"][0]))


def _numbers(values: tuple[str, ...]) -> list[float]:
    return [float(value) for value in values]
