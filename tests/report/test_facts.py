import pytest

from sarnet.report import facts
from sarnet.report.record import Record

LEAST = {"inputs": {"fixed": "a.png", "moving": "b.png"}, "files": {"warped": "warped.png"}}


def _numbers(**recorded: object) -> dict[str, tuple[str, str]]:
    record = Record.model_validate({**LEAST, **recorded})
    return {number.label: (number.value, number.note) for number in facts.key_numbers(record)}


@pytest.mark.parametrize(
    ("headline", "state"),
    [
        ("Improved: similarity rose.", "improved"),
        ("Unchanged.", "unchanged"),
        ("Worse, by far", "worse"),
        ("Nothing is known.", "unknown"),
        ("", "unknown"),
    ],
)
def test_mark_is_that_of_the_first_word(headline: str, state: str) -> None:
    assert facts.state(headline) == state


def test_change_is_shown_from_before_to_after() -> None:
    assert _numbers(similarity_before=0.41, similarity_after=0.6225)["Similarity"][0] == "0.410 → 0.623"


def test_what_was_not_measured_says_so() -> None:
    numbers = _numbers(similarity_after=float("nan"))

    assert numbers["Similarity"][0] == "not measured"
    assert numbers["Folding"][0] == "not measured"
    assert "Dice" not in numbers
    assert "Iterations" not in numbers


def test_small_folding_is_not_rounded_away() -> None:
    assert _numbers(folding_percent=0.00123)["Folding"][0] == "0.00123 %"
    assert _numbers(folding_percent=0.0)["Folding"][0] == "0 %"


def test_dice_counts_its_labels() -> None:
    assert _numbers(dice={"1": 0.5}, dice_before={"1": 0.25})["Dice"] == (
        "0.250 → 0.500",
        "mean of 1 label, 1 is perfect",
    )


def test_overlaps_show_the_change_where_both_are_known() -> None:
    record = Record.model_validate({**LEAST, "dice_before": {"1": 0.5, "2": None}, "dice": {"1": 0.25, "2": 0.7}})

    first, second = facts.overlaps(record)

    assert (first.before, first.after, first.change) == ("0.500", "0.250", "-0.250")
    assert (second.before, second.after, second.change) == ("not measured", "0.700", "")


def test_provenance_lists_only_what_was_recorded() -> None:
    assert dict(facts.provenance(Record.model_validate(LEAST))) == {"Fixed image": "a.png", "Moving image": "b.png"}


def test_provenance_in_words() -> None:
    recorded = {
        "seed": 0,
        "grid": {"size": [216, 291], "spacing_mm": [0.4512345, 1]},
        "affine": {"start": "identity", "kept": False, "cost_initial": 0.5, "cost_final": 0.0},
        "seconds_by_stage": {"network": 0.06, "affine_start": 0.2},
    }

    rows = dict(facts.provenance(Record.model_validate({**LEAST, **recorded})))

    assert rows["Seed"] == "0"
    assert rows["Fixed grid"] == "216 x 291 voxels of 0.4512 x 1 mm"
    assert rows["Affine start"] == "identity, not kept, cost 0.5 → 0"
    assert rows["Seconds by stage"] == "affine start 0.200, network 0.060"
