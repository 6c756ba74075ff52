"""Against Learn2Reg's scorer written down anew: its operations, file by file, on nibabel's arrays."""

import json

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from sarnet.benchmark import joined_scores, read_task, score_cases
from sarnet.errors import DataError

SIZE = (16, 14, 12)
SPACING = (1.5, 1.0, 2.5)
LABELS = [1, 2, 3]


def _save(path, array, spacing=SPACING):
    path.parent.mkdir(exist_ok=True)
    nib.save(nib.Nifti1Image(array, np.diag([*spacing, 1.0])), path)


@pytest.fixture
def task_folder(tmp_path, rng):
    """Three pairs of made-up volumes with three labels, of which one image lacks one, and landmarks."""
    for patient in range(1, 5):
        noise = ndimage.gaussian_filter(rng.normal(size=SIZE), 2)
        labels = np.digitize(noise, np.quantile(noise, [0.4, 0.7, 0.9])).astype(np.int16)
        if patient == 4:
            labels[labels == 3] = 0
        _save(tmp_path / "imagesTr" / f"Made_{patient:04}_0000.nii.gz", noise.astype(np.float32))
        _save(tmp_path / "labelsTr" / f"Made_{patient:04}_0000.nii.gz", labels)
        _save(tmp_path / "masksTr" / f"Made_{patient:04}_0000.nii.gz", (noise > -0.1).astype(np.uint8))
        (tmp_path / "landmarksTr").mkdir(exist_ok=True)
        points = rng.uniform(3, 8, size=(6, 3))
        np.savetxt(tmp_path / "landmarksTr" / f"Made_{patient:04}_0000.csv", points, delimiter=",")
    pairs = [
        {"fixed": f"./imagesTr/Made_{a:04}_0000.nii.gz", "moving": f"./imagesTr/Made_{b:04}_0000.nii.gz"}
        for a, b in ((1, 2), (2, 3), (3, 4))
    ]
    for pair in pairs:
        field = ndimage.gaussian_filter(rng.normal(size=(*SIZE, 3)), (2, 2, 2, 0)) * 25
        stem = f"disp_{pair['fixed'][16:20]}_{pair['moving'][16:20]}"
        _save(tmp_path / f"{stem}.nii.gz", field.astype(np.float32), (1, 1, 1))
    names = {"0": "background", **{str(label): f"part {label}" for label in LABELS}}
    data_set = {"name": "Made", "labels": {"0": names}, "registration_val": pairs, "registration_test": []}
    (tmp_path / "dataset.json").write_text(json.dumps(data_set))
    return tmp_path


def _scorer(folder, pair, package, *, masked):
    """The scorer's steps, in its order."""
    fixed, moving = (nib.load(folder / pair[name].replace("images", "labels")).get_fdata() for name in pair)
    patients = pair["fixed"][-16:-12], pair["moving"][-16:-12]
    disp = nib.load(folder / f"disp_{patients[0]}_{patients[1]}.nii.gz").get_fdata()
    identity = np.meshgrid(*map(np.arange, fixed.shape), indexing="ij")
    warped = ndimage.map_coordinates(moving, identity + disp.transpose(3, 0, 1, 2), order=0)
    gradients = np.empty((3, 3, *SIZE))
    for axis in range(3):
        kernel = np.array([-0.5, 0, 0.5]).reshape([3 if a == axis else 1 for a in range(3)])
        for component in range(3):
            gradients[axis, component] = ndimage.correlate(disp[..., component], kernel, mode="constant", cval=0.0)
    j = (gradients + np.eye(3).reshape(3, 3, 1, 1, 1))[:, :, 2:-2, 2:-2, 2:-2]
    determinant = (
        j[0, 0] * (j[1, 1] * j[2, 2] - j[1, 2] * j[2, 1])
        - j[1, 0] * (j[0, 1] * j[2, 2] - j[0, 2] * j[2, 1])
        + j[2, 0] * (j[0, 1] * j[1, 2] - j[0, 2] * j[1, 1])
    )
    logarithm = np.log((determinant + 3).clip(1e-9, 1e9))
    if masked:
        mask = nib.load(folder / pair["fixed"].replace("images", "masks")).get_fdata()
        logarithm = np.ma.MaskedArray(logarithm, 1 - mask[2:-2, 2:-2, 2:-2])
    dice, hd95 = [], []
    for label in LABELS:
        if (fixed == label).sum() == 0 or (moving == label).sum() == 0:
            dice.append(np.nan)
            hd95.append(np.nan)
            continue
        dice.append(package.compute_dice_coefficient(fixed == label, warped == label))
        distances = package.compute_surface_distances(fixed == label, warped == label, np.ones(3))
        hd95.append(package.compute_robust_hausdorff(distances, 95.0))
    landmarks = [
        np.loadtxt(folder / pair[name].replace("images", "landmarks").replace(".nii.gz", ".csv"), delimiter=",")
        for name in ("fixed", "moving")
    ]
    moved = np.array([ndimage.map_coordinates(disp[..., axis], landmarks[0].T) for axis in range(3)]).T
    tre = np.linalg.norm((landmarks[0] + moved - landmarks[1]) * SPACING, axis=1)
    return {"LogJacDetStd": logarithm.std(), "DSC": np.nanmean(dice), "HD95": np.nanmean(hd95), "TRE_lm": tre.mean()}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the package asks SciPy for names of long ago
