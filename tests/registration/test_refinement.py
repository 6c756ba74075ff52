import pytest
import torch

from sarnet.config import FinishSettings, RefinementSettings
from sarnet.fields import compose, jacobian_determinant, one_sided, resize_field, warp
from sarnet.images import Grid
from sarnet.losses import lncc
from sarnet.registration.adaptation import Adaptation
from sarnet.registration.compared_pair import ComparedPair
from sarnet.registration.refinement import finish, refine

SETTINGS = RefinementSettings(factors=(2, 1), iterations=(30, 20))


@pytest.fixture(scope="module")
def pair(prepare, sample) -> ComparedPair:
    """The packaged pair, small."""
    return prepare(
        sample.fixed,
        sample.moving,
        longest_voxels=96,
        multiple=8,
    )


def _start(pair, displacement=None) -> Adaptation:
    """What moves the moving image alone, or nothing."""
    zero = torch.zeros(1, 2, *pair.fixed.shape[2:])
    halves = one_sided(zero if displacement is None else displacement)
    return Adaptation(halves=halves, costs=(1.0,), iterations=7, stop_reason="somebody stopped")


@pytest.fixture(scope="module")
def refined(pair) -> Adaptation:
    return refine(_start(pair), pair, settings=SETTINGS)


def test_lowers_the_cost_without_a_fold(pair, refined):
    cost = lncc(pair.fixed, warp(pair.moving, refined.displacement), window=9, weight=pair.weight)

    assert refined.costs[1] < 0.8 * refined.costs[0]
    assert float(cost) == pytest.approx(refined.costs[1], abs=1e-5)
    assert float(jacobian_determinant(refined.displacement).min()) > 0


def test_counts_its_iterations_on_top_of_those_before(refined):
    assert refined.iterations == 7 + 30 + 20
    assert refined.stop_reason == "all iterations were done"


def test_other_way_round_leads_back(pair, refined):
    back = refine(_start(pair), pair.exchanged(), settings=SETTINGS)

    inside = pair.weight[:, 0] > 0
    apart = compose(refined.displacement, back.displacement).norm(dim=1)[inside].mean()
    length = refined.displacement.norm(dim=1)[inside].mean()
    assert float(length) > 1.0
    assert float(apart) < 0.05


def test_goes_on_from_a_start_that_moves_both_images(pair, refined):
    tiny = RefinementSettings(factors=(1,), iterations=(1,), step_voxels=0.01)

    found = refine(refined, pair, settings=tiny)

    assert refined.halves[0].abs().max() > 1
    assert found.costs[0] == pytest.approx(refined.costs[1], abs=1e-5)
    assert float((found.displacement - refined.displacement).abs().max()) < 0.1


def test_finds_a_known_shift_from_the_identity(pair):
    moving = warp(pair.fixed, torch.tensor([1.5, -2.0]).view(1, 2, 1, 1).expand(1, 2, *pair.fixed.shape[2:]))
    shifted = ComparedPair(fixed=pair.fixed, moving=moving, weight=pair.weight, grid=pair.grid)

    found = refine(_start(pair), shifted, settings=SETTINGS).displacement

    # moving(y) = fixed(y + a), so that u = -a
    inside = pair.weight[0, 0] > 0
    assert float(found[0, 0][inside].mean()) == pytest.approx(-1.5, abs=0.2)
    assert float(found[0, 1][inside].mean()) == pytest.approx(2.0, abs=0.2)


def test_start_is_kept_where_refining_makes_it_worse(pair, refined):
    # a step of two voxels on the finest level alone tears apart what fits already
    wild = RefinementSettings(factors=(1,), iterations=(2,), step_voxels=4.0, fluid_voxels=0.5, elastic_voxels=0.0)

    kept = refine(_start(pair, refined.displacement), pair, settings=wild)

    assert torch.equal(kept.displacement, refined.displacement)
    assert kept.costs[0] == kept.costs[1]
    assert kept.stop_reason == "all iterations were done, but the cost was no lower"


