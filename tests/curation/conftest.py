"""Small imitations of archives, with exactly their layouts."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image as Picture
from scipy import ndimage

from sarnet.config import CurationSettings
from sarnet.curation import Prepared, prepare, read_manifest, settings_for
from sarnet.curation.manifest import ManifestRow

Build = Callable[..., Path]


@pytest.fixture
def picture(rng: np.random.Generator) -> Callable[..., np.ndarray]:
    """`picture(shape)`: another smooth texture at every call, 8 bits."""

    def draw(shape: tuple[int, ...] = (40, 32), *, highest: int = 250) -> np.ndarray:
        texture = ndimage.gaussian_filter(rng.normal(size=shape), 2)
        texture = (texture - texture.min()) / np.ptp(texture)
        return np.round(highest * texture).astype(np.uint8 if highest < 256 else np.uint16)

    return draw


@pytest.fixture
def write() -> Callable[..., Path]:
    """`write(array, path, spacing=..., kind=...)`: a file of any format, and its folders."""

    def to(array: np.ndarray, path: Path, *, spacing: tuple[float, ...] | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".gif":  # which SimpleITK does not know
            Picture.fromarray(array).save(path)
            return path
        image = sitk.GetImageFromArray(array)
        if spacing is not None:
            image.SetSpacing(spacing)
        sitk.WriteImage(image, str(path))
        return path

    return to


@pytest.fixture
def disc() -> Callable[..., np.ndarray]:
    """`disc(shape)`: a filled circle or ball in the middle."""

    def fill(shape: tuple[int, ...] = (40, 32), *, value: int = 255) -> np.ndarray:
        away = sum(((index - (size - 1) / 2) / size) ** 2 for index, size in zip(np.indices(shape), shape))
        return np.uint8(value) * (away < 0.09)

    return fill


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., tuple[Prepared, dict[str, ManifestRow]]]:
    """`prepared("folder", root, size=32)`: what a run in this process came to, and the rows by their images."""

    def run(
        source: str, folder: Path, *, out: Path | None = None, verify: bool = False, **settings: object
    ) -> tuple[Prepared, dict[str, ManifestRow]]:
        out = out or tmp_path / "out"
        done = prepare(source, folder, out, settings_for(source, settings), workers=1, verify=verify)
        rows = read_manifest(out)
        return done, {Path(row.image).name.partition(".")[0]: row for row in rows}

    return run


@pytest.fixture
def plain() -> CurationSettings:
    """Settings that leave every image as it is."""
    return CurationSettings()


@pytest.fixture
def shenzhen(tmp_path: Path, picture, write, disc) -> Path:
    """Two X-rays of NLM's Shenzhen set, one of them with a mask."""
    root = tmp_path / "ChinaSet_AllFiles"
    for name in ("CHNCXR_0001_0", "CHNCXR_0400_1"):
        write(picture(), root / f"CXR_png/{name}.png")
        (root / "ClinicalReadings").mkdir(exist_ok=True)
        (root / f"ClinicalReadings/{name}.txt").write_text("male 45yrs\nnormal\n")
    write(disc(), root / "mask/CHNCXR_0001_0_mask.png")
    return root


@pytest.fixture
def montgomery(tmp_path: Path, picture, write, disc) -> Path:
    """An X-ray of NLM's Montgomery set with a mask for each lung."""
    root = tmp_path / "MontgomerySet"
    left, right = disc(), disc()
    left[:, :16], right[:, 16:] = 0, 0
    write(picture(), root / "CXR_png/MCUCXR_0001_0.png")
    write(left, root / "ManualMask/leftMask/MCUCXR_0001_0.png")
    write(right, root / "ManualMask/rightMask/MCUCXR_0001_0.png")
    return root


@pytest.fixture
def acdc(tmp_path: Path, picture, write, disc) -> Path:
    """A patient of ACDC: whole films are left alone."""
    root = tmp_path / "ACDC"
    folder = root / "database/training/patient007"
    for frame, slices in ((1, 4), (7, 4)):
        write(
            picture((slices, 24, 20), highest=900).astype(np.int16),
            folder / f"patient007_frame{frame:02}.nii.gz",
            spacing=(1.5, 1.5, 10.0),
        )
        write(
            disc((slices, 24, 20), value=3), folder / f"patient007_frame{frame:02}_gt.nii.gz", spacing=(1.5, 1.5, 10.0)
        )
    (folder / "Info.cfg").write_text("ED: 1\nES: 7\nGroup: DCM\nHeight: 160.0\nNbFrame: 30\nWeight: 70.0\n")
    return root


@pytest.fixture
def ibsr(tmp_path: Path, picture, write, disc) -> Path:
    """A subject of IBSR 18."""
    folder = tmp_path / "IBSR/IBSR_01"
    for kind, array in (
        ("ana", picture((12, 14, 16))),
        ("ana_strip", picture((12, 14, 16))),
        ("ana_brainmask", disc((12, 14, 16), value=1)),
        ("segTRI_fill_ana", disc((12, 14, 16), value=2)),
        ("seg_ana", disc((12, 14, 16), value=42)),
    ):
        write(array, folder / f"IBSR_01_{kind}.nii.gz", spacing=(0.9375, 1.5, 0.9375))
    return tmp_path / "IBSR"