@pytest.mark.parametrize("masked", [False, True])
def test_numbers_are_the_scorers_to_the_digit(masked, task_folder):
    package = pytest.importorskip("surface_distance")
    manifest = json.loads((task_folder / "dataset.json").read_text(encoding="utf-8"))
    (task_folder / "dataset.json").write_text(json.dumps({**manifest, "masked_evaluation": masked}))
    task = read_task(task_folder / "dataset.json")

    cases = list(score_cases(task, task_folder))
    joined = joined_scores(task, cases, manifest=task_folder / "dataset.json", fields=task_folder)

    wanted = [_scorer(task_folder, pair, package, masked=masked) for pair in manifest["registration_val"]]
    assert list(joined.learn2reg["cases"]) == [f"{a:04}_0000<--{b:04}_0000" for a, b in ((1, 2), (2, 3), (3, 4))]
    for case, scores in zip(cases, wanted, strict=True):
        assert {name: case.learn2reg[name]["mean"] for name in scores} == pytest.approx(scores, rel=1e-9)
        assert case.learn2reg["num_foldings"]["mean"] == 0
    for name in wanted[0]:
        values = np.array([scores[name] for scores in wanted])
        assert joined.learn2reg["aggregates"][name] == pytest.approx(
            {"mean": values.mean(), "std": values.std(), "30": np.quantile(values, 0.3)}
        )


def test_corrected_numbers_stand_beside(task_folder):
    (case, *_) = score_cases(read_task(task_folder / "dataset.json"), task_folder)

    assert case.corrected["sd_log_jacobian"] > 2 * case.learn2reg["LogJacDetStd"]["mean"]
    assert case.corrected["folding_percent"] > 0
    assert case.corrected["hd95_mm"] > case.learn2reg["HD95"]["mean"]  # a voxel is a millimetre at least
    # SciPy's image ends at the centres of the outermost voxels, ITK's at their edges
    assert case.corrected["dice"] == pytest.approx(case.learn2reg["DSC"]["mean"], abs=0.02)
    assert case.corrected["TRE_lm_mm"] == pytest.approx(case.learn2reg["TRE_lm"]["mean"], rel=0.05)


def test_corrected_aggregates_are_over_the_cases_that_have_the_figure(task_folder):
    task = read_task(task_folder / "dataset.json")
    first, *others = score_cases(task, task_folder)
    lost = first.model_copy(update={"corrected": {**first.corrected, "hd95_mm": None}})

    joined = joined_scores(task, [lost, *others], manifest=task_folder / "dataset.json", fields=task_folder)

    found = joined.corrected["aggregates"]
    assert found["hd95_mm"]["mean"] == pytest.approx(np.mean([case.corrected["hd95_mm"] for case in others]))
    assert (found["hd95_mm"]["cases"], found["dice"]["cases"]) == (2, 3)


def test_missing_field_is_told_before_anything_is_scored(task_folder):
    (task_folder / "disp_0003_0004.nii.gz").unlink()
    scored = score_cases(read_task(task_folder / "dataset.json"), task_folder)

    with pytest.raises(DataError, match=r"has no disp_0003_0004\.npz or \.nii\.gz: give every pair's field"):
        next(scored)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "is no dataset.json of Learn2Reg"),
        ('{"name": "Made"}', "names no pair: wanted eval_pairs or registration_val"),
        ('{"eval_pairs": [{"fixed": "a.png", "moving": "b.png"}]}', r"names a.png, but wanted TASK_0001_0000.nii.gz"),
    ],
)
def test_manifest_that_is_none_is_refused(content, message, tmp_path):
    (tmp_path / "dataset.json").write_text(content)

    with pytest.raises(DataError, match=message):
        read_task(tmp_path / "dataset.json")


def test_modalities_are_named_where_they_are_not_plain(task_folder):
    task = read_task(task_folder / "dataset.json")
    pair = task.pairs[0].model_copy(update={"moving": "./imagesTr/Made_0002_0002.nii.gz"})

    assert pair.landmarks(task_folder, "keypoints")[0].parent.name == "keypoints02Tr"
    with pytest.raises(DataError, match=r"has no disp_0001_0000_0002_0002\.npz"):
        pair.displacement(task_folder)