def test_start_on_a_coarser_grid_goes_the_same_way_as_on_the_pairs_own(pair, refined):
    coarse = resize_field(refined.displacement, tuple(size // 2 for size in pair.fixed.shape[2:]))
    fine = resize_field(coarse, tuple(pair.fixed.shape[2:]))

    of_coarse, of_fine = (refine(_start(pair, each), pair, settings=SETTINGS) for each in (coarse, fine))

    assert of_coarse.displacement.shape == fine.shape
    assert of_coarse.costs[0] == of_fine.costs[0]
    inside = pair.weight[0, 0] > 0
    assert float((of_coarse.displacement - of_fine.displacement)[0].norm(dim=0)[inside].mean()) < 0.1


def test_budget_ends_it_and_what_there_was_stays(pair, refined):
    found = refine(_start(pair, refined.displacement), pair, settings=SETTINGS, seconds=1e-9)

    assert found.iterations == 7
    assert found.stop_reason == "the time limit of 1e-09 s was reached"
    assert torch.equal(found.displacement, refined.displacement)
    assert found.costs == (pytest.approx(refined.costs[1], abs=1e-5),) * 2


def test_coarse_level_is_skipped_only_where_no_axis_can_be_coarser(pair):
    settings = RefinementSettings(factors=(2, 1), iterations=(4, 1))

    def iterations(*space):
        parts = (torch.nn.functional.interpolate(each, space) for each in (pair.fixed, pair.moving, pair.weight))
        fixed, moving, weight = parts
        small = ComparedPair(fixed=fixed, moving=moving, weight=weight, grid=Grid.plain(space))
        return refine(_start(small), small, settings=settings).iterations - 7

    assert (iterations(16, 16), iterations(12, 40), iterations(24, 24)) == (1, 5, 5)


def test_images_without_contrast_stay_where_they_are(pair):
    flat = ComparedPair(
        fixed=torch.zeros_like(pair.fixed), moving=torch.zeros_like(pair.moving), weight=pair.weight, grid=pair.grid
    )

    found = refine(_start(pair), flat, settings=SETTINGS)

    assert torch.equal(found.displacement, torch.zeros_like(found.displacement))


def test_volumes_are_refined_by_the_same_code():
    place = torch.meshgrid(*[torch.arange(32.0)] * 3, indexing="ij")

    def ball(shift):
        radius = sum((axis - 15.5 - s) ** 2 for axis, s in zip(place, shift, strict=True)).sqrt()
        return torch.sigmoid(9 - radius)[None, None]

    whole = torch.ones(1, 1, 32, 32, 32)
    pair = ComparedPair(
        fixed=ball((0, 0, 0)), moving=ball((1.5, -1.0, 2.0)), weight=whole, grid=Grid.plain((32, 32, 32))
    )
    start = Adaptation(halves=torch.zeros(2, 3, 32, 32, 32), costs=(1.0,), iterations=0, stop_reason="")

    found = refine(start, pair, settings=SETTINGS)

    warped = warp(pair.moving, found.displacement)
    assert float((warped - pair.fixed).abs().mean()) < 0.3 * float((pair.moving - pair.fixed).abs().mean())


def test_slice_as_a_volume_one_voxel_thin_is_refined_like_the_slice(pair):
    one_level = SETTINGS.model_copy(update={"factors": (1,), "iterations": (5,)})
    parts = (pair.fixed, pair.moving, pair.weight)
    thin = ComparedPair(
        **dict(zip(("fixed", "moving", "weight"), (each[:, :, None] for each in parts), strict=True)),
        grid=Grid.plain((1, *pair.fixed.shape[2:])),
    )
    still = Adaptation(halves=torch.zeros(2, 3, *thin.fixed.shape[2:]), costs=(1.0,), iterations=0, stop_reason="")

    flat, found = refine(_start(pair), pair, settings=one_level), refine(still, thin, settings=one_level)

    assert torch.allclose(found.displacement[:, 1:, 0], flat.displacement, atol=1e-4)
    assert not found.displacement[:, 0].any()
    assert flat.displacement.abs().max() > 0.5


def test_finish_lowers_the_cost_that_the_refinement_left_without_a_fold(pair, refined):
    finished = finish(refined, pair, settings=SETTINGS)

    def cost(found):
        return float(lncc(pair.fixed, warp(pair.moving, found.displacement), window=9, weight=pair.weight))

    inside = pair.weight[:, 0] > 0
    moved = (finished.displacement - refined.displacement).norm(dim=1)[inside]
    assert cost(finished) < 0.97 * cost(refined)
    assert float(jacobian_determinant(finished.displacement).min()) > 0
    assert 0.05 < float(moved.mean()) < 0.5  # voxels
    assert finished.iterations == refined.iterations + 5
    assert finished.costs == refined.costs


def test_finish_closes_on_a_shift_of_less_than_a_voxel(pair):
    moving = warp(pair.fixed, torch.tensor([0.3, 0.0]).view(1, 2, 1, 1).expand(1, 2, *pair.fixed.shape[2:]))
    shifted = ComparedPair(fixed=pair.fixed, moving=moving, weight=pair.weight, grid=pair.grid)

    found = finish(_start(pair), shifted, settings=SETTINGS).displacement

    # where there is nothing to be seen it stays, so the mean falls short of the whole shift
    inside = pair.weight[0, 0] > 0
    apart = (warp(moving, found) - pair.fixed).abs()[0, 0]
    assert -0.3 < float(found[0, 0][inside].mean()) < -0.07
    assert abs(float(found[0, 1][inside].mean())) < 0.03
    assert float(apart[inside].mean()) < 0.7 * float((moving - pair.fixed).abs()[0, 0][inside].mean())


def test_finish_that_raises_the_cost_is_taken_back(pair, refined):
    wild = RefinementSettings(finish=FinishSettings(iterations=1, step_voxels=4.0, fluid_voxels=0.5))

    kept = finish(refined, pair, settings=wild)

    assert torch.equal(kept.displacement, refined.displacement)
    assert kept.iterations == refined.iterations


def test_finish_leaves_images_that_fit_where_they_are(pair):
    same = ComparedPair(fixed=pair.fixed, moving=pair.fixed, weight=pair.weight, grid=pair.grid)

    assert not finish(_start(pair), same, settings=SETTINGS).displacement.any()


@pytest.mark.parametrize(("iterations", "seconds"), [(0, None), (5, 0.0), (5, -1.0)])
def test_finish_without_steps_or_time_leaves_the_field(iterations, seconds, pair, refined):
    none = RefinementSettings(finish=FinishSettings(iterations=iterations))

    kept = finish(refined, pair, settings=none, seconds=seconds)

    assert torch.equal(kept.displacement, refined.displacement)
    assert kept.iterations == refined.iterations
