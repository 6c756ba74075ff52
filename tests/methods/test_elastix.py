from importlib.util import find_spec

import numpy as np
import pytest
import SimpleITK as sitk

from sarnet.config import ENGINES, ElastixSettings
from sarnet.images import Grid
from sarnet.methods import ElastixMethod
from sarnet.methods.elastix import _affine_stage, _bspline_stage, _run, _to_itk, _to_world, control_spacing
from sarnet.metrics import dice
from sarnet.transforms import Transform, apply, read_transform

itk = pytest.importorskip("itk")
pytestmark = pytest.mark.skipif(find_spec("itk.ElastixPython") is None, reason="itk is there without elastix")

FAST = ElastixSettings(control_spacing_mm=(40.0, 20.0), downsampling=(2, 1), iterations=150)


@pytest.fixture(scope="module")
def method():
    return ElastixMethod.find("elastix", FAST, threads=1)


@pytest.mark.parametrize("affine_start", [True, False])
def test_image_is_resampled_as_elastix_does(affine_start, pair, tmp_path):
    stages = [_affine_stage(FAST, pair.fixed.grid)] if affine_start else []
    stages.append(_bspline_stage(FAST, pair.fixed.grid))
    tables = _run(pair.fixed, pair.moving, stages, threads=1, seed=0)

    warped = apply(_to_world(tables, pair.fixed.grid), pair.moving, pair.fixed.grid, interpolation="linear", outside=0)

    found = itk.ParameterObject.New()
    for table in tables:
        own = itk.ParameterObject.GetDefaultParameterMap("affine")
        own.clear()
        for name, values in {**table, "ResampleInterpolator": ["FinalLinearInterpolator"]}.items():
            own[name] = values
        found.AddParameterMap(own)
    transformix = itk.TransformixFilter.New(_to_itk(pair.moving, itk), found)
    transformix.SetLogToConsole(False)
    transformix.SetOutputDirectory(str(tmp_path))
    transformix.UpdateLargestPossibleRegion()
    wanted = itk.array_from_image(transformix.GetOutput())
    # linear reading of a field at its own voxels: only the affine map's order makes a difference, by rounding
    np.testing.assert_allclose(warped.array, wanted, atol=1e-3 * wanted.max())


def test_composite_that_elastix_writes_is_read(pair, tmp_path):
    parameters = itk.ParameterObject.New()
    for kind in ("affine", "bspline"):
        stage = itk.ParameterObject.GetDefaultParameterMap(kind, 2)
        stage["MaximumNumberOfIterations"] = ["30"]
        stage["FinalBSplineInterpolationOrder"] = ["1"]
        stage["ITKTransformOutputFileNameExtension"] = ["h5"]
        stage["WriteITKCompositeTransform"] = ["true"]
        parameters.AddParameterMap(stage)
    images = (_to_itk(image, itk) for image in (pair.fixed, pair.moving))
    wanted, _ = itk.elastix_registration_method(
        *images, parameter_object=parameters, output_directory=str(tmp_path), log_to_console=False
    )

    found = read_transform(tmp_path / "TransformParameters.1-Composite.h5", grid=pair.fixed.grid)

    warped = apply(found, pair.moving, pair.fixed.grid, interpolation="linear", outside=0).array
    theirs = itk.array_from_image(wanted)
    unmoved = apply(Transform.identity(pair.fixed.grid), pair.moving, pair.fixed.grid, interpolation="linear").array
    # the image that elastix resampled itself is a hundredth of a voxel off that of ITK by the file that it wrote
    off, moved = (np.abs(each - theirs)[theirs > 0].mean() for each in (warped, unmoved))
    assert off < 0.04 * moved
    itk_transform = sitk.ReadTransform(str(tmp_path / "TransformParameters.1-Composite.h5"))
    resampled = sitk.Resample(pair.moving.to_itk(), pair.fixed.grid.empty_itk(), itk_transform, sitk.sitkLinear, 0.0)
    np.testing.assert_allclose(warped, sitk.GetArrayFromImage(resampled), atol=1e-3 * theirs.max())


def test_tissues_overlap_more(pair, method):
    found = method.register(pair.fixed, pair.moving)

    before, after = (
        apply(transform, pair.moving_labels, pair.fixed.grid, interpolation="nearest", outside=0).array
        for transform in (Transform.identity(pair.fixed.grid), found.transform)
    )
    overlaps = [np.mean(list(dice(pair.fixed_labels.array, labels).values())) for labels in (before, after)]
    assert overlaps[1] > overlaps[0] + 0.05
    assert found.seconds == pytest.approx(sum(found.seconds_by_stage.values()))


def test_nothing_is_printed_or_left_behind(pair, method, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)

    method.register(pair.fixed, pair.moving)

    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_papers_grid_holds_where_the_image_is_large_and_shrinks_where_it_is_small():
    paper = ENGINES["elastix-paper"]

    assert control_spacing(paper, Grid.plain((160, 100))) == (80, 40, 20, 10, 5)
    assert control_spacing(paper, Grid.plain((80, 60))) == (40, 20, 10, 5, 2.5)
    assert control_spacing(paper, Grid.plain((80, 60), spacing=(1.0, 2.0))) == (80, 40, 20, 10, 5)


def test_settings_reach_elastixs_own_names():
    settings = FAST.model_copy(update={"metric": "AdvancedNormalizedCorrelation", "samples": 77, "bending": 0.5})

    plain, bent = (
        _bspline_stage(each, Grid.plain((160, 100))) for each in (settings.model_copy(update={"bending": 0}), settings)
    )

    assert plain["Metric"] == ["AdvancedNormalizedCorrelation"]
    assert plain["NumberOfSpatialSamples"] == ["77"]
    assert plain["MaximumNumberOfIterations"] == ["150"]
    assert (plain["NumberOfResolutions"], plain["ImagePyramidSchedule"]) == (["2"], ["2", "2", "1", "1"])
    assert plain["GridSpacingSchedule"] == ["2.0", "2.0", "1.0", "1.0"]
    assert bent["Metric"] == ["AdvancedNormalizedCorrelation", "TransformBendingEnergyPenalty"]
    assert (bent["Metric0Weight"], bent["Metric1Weight"]) == (["1"], ["0.5"])


def test_bending_energy_makes_a_smoother_field(pair):
    def roughness(bending):
        settings = FAST.model_copy(update={"bending": bending})
        found = ElastixMethod.find("elastix", settings, threads=1).register(pair.fixed, pair.moving)
        field = found.transform.displacement
        return sum(float(np.square(np.diff(field, n=2, axis=axis)).mean()) for axis in (0, 1))

    assert roughness(500.0) < roughness(0.0) / 5


def test_settings_tell_engine_and_threads(method):
    assert method.settings["control_spacing_mm"] == [40.0, 20.0]
    assert method.settings["version"].startswith("itk-elastix 0.")
    assert method.settings["threads"] == 1
