import numpy as np
import pytest

from sarnet.errors import InputError
from sarnet.images import read_image, read_labels, resample, sample_files, sample_pair


@pytest.mark.parametrize("dimension", [2, 3])
def test_labels_lie_on_their_images(dimension):
    pair = sample_pair(dimension)

    for image, labels in ((pair.fixed, pair.fixed_labels), (pair.moving, pair.moving_labels)):
        assert image.grid.dimension == dimension
        assert labels.grid.same_as(image.grid)
        assert image.array.dtype == np.float32
        assert np.unique(labels.array).tolist() == [0, 1, 2, 3]
        np.testing.assert_array_equal(labels.array > 0, image.array > 0)
        # the rule: brighter from label to label, without overlap
        bounds = [(image.array[labels.array == k].min(), image.array[labels.array == k].max()) for k in (1, 2, 3)]
        assert bounds[0][1] < bounds[1][0]
        assert bounds[1][1] < bounds[2][0]


@pytest.mark.parametrize("dimension", [2, 3])
def test_both_brains_lie_in_one_world_the_same_way_round(dimension):
    pair = sample_pair(dimension)
    moving = resample(pair.moving, pair.fixed.grid).array

    as_it_is = np.corrcoef(pair.fixed.array.ravel(), moving.ravel())[0, 1]

    assert as_it_is > 0.9
    for axis in range(dimension - 1):  # left and right: the fixed brain is exactly symmetric and cannot tell
        assert as_it_is > np.corrcoef(pair.fixed.array.ravel(), np.flip(moving, axis).ravel())[0, 1]


def test_the_slice_shows_the_ventricles_of_both():
    pair = sample_pair(2)

    for labels in (pair.fixed_labels, pair.moving_labels):
        # 12 mm to either side of the midline, 10 mm before the origin (posterior is positive)
        for x in (-12, 12):
            column, row = (round(w - o) for w, o in zip((x, -10), labels.grid.origin, strict=True))
            assert (labels.array[row - 2 : row + 3, column - 2 : column + 3] == 1).mean() > 0.5


@pytest.mark.parametrize("dimension", [2, 3])
def test_files_are_those_of_the_pair(dimension):
    pair = sample_pair(dimension)

    with sample_files(dimension) as files:
        for name, path in files._asdict().items():
            read = read_labels if "labels" in name else read_image
            np.testing.assert_array_equal(read(path).array, getattr(pair, name).array)
            assert path.name == f"{name}_{dimension}d.nii.gz"


@pytest.mark.usefixtures("unchecked")
def test_another_dimension_is_refused():
    with pytest.raises(InputError, match="dimension is 4, but must be 2 or 3"):
        sample_pair(4)
    with pytest.raises(InputError, match="dimension is 4, but must be 2 or 3"), sample_files(4):
        pass
