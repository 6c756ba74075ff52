import numpy as np
import pytest
import torch
from scipy import ndimage

from sarnet.datasets import AlignedOriginals, Original
from sarnet.images import sample_pair


@pytest.fixture(scope="module")
def originals():
    """A brain, and the same turned, stretched and shifted; resampled by SciPy."""
    brain = sample_pair(2).fixed.array / sample_pair(2).fixed.array.max()
    matrix, shift = np.array([[1.08, 0.12], [-0.12, 0.95]]), np.array([-9.0, 14.0])
    moved = ndimage.affine_transform(brain, matrix, shift, order=1)
    both = torch.from_numpy(np.stack([brain, moved]).astype(np.float32))[:, None]
    return Original(both, (both > 0).float())


def test_image_and_mask_are_brought_onto_another(originals):
    moved = AlignedOriginals(originals).moved(1, onto=0)

    def overlap(mask):
        inside = originals.mask[0] > 0
        return float(2 * (inside & (mask > 0)).sum() / (inside.sum() + (mask > 0).sum()))

    assert overlap(originals.mask[1]) < 0.93
    assert overlap(moved.mask[0]) > 0.985
    assert (moved.image[0] - originals.image[0]).abs().mean() < 0.25 * (
        originals.image[1] - originals.image[0]
    ).abs().mean()
    assert set(moved.mask.unique().tolist()) == {0.0, 1.0}


def test_pair_the_other_way_round_has_a_map_of_its_own(originals):
    aligned = AlignedOriginals(originals)
    there, back, again = aligned.moved(1, onto=0), aligned.moved(0, onto=1), aligned.moved(1, onto=0)

    assert torch.equal(there.image, again.image)
    assert (back.image[0] - originals.image[1]).abs().mean() < 0.25 * (
        originals.image[1] - originals.image[0]
    ).abs().mean()
