from pathlib import Path

import pytest
import torch

from sarnet.config import AugmentationSettings, SimulationSettings, SourceSettings
from sarnet.datasets import Original, Radiograph
from sarnet.errors import ConfigError, InputError
from sarnet.training.batches import PairSources, check_sources

STILL = AugmentationSettings(
    zoom=(1, 1), rotation_degrees=0, mirror_probability=0, remap_probability=0, exposure=0, noise=0
)
WHO = ["ann", "ann", "bob", "bob", "cy"]
SIMULATED, PATIENTS, VISITS = (
    SourceSettings(kind=kind, pairs=2, augmentation=STILL) for kind in ("simulated", "patients", "visits")
)


def _radiographs(who):
    visits = [str(who[:place].count(name)) for place, name in enumerate(who)]
    return tuple(
        Radiograph(image=Path("i.png"), mask=Path("m.png"), dataset="d", patient=name, visit=visit)
        for name, visit in zip(who, visits, strict=True)
    )


def _sources(*sources, who=WHO, seed=0, images=None):
    """Images each of a grey of its own, 0.1 for the first, 0.2 for the second."""
    radiographs = _radiographs(who)
    if images is None:
        images = (0.1 * (torch.arange(float(len(who))) + 1)).view(-1, 1, 1, 1).expand(-1, 1, 32, 32).clone()
    originals = Original(images, (images > 0.25).float())
    return PairSources(originals, radiographs, sources=sources, simulation=SimulationSettings(), seed=seed)


def _places(images):
    """Which images they were: by the grey that is left in their middle."""
    return (10 * images[:, 0, 16, 16] - 1).round().int().tolist()


def _drawn(sources, steps):
    batches = [sources.draw(step).pair for step in range(steps)]
    return [pair for batch in batches for pair in zip(_places(batch.fixed), _places(batch.moving), strict=True)]


def _equal(first, second):
    parts = [(*batch.pair, batch.known, batch.segmented) for batch in (first, second)]
    return all(torch.equal(one, other) for one, other in zip(*parts, strict=True))


def test_batch_has_the_pairs_of_every_source_in_order_and_says_what_counts_for_them():
    sources = _sources(SIMULATED, PATIENTS.model_copy(update={"pairs": 1, "masks": False}), VISITS)

    batch = sources.draw(0)

    assert sources.pairs == 5
    assert batch.pair.fixed.shape == (5, 1, 32, 32)
    assert batch.known.tolist() == [True, True, False, False, False]
    assert batch.segmented.tolist() == [True, True, False, True, True]


def test_aligned_source_brings_the_moving_image_onto_the_fixed_one():
    rng = torch.Generator().manual_seed(5)
    texture = torch.nn.functional.interpolate(torch.rand(1, 1, 8, 8, generator=rng), size=(64, 64), mode="bicubic")
    images = torch.cat([torch.roll(texture, (3 * place, -2 * place), dims=(2, 3)) for place in range(2)])
    images[:, :, :8] = images[:, :, -8:] = images[..., :8] = images[..., -8:] = 0
    one = PATIENTS.model_copy(update={"pairs": 1})

    apart, aligned = (
        _sources(one.model_copy(update={"aligned": brought}), who=["ann", "bob"], images=images).draw(0).pair
        for brought in (False, True)
    )

    assert torch.equal(apart.fixed, aligned.fixed)
    missed, left = ((each.moving - each.fixed)[..., 14:-14, 14:-14].abs().mean() for each in (apart, aligned))
    assert left < 0.3 * missed


def test_simulated_pairs_have_nothing_to_align():
    with pytest.raises(ValueError, match="aligned is true, but an image and itself need no affine map"):
        SourceSettings(kind="simulated", pairs=1, aligned=True)


def test_same_seed_and_step_give_the_same_pairs_whatever_was_drawn_before():
    first, again = _sources(SIMULATED, PATIENTS), _sources(SIMULATED, PATIENTS)
    first.draw(3)
    torch.manual_seed(9)

    assert _equal(first.draw(7), again.draw(7))


@pytest.mark.parametrize("other", [{"step": 8}, {"seed": 1}], ids=["step", "seed"])
def test_another_step_or_seed_gives_other_pairs(other):
    drawn = _sources(SIMULATED).draw(7).pair.displacement

    changed = _sources(SIMULATED, seed=other.get("seed", 0)).draw(other.get("step", 7)).pair.displacement

    assert not torch.equal(drawn, changed)


def test_pairs_of_a_step_differ():
    displacement = _sources(SIMULATED).draw(0).pair.displacement

    assert not torch.equal(displacement[0], displacement[1])


def test_shares_of_two_processes_are_together_the_whole_batch():
    sources = _sources(SIMULATED, PATIENTS)
    whole = sources.draw(5)

    shares = [sources.draw(5, process=process, processes=2) for process in (0, 1)]

    for share, first in zip(shares, (0, 1), strict=True):
        mine = slice(first, None, 2)  # of every source one
        wanted = whole._replace(
            pair=type(whole.pair)(*(part[mine] for part in whole.pair)),
            known=whole.known[mine],
            segmented=whole.segmented[mine],
        )
        assert _equal(share, wanted)


def test_simulated_pairs_are_of_one_image():
    assert all(fixed == moving for fixed, moving in _drawn(_sources(SIMULATED), 10))


def test_pairs_of_patients_are_never_of_one():
    drawn = _drawn(_sources(PATIENTS), 20)

    assert all(WHO[fixed] != WHO[moving] for fixed, moving in drawn)
    assert {place for pair in drawn for place in pair} == set(range(5))  # everybody's turn comes


def test_visits_are_the_first_and_a_later_one_of_one_patient():
    assert set(_drawn(_sources(VISITS), 10)) == {(0, 1), (2, 3)}


def test_known_fields_are_there_and_unknown_ones_zero():
    displacement = _sources(SIMULATED, PATIENTS).draw(0).pair.displacement

    assert (displacement[:2].abs().amax(dim=(1, 2, 3)) > 0).all()
    assert torch.count_nonzero(displacement[2:]) == 0


def test_exchanged_batch_has_the_roles_turned_round_and_the_same_say():
    batch = _sources(SIMULATED, PATIENTS).draw(0)

    other = batch.exchanged()

    assert torch.equal(other.pair.fixed, batch.pair.moving)
    assert torch.equal(other.pair.displacement, batch.pair.reverse)
    assert torch.equal(other.pair.moving_mask, batch.pair.fixed_mask)
    assert torch.equal(other.known, batch.known)
    assert _equal(other.exchanged(), batch)


def test_image_that_holds_nan_is_refused_with_the_step():
    images = torch.full((2, 1, 32, 32), 0.5)
    images[1, 0, 16, 16] = float("nan")
    sources = _sources(PATIENTS, who=["ann", "bob"], images=images)

    with pytest.raises(InputError, match=r"the images drawn for step 7 hold NaN or infinity: look at those"):
        sources.draw(7)


@pytest.mark.parametrize(
    ("sources", "who", "message"),
    [
        ((), WHO, "names none with pairs, but the stage needs them: add one"),
        ((VISITS,), ["ann", "bob"], "asks for visits, but no training patient came twice"),
        ((PATIENTS,), ["ann", "ann"], "asks for pairs of patients, but there is only one to train on"),
    ],
    ids=["none", "visits", "patients"],
)
def test_what_cannot_be_drawn_is_refused(sources, who, message):
    with pytest.raises(ConfigError, match=f"^peer.sources {message}"):
        check_sources(sources, _radiographs(who), name="peer.sources")
