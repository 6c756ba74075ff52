import numpy as np
import pytest

from sarnet.benchmark.memory import peak_memory


def test_peak_is_of_what_was_held_inside_and_not_before():
    with peak_memory() as small:
        pass
    with peak_memory() as large:
        np.ones(2**25).sum()  # 256 MB, given back at once
    with peak_memory() as again:
        pass

    if small.megabytes is None:
        pytest.skip("the system does not tell")
    assert large.megabytes - small.megabytes == pytest.approx(256, abs=8)
    assert again.megabytes == pytest.approx(small.megabytes, abs=8)
