"""What a record says of labels, against sums by hand."""

import numpy as np
import pytest

from sarnet.images import Image
from sarnet.registration.measure import _overlap


def test_mean_overlaps_before_and_after_are_of_the_same_labels():
    """A structure that the registration takes off the fixed image has no overlap left: it does not raise the mean."""
    fixed, before, after = (
        Image.from_array(np.array(rows, np.uint8)) for rows in ([[1, 1, 0, 0]], [[0, 1, 1, 2]], [[1, 1, 1, 0]])
    )

    found = _overlap(fixed, before, after)

    assert found.before == {1: pytest.approx(0.5), 2: 0}
    assert np.isnan(found.after[2])
    assert found.means == (pytest.approx(0.5), pytest.approx(0.8))
