"""Images with their grid in the world: reading, writing, resampling, normalising, and the packaged sample pair."""

from sarnet.images.files import read_image, read_labels, write_image
from sarnet.images.grid import Grid
from sarnet.images.image import Image
from sarnet.images.intensity import foreground, normalise, with_finite_values
from sarnet.images.labels import check_labels
from sarnet.images.network_grid import field_to_grid, network_grid
from sarnet.images.parts import parts
from sarnet.images.resample import resample
from sarnet.images.sample import SampleFiles, SamplePair, sample_files, sample_pair
from sarnet.images.whole import write_whole

__all__ = [
    "Grid",
    "Image",
    "SampleFiles",
    "SamplePair",
    "check_labels",
    "field_to_grid",
    "foreground",
    "network_grid",
    "normalise",
    "parts",
    "read_image",
    "read_labels",
    "resample",
    "sample_files",
    "sample_pair",
    "with_finite_values",
    "write_image",
    "write_whole",
]
