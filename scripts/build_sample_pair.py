"""Build the packaged sample pair of brains: ``src/sarnet/images/sample``.

The sources are two public files each of a Debian package and of a Python package, neither of which need be
installed::

    apt-get download mricron-data && dpkg -x mricron-data_*.deb mricron
    pip download --no-deps nilearn && unzip nilearn-*.whl 'nilearn/datasets/data/mni_icbm152*' -d .

    python scripts/build_sample_pair.py \
        --colin mricron/usr/share/mricron/templates/ch2bet.nii.gz \
        --mni nilearn/datasets/data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz \
        --out src/sarnet/images/sample

Both images are skull-stripped already, 1 mm, and lie in MNI space; what is left to do is the same for both:
axes along the world's (LPS), crumbs of the skull-stripping that hang on nothing off, tissue labels, the slice
at z = 20 mm, the volume at 2 mm, and a box around the brain.

One rule makes the labels of both images: k-means of the intensities of the brain's voxels (every value above
zero, at 1 mm) into three classes, of which the darkest is 1 (cerebrospinal fluid), the next 2 (grey matter)
and the brightest 3 (white matter). Each image has its own two thresholds; no label was drawn or corrected by
hand.
"""

import argparse
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SLICE_MM = 20.0  # both lateral ventricles are in full view at this height
MARGIN_MM = 12
COARSE_MM = 2.0


def main() -> None:
    """Write four slices and four volumes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--colin", type=Path, required=True, help="ch2bet.nii.gz of mricron-data")
    parser.add_argument("--mni", type=Path, required=True, help="mni_icbm152_t1_..._converted.nii.gz of nilearn")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for role, path in (("fixed", arguments.mni), ("moving", arguments.colin)):
        # axes along LPS: the first row is anterior, the first column the patient's right
        brain = largest_piece(sitk.DICOMOrient(sitk.ReadImage(path, sitk.sitkUInt8), "LPS"))
        thresholds = tissue_thresholds(sitk.GetArrayViewFromImage(brain))
        for dimension, whole in ((2, axial_slice(brain)), (3, coarse_volume(brain))):
            image = box_around_brain(whole)
            sitk.WriteImage(image, arguments.out / f"{role}_{dimension}d.nii.gz", useCompression=True)
            labels = tissue_labels(image, thresholds)
            sitk.WriteImage(labels, arguments.out / f"{role}_labels_{dimension}d.nii.gz", useCompression=True)


def largest_piece(brain: sitk.Image) -> sitk.Image:
    """Set to zero what does not hang together with most of the brain, by faces of voxels."""
    pieces = sitk.RelabelComponent(sitk.ConnectedComponent(brain > 0))  # the largest comes first
    return sitk.Mask(brain, pieces == 1)


def tissue_thresholds(values: np.ndarray, *, classes: int = 3) -> np.ndarray:
    """Return the borders between the classes that k-means makes of the values above zero."""
    brain = values[values > 0].astype(float)
    centres = np.percentile(brain, np.linspace(0, 100, 2 * classes + 1)[1::2])
    for _ in range(200):
        nearest = np.digitize(brain, (centres[1:] + centres[:-1]) / 2)
        moved = np.array([brain[nearest == k].mean() for k in range(classes)])
        if np.allclose(moved, centres, atol=1e-6):
            break
        centres = moved
    return (centres[1:] + centres[:-1]) / 2


def tissue_labels(brain: sitk.Image, thresholds: np.ndarray) -> sitk.Image:
    """Label the brain's voxels 1, 2, 3 from dark to bright, and 0 what is zero."""
    values = sitk.GetArrayViewFromImage(brain)
    labels = sitk.GetImageFromArray(np.where(values > 0, 1 + np.digitize(values, thresholds), 0).astype(np.uint8))
    labels.CopyInformation(brain)
    return labels


def axial_slice(brain: sitk.Image) -> sitk.Image:
    """Return the axial slice at ``SLICE_MM`` as an image of two axes."""
    x, y, _ = brain.GetOrigin()
    index = brain.TransformPhysicalPointToIndex((x, y, SLICE_MM))
    return brain[:, :, index[2]]


def coarse_volume(brain: sitk.Image) -> sitk.Image:
    """Average blocks of voxels, but leave out of the brain what is outside of it for the most part."""
    factor = [round(COARSE_MM / s) for s in brain.GetSpacing()]
    inside = sitk.BinShrink(sitk.Cast(brain > 0, sitk.sitkFloat32), factor)
    mean = sitk.BinShrink(sitk.Cast(brain, sitk.sitkFloat32), factor) / sitk.Maximum(inside, 1e-6)
    return sitk.Cast(sitk.Round(sitk.Mask(mean, inside >= 0.5)), sitk.sitkUInt8)


def box_around_brain(image: sitk.Image) -> sitk.Image:
    """Crop to the brain and ``MARGIN_MM`` around it, as far as the image goes."""
    statistics = sitk.LabelShapeStatisticsImageFilter()
    statistics.Execute(image > 0)
    box = statistics.GetBoundingBox(1)
    n = image.GetDimension()
    slices = []
    for start, length, size, spacing in zip(box[:n], box[n:], image.GetSize(), image.GetSpacing(), strict=True):
        margin = round(MARGIN_MM / spacing)
        slices.append(slice(max(start - margin, 0), min(start + length + margin, size)))
    return image[tuple(slices)]


if __name__ == "__main__":
    main()
