from collections.abc import Callable
from typing import Any

import pytest

from sarnet.registration import Record
from sarnet.report import facts

Recorded = dict[str, Any]
Numbers = Callable[..., dict[str, tuple[str, str]]]


@pytest.fixture
def numbers(least: Recorded) -> Numbers:
    def read(**recorded: object) -> dict[str, tuple[str, str]]:
        record = Record.model_validate({**least, **recorded})
        return {number.label: (number.value, number.note) for number in facts.key_numbers(record)}

    return read


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


def test_change_is_shown_from_before_to_after(numbers: Numbers) -> None:
    assert numbers(similarity_before=0.41, similarity_after=0.6225)["Similarity"][0] == "0.410 → 0.623"


def test_what_was_not_measured_says_so(numbers: Numbers) -> None:
    shown = numbers(similarity_after=float("nan"))

    assert shown["Similarity"][0] == "0.100 → not measured"
    assert "Dice" not in shown


def test_small_folding_is_not_rounded_away(numbers: Numbers) -> None:
    assert numbers(folding_percent=0.00123)["Folding"][0] == "0.00123 %"
    assert numbers(folding_percent=0.0)["Folding"][0] == "0 %"


def test_dice_counts_its_labels(numbers: Numbers) -> None:
    assert numbers(dice={"1": 0.5}, dice_before={"1": 0.25})["Dice"] == (
        "0.250 → 0.500",
        "mean of 1 label, 1 is perfect",
    )


def test_overlaps_show_the_change_where_both_are_known(least: Recorded) -> None:
    measured = {"dice_before": {"1": 0.5, "2": None}, "dice": {"1": 0.25, "2": 0.7}, "hd95_mm": {"1": 3.162, "2": None}}
    record = Record.model_validate({**least, **measured})

    first, second = facts.overlaps(record)

    assert (first.before, first.after, first.change) == ("0.500", "0.250", "-0.250")
    assert (second.before, second.after, second.change) == ("not measured", "0.700", "")
    assert [each.hd95 for each in (first, second)] == ["3.16", "not measured"]


def test_provenance_lists_only_what_was_recorded(least: Recorded) -> None:
    rows = dict(facts.provenance(Record.model_validate(least)))

    assert rows["Fixed image"] == "a.png"
    assert {"Model", "Network grid", "Affine start", "Command", "Seconds by stage"}.isdisjoint(rows)


def test_provenance_in_words(least: Recorded) -> None:
    recorded = {
        "seed": 0,
        "grid": {"size": [216, 291], "spacing_mm": [0.4512345, 1]},
        "affine": {"start": "headers", "kept": False, "iterations": 3, "cost_initial": 0.5, "cost_final": 0.0},
        "seconds_by_stage": {"network": 0.06, "affine_start": 0.2},
    }

    rows = dict(facts.provenance(Record.model_validate({**least, **recorded})))

    assert rows["Seed"] == "0"
    assert rows["Fixed grid"] == "216 x 291 voxels of 0.4512 x 1 mm"
    assert rows["Affine start"] == "headers, not kept, cost 0.5 → 0"
    assert rows["Seconds by stage"] == "affine start 0.200, network 0.060"


def test_lengths_of_pictures_are_told_in_pixels(least: Recorded, numbers: Numbers) -> None:
    lengths = {"mean_displacement_mm": 2.0, "largest_displacement_mm": 5.0, "inverse_residual_mm": 0.1}
    found = numbers(**lengths, inverse_consistency_mm=0.3, uncertainty_mm=0.4, length_unit="pixels")

    assert found["Displacement"] == ("2.00 pixels", "on average; largest 5.00 pixels")
    assert [found[name][0] for name in ("Inverse", "Inverse consistency", "Uncertainty")] == [
        "0.1 pixels",
        "0.30 pixels",
        "0.40 pixels",
    ]
    picture = {"grid": {"size": [5, 4], "spacing_mm": [1, 1]}, "length_unit": "pixels"}
    assert dict(facts.provenance(Record.model_validate({**least, **picture})))["Fixed grid"].endswith("1 x 1 pixels")
