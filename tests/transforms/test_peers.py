"""The same transform, applied by this package and by the programs whose formats it writes, gives the same image."""

from dataclasses import dataclass, replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from sarnet.images import Image, write_image
from sarnet.transforms import Transform, apply, read_transform, write_format

pytestmark = pytest.mark.filterwarnings("ignore")  # theirs


@dataclass
class Pair:
    """Files of two images on grids of their own, and transforms between them."""

    folder: Path
    fixed: Image
    moving: Image
    full: Transform
    affine: Transform

    def write(self, name: str, form: str, *, affine: bool = False) -> str:
        path = self.folder / name
        write_format(self.affine if affine else self.full, path, form, moving=self.moving.grid)
        return str(path)

    def differs(self, theirs: np.ndarray, *, affine: bool = False) -> float:
        """How many voxels in a thousand differ by more than interpolation does: programs treat edges differently."""
        transform = self.affine if affine else self.full
        ours = apply(transform, self.moving, self.fixed.grid, interpolation="linear", outside=0).array
        assert (ours > 0.1).mean() > 0.1
        assert np.abs(ours - theirs).mean() < 1e-4
        return 1000 * float((np.abs(ours - theirs) > 2e-3).mean())


@pytest.fixture(params=["RAS", "LAS", "LPS", "oblique"])
def pair(request, oriented, oblique, phantom, turned_and_bumpy, tmp_path) -> Pair:
    grid = oriented(request.param)
    middle = np.array(grid.origin) + grid.voxel_to_world() @ (np.array(grid.shape) / 2)
    other = replace(oblique(3), size=(36, 30, 22))
    offset = other.voxel_to_world() @ (np.array(other.shape) / 2)
    other = replace(other, origin=tuple((middle - offset).tolist()))
    full = turned_and_bumpy(grid)
    write_image(phantom(grid), tmp_path / "fixed.nii.gz")
    write_image(phantom(other), tmp_path / "moving.nii.gz")
    return Pair(tmp_path, phantom(grid), phantom(other), full, full.with_displacement(None))


def world_ras(transform: Transform) -> np.ndarray:
    """The affine map in RAS millimetres."""
    turn = np.diag([-1, -1, 1, 1])
    return turn @ transform.homogeneous() @ turn


@pytest.mark.parametrize(("name", "form"), [("t.h5", "itk"), ("d.nii.gz", "itk-field"), ("d.mha", "itk-field")])
def test_simpleitk(pair, name, form):
    path = pair.write(name, form)

    if form == "itk":
        transform = sitk.ReadTransform(path)
    else:
        transform = sitk.DisplacementFieldTransform(sitk.ReadImage(path, sitk.sitkVectorFloat64))
    fixed, moving = pair.fixed.to_itk(), pair.moving.to_itk()
    warped = sitk.Resample(moving, fixed, transform, sitk.sitkLinear, 0.0)

    assert pair.differs(sitk.GetArrayFromImage(warped)) == 0


@pytest.mark.parametrize(("name", "form"), [("t.h5", "itk"), ("d.nii.gz", "itk-field"), ("a.mat", "itk")])
def test_ants(pair, name, form):
    ants = pytest.importorskip("ants")
    affine = name == "a.mat"
    path = pair.write(name, form, affine=affine)

    fixed, moving = (ants.image_read(str(pair.folder / f"{each}.nii.gz")) for each in ("fixed", "moving"))
    warped = ants.apply_transforms(fixed, moving, [path], interpolator="linear").numpy().T

    assert pair.differs(warped, affine=affine) == 0


@pytest.mark.parametrize(
    ("name", "form", "theirs"),
    [("t.h5", "itk", "itk"), ("d.nii.gz", "itk-field", "itk"), ("a.lta", "freesurfer", "fs"), ("a.mat", "fsl", "fsl")],
)
def test_nitransforms(pair, name, form, theirs):
    pytest.importorskip("nitransforms")
    from nitransforms.linear import load as load_linear
    from nitransforms.manip import load as load_chain
    from nitransforms.nonlinear import DenseFieldTransform
    from nitransforms.resampling import apply as resample

    affine = name[0] == "a"
    path = pair.write(name, form, affine=affine)
    fixed, moving = (nib.load(pair.folder / f"{each}.nii.gz") for each in ("fixed", "moving"))
    if affine:
        transform = load_linear(path, fmt=theirs, reference=fixed, moving=moving)
    else:
        transform = load_chain(path, fmt=theirs) if form == "itk" else DenseFieldTransform.from_filename(path, theirs)

    warped = resample(transform, moving, reference=fixed, order=1)

    assert pair.differs(np.asarray(warped.dataobj).T, affine=affine) < 10


