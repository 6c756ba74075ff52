"""The released weights on the real images that the documents' figures come from."""

from pathlib import Path

import numpy as np
import pytest

from sarnet.benchmark import Row, plan
from sarnet.config import BenchmarkSettings, RegistrationSettings

pytestmark = pytest.mark.shared

DOCUMENTED = Path(__file__).parent.parent.parent / "docs" / "results"


@pytest.mark.parametrize(("adapt", "gain"), [("none", 0.04), ("last-layer", 0.08)])
def test_brains_gain_overlap_from_weights_that_saw_x_rays(shared, adapt, gain):
    settings = BenchmarkSettings(
        protocol="brain2d",
        data=shared / "data" / "brain2d",
        most_pairs=4,
        registration=RegistrationSettings(adapt=adapt),
    )

    rows = list(plan(settings).measure(frozenset()))

    assert np.mean([row.dice - row.dice_before for row in rows]) > gain


def test_rows_of_the_documents_come_out_again(shared):
    settings = BenchmarkSettings(
        protocol="simulated-xray", data=shared / "data" / "cxr" / "visits.csv", dataset="shenzhen"
    )
    lines = (DOCUMENTED / "simulated-xray.jsonl").read_text(encoding="utf-8").splitlines()

    found = next(plan(settings).measure(frozenset()))

    wanted = Row.model_validate_json(lines[0])
    assert found.pair == wanted.pair
    assert found.field_error_voxels == pytest.approx(wanted.field_error_voxels, rel=0.01)
    assert found.dice == pytest.approx(wanted.dice, abs=0.002)


@pytest.mark.parametrize(
    ("protocol", "data", "first", "pairs", "before"),
    [
        ("brain2d", "brain2d", "1<-2", 20, {"dice_before": 0.45}),
        ("brain3d", "brain3d", "1<-3", 6, {"dice_before": 0.5}),
        ("cardiac", "cardiac", "1 es<-ed", 50, {"dice_before": 0.6}),
        ("liver", "liver", "dataset18 exhale<-cyc_1_10", 4, {"tre_mm_before": 14.9}),
        ("xray", "cxr/visits.csv", "CHNCXR_0004_0<-CHNCXR_0008_0", 109, {"dice_before": 0.75}),
    ],
)
def test_data_sets_are_read_as_their_notes_have_it(shared, protocol, data, first, pairs, before):
    settings = BenchmarkSettings(
        protocol=protocol,
        data=shared / "data" / data,
        dataset="shenzhen" if protocol == "xray" else None,
        shifts=(1,),
        registration=RegistrationSettings(transform="affine"),
    )

    planned = plan(settings)
    row = next(planned.measure(frozenset()))

    assert len(planned.keys) == pairs
    assert row.pair == first
    for name, value in before.items():
        assert getattr(row, name) == pytest.approx(value, rel=0.3)


def test_lungs_that_the_network_knows_are_not_taken_the_last_steps(shared):
    settings = BenchmarkSettings(
        protocol="xray",
        data=shared / "data" / "cxr" / "visits.csv",
        dataset="shenzhen",
        shifts=(1,),
        most_pairs=1,
        registration=RegistrationSettings(adapt="refined"),
    )

    (row,) = plan(settings).measure(frozenset())

    assert "refinement" in row.seconds_by_stage
    assert "finish" not in row.seconds_by_stage