@pytest.fixture
def oasis(tmp_path: Path, picture, write, disc) -> Path:
    """Two subjects of OASIS as Neurite has them: volumes and slices."""
    for number in (1, 2):
        folder = tmp_path / f"neurite-oasis/OASIS_OAS1_{number:04}_MR1"
        write(picture((12, 14, 16)).astype(np.float32) / 255, folder / "aligned_norm.nii.gz")
        write(disc((12, 14, 16), value=17), folder / "aligned_seg35.nii.gz")
        write(picture((1, 20, 16)).astype(np.float32) / 255, folder / "slice_norm.nii.gz")
        write(disc((1, 20, 16), value=5), folder / "slice_seg24.nii.gz")
    return tmp_path / "neurite-oasis"


@pytest.fixture
def learn2reg(tmp_path: Path, picture, write, disc) -> Path:
    """A task of Learn2Reg with three patients for training, one of them for validation, and one for tests."""
    import json

    root = tmp_path / "ThoraxCBCT"
    training = []
    for number in (1, 2, 3):
        for visit in (0, 1):
            name = f"ThoraxCBCT_{number:04}_{visit:04}.nii.gz"
            write(picture((10, 12, 14)), root / f"imagesTr/{name}")
            write(disc((10, 12, 14), value=4), root / f"labelsTr/{name}")
            write(disc((10, 12, 14), value=1), root / f"masksTr/{name}")
            training.append({"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"})
    write(picture((10, 12, 14)), root / "imagesTs/ThoraxCBCT_0009_0000.nii.gz")
    told = {
        "name": "ThoraxCBCT",
        "training": training,
        "test": ["./imagesTs/ThoraxCBCT_0009_0000.nii.gz"],
        "registration_val": [
            {
                "fixed": "./imagesTr/ThoraxCBCT_0003_0000.nii.gz",
                "moving": "./imagesTr/ThoraxCBCT_0003_0001.nii.gz",
            }
        ],
    }
    (root / "ThoraxCBCT_dataset.json").write_text(json.dumps(told))
    return root


@pytest.fixture
def bids(tmp_path: Path, picture, write, disc) -> Path:
    """Two subjects with two sessions, a mask and a segmentation among the derivatives of one."""
    root = tmp_path / "study"
    for sub in ("01", "02"):
        for session in ("1", "2"):
            folder, name = f"sub-{sub}/ses-{session}/anat", f"sub-{sub}_ses-{session}"
            write(picture((10, 12, 14)), root / f"{folder}/{name}_T1w.nii.gz")
            write(picture((10, 12, 14)), root / f"{folder}/{name}_T2w.nii.gz")
    derived = root / "derivatives/prep/sub-01/ses-1/anat"
    write(disc((10, 12, 14), value=1), derived / "sub-01_ses-1_desc-brain_mask.nii.gz")
    write(disc((10, 12, 14), value=2), derived / "sub-01_ses-1_dseg.nii.gz")
    (root / "participants.tsv").write_text("participant_id\tage\tgroup\nsub-01\t61\tpatient\nsub-02\t58\tcontrol\n")
    return root


@pytest.fixture
def jsrt(tmp_path: Path, disc, write) -> Path:
    """JSRT as published: one raw X-ray, its value rising to the right, and SCR's masks of half the size."""
    root = tmp_path / "JSRT"
    (root / "All247images").mkdir(parents=True)
    ramp = np.broadcast_to(np.linspace(0, 4095, 2048).astype(">u2"), (2048, 2048))
    ramp.tofile(root / "All247images/JPCLN001.IMG")
    left, right = disc((1024, 1024)), disc((1024, 1024))
    left[:, :512], right[:, 512:] = 0, 0
    write(left, root / "scratch/fold1/masks/left lung/JPCLN001.gif")
    write(right, root / "scratch/fold1/masks/right lung/JPCLN001.gif")
    write(disc((1024, 1024)), root / "scratch/fold1/masks/heart/JPCLN001.gif")
    return root


CHESTXRAY14 = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],\n"
)


@pytest.fixture
def chestxray14(tmp_path: Path, picture, write) -> Path:
    """Two patients of ChestX-ray14 with three visits, and one with a single visit, over two folders."""
    root = tmp_path / "CXR8"
    lines = [CHESTXRAY14]
    for patient, visits, folder in ((1, 3, "images_001"), (2, 1, "images_001"), (5, 3, "images_002")):
        for visit in range(visits):
            name = f"{patient:08}_{visit:03}.png"
            write(picture((64, 64)), root / f"{folder}/images/{name}")
            lines.append(f"{name},Effusion|Mass,{visit},{patient},58,M,PA,2048,2500,0.16,0.168,\n")
    (root / "Data_Entry_2017_v2020.csv").write_text("".join(lines))
    return root


