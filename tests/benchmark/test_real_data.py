"""The released weights on the real images that the documents' figures come from."""

from pathlib import Path

import numpy as np
import pytest

from sarnet.benchmark import Row, measure_brain2d, measure_simulated
from sarnet.config import BenchmarkSettings, RegistrationSettings

pytestmark = pytest.mark.shared

DOCUMENTED = Path(__file__).parent.parent.parent / "docs" / "results"


@pytest.mark.parametrize(("adapt", "gain"), [("none", 0.04), ("last-layer", 0.08)])
def test_brains_gain_overlap_from_weights_that_saw_x_rays(shared, adapt, gain):
    settings = BenchmarkSettings(
        protocol="brain2d", data=shared / "data" / "brain2d", registration=RegistrationSettings(adapt=adapt)
    )

    rows = [row for row, _ in zip(measure_brain2d(settings), range(4), strict=False)]

    assert np.mean([row.dice - row.dice_before for row in rows]) > gain


def test_rows_of_the_documents_come_out_again(shared):
    settings = BenchmarkSettings(
        protocol="simulated-xray", data=shared / "data" / "cxr" / "visits.csv", dataset="shenzhen"
    )
    lines = (DOCUMENTED / "simulated-xray.jsonl").read_text(encoding="utf-8").splitlines()

    found = next(iter(measure_simulated(settings)))

    wanted = Row.model_validate_json(lines[0])
    assert found.pair == wanted.pair
    assert found.field_error_voxels == pytest.approx(wanted.field_error_voxels, rel=0.01)
    assert found.dice == pytest.approx(wanted.dice, abs=0.002)