@pytest.mark.parametrize("name", ["l.nii.gz", "l.npz"])
def test_scipy_with_learn2regs_convention(pair, name):
    path = pair.write(name, "learn2reg")

    disp = np.load(path)["arr_0"] if name.endswith("npz") else nib.load(path).get_fdata()
    assert disp.shape == (*pair.fixed.grid.size, 3)
    places = np.indices(pair.fixed.grid.size) + np.moveaxis(disp, -1, 0)
    warped = ndimage.map_coordinates(pair.moving.array.T, places, order=1).T

    assert pair.differs(warped) < 10


def test_fsls_field_by_fslpy(pair):
    pytest.importorskip("fsl")
    from fsl.data.image import Image as FslImage
    from fsl.transform.fnirt import readFnirt
    from fsl.transform.nonlinear import applyDeformation

    path = pair.write("w.nii.gz", "fsl")
    fixed, moving = (FslImage(str(pair.folder / f"{each}.nii.gz")) for each in ("fixed", "moving"))

    field = readFnirt(path, moving, fixed, defType="relative")
    warped = applyDeformation(moving, field, order=1, mode="constant").T

    assert pair.differs(warped) < 10


def test_flirts_matrix_by_fslpy(pair):
    pytest.importorskip("fsl")
    from fsl.data.image import Image as FslImage
    from fsl.transform.flirt import fromFlirt, readFlirt

    path = pair.write("a.mat", "fsl", affine=True)
    fixed, moving = (FslImage(str(pair.folder / f"{each}.nii.gz")) for each in ("fixed", "moving"))

    moving_to_fixed = fromFlirt(readFlirt(path), moving, fixed, from_="world", to="world")

    np.testing.assert_allclose(np.linalg.inv(moving_to_fixed), world_ras(pair.affine), atol=1e-4)


def test_freesurfers_affine_by_surfa(pair):
    surfa = pytest.importorskip("surfa")
    path = pair.write("a.lta", "freesurfer", affine=True)

    affine = surfa.load_affine(path)
    warped = surfa.load_volume(str(pair.folder / "moving.nii.gz")).transform(affine, resample=True)

    assert (affine.space.name, tuple(affine.source.shape)) == ("world", pair.moving.grid.size)
    np.testing.assert_allclose(np.linalg.inv(affine.matrix), world_ras(pair.affine), atol=1e-6)
    assert pair.differs(warped.data.T, affine=True) < 10


def test_freesurfers_warp_by_surfa(pair, monkeypatch):
    surfa = pytest.importorskip("surfa")
    # surfa 0.6 calls a function that newer NumPy has under this name alone
    monkeypatch.setattr(np, "fromstring", lambda text, dtype: np.frombuffer(text, dtype).copy())
    path = pair.write("w.mgz", "freesurfer")

    warp = surfa.load_warp(path)
    warped = surfa.load_volume(str(pair.folder / "moving.nii.gz")).transform(warp)

    assert tuple(warp.source.shape) == pair.moving.grid.size
    assert tuple(warp.target.shape) == pair.fixed.grid.size
    assert pair.differs(warped.data.T) < 10


def test_an_affine_map_by_surfa_is_read(pair):
    surfa = pytest.importorskip("surfa")
    affine = surfa.load_affine(pair.write("a.lta", "freesurfer", affine=True))
    affine.convert(space="vox").save(str(pair.folder / "voxels.lta"))

    back = read_transform(pair.folder / "voxels.lta")

    assert back.grid.same_as(pair.fixed.grid, tolerance=1e-3)
    np.testing.assert_allclose(back.homogeneous(), pair.affine.homogeneous(), atol=1e-4)