@pytest.fixture
def adni(tmp_path: Path, write, picture) -> Path:
    """Three subjects of ADNI-1: a NIfTI file, a DICOM series, and a later visit of the first."""
    root = tmp_path / "download"
    ball = _head()
    for subject, day, number in (
        ("002_S_0295", "2006-04-18_08_20_30.0", "I45108"),
        ("002_S_0295", "2006-11-02_08_16_44.0", "I45112"),
        ("011_S_0003", "2005-09-01_09_14_21.0", "I32237"),
    ):
        folder = root / f"ADNI/{subject}/MPR__GradWarp__B1_Correction__N3__Scaled/{day}/{number}"
        write(
            ball * (1 + number.endswith("7")), folder / f"ADNI_{subject}_MR_MPR_{number}.nii", spacing=(4.0, 4.0, 4.0)
        )
    series = root / "ADNI/023_S_0061/MP-RAGE/2006-01-20_10_31_00.0/I13722"
    write_series(ball, series, spacing=(4.0, 4.0, 4.0))
    (root / "ADNI1_Complete_4_18_2026.csv").write_text(
        "Image Data ID,Subject,Group,Sex,Age,Visit,Modality,Description,Type,Acq Date,Format,Downloaded\n"
        "I45108,002_S_0295,CN,M,85,sc,MRI,MPR,Processed,4/18/2006,NiFTI,4/18/2026\n"
        "I45112,002_S_0295,CN,M,85,m06,MRI,MPR,Processed,11/02/2006,NiFTI,4/18/2026\n"
        "I32237,011_S_0003,AD,M,81,sc,MRI,MPR,Processed,9/01/2005,NiFTI,4/18/2026\n"
        "I13722,023_S_0061,MCI,F,77,sc,MRI,MP-RAGE,Original,1/20/2006,DCM,4/18/2026\n"
        "I99999,023_S_0061,MCI,F,77,m12,MRI,MP-RAGE,Original,1/20/2007,DCM,\n"
    )
    return root


@pytest.fixture
def series() -> Callable[..., None]:
    """`series(volume, folder, uid=8)`: the files of a DICOM series."""
    return write_series


@pytest.fixture
def sunnybrook(tmp_path: Path, picture) -> Path:
    """A patient of Sunnybrook: a slice at end diastole with both outlines, and at end systole with one."""
    root = tmp_path / "Sunnybrook"
    contours = root / "TrainingDataContours/SC-HF-I-01/contours-manual/IRCCI-expert"
    contours.mkdir(parents=True)
    for number in (48, 59):
        write_slice(picture((32, 40), highest=900), root / f"TrainingDataDICOM/SC-HF-I-1/IM-0001-{number:04}.dcm")
        (contours / f"IM-0001-{number:04}-icontour-manual.txt").write_text("9.5 9.5\n19.5 9.5\n19.5 19.5\n9.5 19.5\n")
    (contours / "IM-0001-0048-ocontour-manual.txt").write_text("5.5 5.5\n25.5 5.5\n25.5 25.5\n5.5 25.5\n")
    return root


def _head() -> np.ndarray:
    """A ball brighter on one side, 48 voxels wide: something to align."""
    z, y, x = np.indices((48, 52, 44)).astype(float)
    away = np.sqrt(((z - 24) / 17) ** 2 + ((y - 27) / 21) ** 2 + ((x - 22) / 16) ** 2)
    return ((away < 1) * (200 + 6 * y + 100 * (away < 0.5))).astype(np.int16)


def write_slice(array: np.ndarray, path: Path, *, spacing: tuple[float, float] = (1.25, 1.25)) -> None:
    """A DICOM file of one slice."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array.astype(np.uint16))
    image.SetSpacing(spacing)
    sitk.WriteImage(image, str(path))


def write_series(
    volume: np.ndarray,
    folder: Path,
    *,
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0),
    modality: str = "MR",
    uid: int = 7,
    moving: bool = True,
) -> None:
    """A DICOM series, a file a slice; of one that does not move, every slice is at the same position."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, plane in enumerate(volume):
        height = index * spacing[2] if moving else 0.0
        image = sitk.GetImageFromArray(plane[None].astype(np.int16))
        image.SetSpacing(spacing)
        image.SetOrigin((0.0, 0.0, height))
        tags = {
            "0008|0060": modality,
            "0020|000e": f"1.2.826.0.1.3680043.2.1125.1.{uid}",
            "0020|000d": "1.2.826.0.1.3680043.2.1125.1.8",
            "0020|0032": f"0\\0\\{height}",
            "0020|0037": "1\\0\\0\\0\\1\\0",
            "0020|0013": str(index + 1),
        }
        for tag, value in tags.items():
            image.SetMetaData(tag, value)
        writer = sitk.ImageFileWriter()
        writer.KeepOriginalImageUIDOn()
        writer.SetFileName(str(folder / f"ADNI_023_S_0061_MR_MP-RAGE_{uid}_{index + 1}.dcm"))
        writer.Execute(image)
