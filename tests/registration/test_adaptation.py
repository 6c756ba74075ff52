from dataclasses import replace

import pytest
import torch

from sarnet.config import AdaptationSettings
from sarnet.fields import jacobian_determinant, warp
from sarnet.images import Grid
from sarnet.losses import folding, lncc, smoothness
from sarnet.registration.adaptation import adapt_last_layer, similarity_cost, unadapted
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.plane_fields import PlaneFields


@pytest.fixture(scope="module")
def pair(prepare, sample, loaded) -> ComparedPair:
    """The packaged pair, small."""
    return prepare(
        sample.fixed,
        sample.moving,
        longest_voxels=80,
        multiple=loaded.generator.multiple,
    )


@pytest.fixture(scope="module")
def fields(loaded, pair) -> PlaneFields:
    return PlaneFields.of(loaded.generator, pair)


def test_without_adaptation_the_field_is_that_of_the_forward_pass(loaded, fields, pair):
    found = unadapted(fields, similarity_cost(pair, AdaptationSettings()))

    assert torch.equal(found.displacement, loaded.generator(pair.fixed, pair.moving))
    assert (found.iterations, len(found.costs)) == (0, 1)


def test_field_is_that_of_the_lowest_cost_and_no_worse_than_the_start(fields, pair):
    settings = AdaptationSettings(smoothness=0.0, folding=0.0)  # so that the images alone tell the cost

    found = adapt_last_layer(fields, similarity_cost(pair, settings), settings=settings)

    start = unadapted(fields, similarity_cost(pair, settings))
    cost = lncc(pair.fixed, warp(pair.moving, found.displacement), window=settings.window_voxels, weight=pair.weight)
    assert found.costs[0] == pytest.approx(start.costs[0], abs=1e-6)
    assert float(cost) == pytest.approx(min(found.costs), abs=1e-5)
    assert float(cost) < found.costs[0] - 0.01


def test_cost_is_that_of_both_images_where_the_halves_lead(fields, pair):
    settings = AdaptationSettings(smoothness=0.0, folding=0.0)
    halves = fields.halves(fields.start()).flip(0) + 0.5

    found = similarity_cost(pair, settings)(halves, fields.start())

    fixed, moving = warp(pair.fixed, halves[:1]), warp(pair.moving, halves[1:])
    assert float(found) == pytest.approx(float(lncc(fixed, moving, window=9, weight=pair.weight)), abs=1e-6)


def test_where_no_step_helps_the_start_is_returned(fields, pair):
    flat = ComparedPair(fixed=pair.fixed, moving=torch.zeros_like(pair.moving), weight=pair.weight, grid=pair.grid)
    settings = AdaptationSettings(smoothness=0.0, folding=0.0)

    found = adapt_last_layer(fields, similarity_cost(flat, settings), settings=settings)

    start = unadapted(fields, similarity_cost(flat, settings))
    assert torch.allclose(found.displacement, start.displacement, atol=1e-5)
    assert set(found.costs) == {1.0}
    assert found.stop_reason in {"no step lowered the cost any further", "the cost changed by less than 1 %"}


@pytest.mark.parametrize("fewest", [1, 3])
def test_rule_of_small_changes_stops_after_the_fewest_iterations(fewest, fields, pair):
    settings = AdaptationSettings(fewest_iterations=fewest, tolerance=0.5)  # no step halves the cost

    found = adapt_last_layer(fields, similarity_cost(pair, settings), settings=settings)

    assert found.iterations == fewest
    assert found.stop_reason == "the cost changed by less than 50 %"


def test_rule_looks_at_the_last_step_alone(fields, pair):
    settings = AdaptationSettings(fewest_iterations=2, tolerance=0.03)

    found = adapt_last_layer(fields, similarity_cost(pair, settings), settings=settings)

    changes = [abs(a - b) / a for a, b in zip(found.costs, found.costs[1:])]
    assert found.stop_reason == "the cost changed by less than 3 %"
    assert changes[-1] < 0.03
    assert all(change >= 0.03 for change in changes[1:-1])


def test_most_iterations_are_the_most(fields, pair):
    settings = AdaptationSettings(most_iterations=4, tolerance=0.0)

    found = adapt_last_layer(fields, similarity_cost(pair, settings), settings=settings)

    assert found.iterations == 4
    assert len(found.costs) == 5
    assert found.stop_reason == "4 iterations were reached"


def test_smoothness_makes_the_field_smoother(fields, pair):
    def roughness(weight: float) -> float:
        settings = AdaptationSettings(smoothness=weight, tolerance=0.0, most_iterations=8)
        found = adapt_last_layer(fields, similarity_cost(pair, settings), settings=settings)
        return float(torch.diff(found.displacement, dim=2).square().mean())

    assert roughness(20.0) < roughness(0.0)


def test_penalty_on_folds_leaves_fewer_of_them(fields, pair):
    found = {}
    for weight in (0.0, 20.0):
        settings = AdaptationSettings(smoothness=0.0, folding=weight, fewest_iterations=30, tolerance=0.0)
        adapted = adapt_last_layer(fields, similarity_cost(pair, settings), settings=settings)
        found[weight] = float((jacobian_determinant(adapted.displacement) <= 0).float().mean())

    assert found[0.0] > 0
    assert found[20.0] < found[0.0] / 4


def test_beside_mutual_information_a_share_of_roughness_counts(fields, pair):
    controls = [3 * each for each in fields.start()]
    halves = fields.halves(controls)
    costs = {
        (similarity, share): float(
            similarity_cost(
                replace(pair, similarity=similarity), AdaptationSettings(nmi_share=share, smoothness=2.0, folding=50.0)
            )(halves, controls)
        )
        for similarity in ("nmi", "lncc")
        for share in (0.0, 0.5)
    }

    rough = 2.0 * float(smoothness(controls[0])) + 50.0 * float(folding(halves))
    assert rough > 0
    assert costs["nmi", 0.5] - costs["nmi", 0.0] == pytest.approx(0.5 * rough, rel=1e-3)
    assert costs["lncc", 0.5] == costs["lncc", 0.0]


def test_field_a_voxel_thin_has_no_folds_to_pay_for():
    image = torch.rand(1, 1, 6, 8, 1, generator=torch.Generator().manual_seed(0))
    thin = ComparedPair(fixed=image, moving=image, weight=torch.ones_like(image), grid=Grid.plain((6, 8, 1)))

    cost = similarity_cost(thin, AdaptationSettings())(torch.zeros(2, 3, 6, 8, 1), [torch.zeros(1, 2, 3, 4)])

    assert float(cost) == pytest.approx(0, abs=0.2)
