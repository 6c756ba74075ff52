import pytest

from sarnet.registration.verdict import trust, verdict

BEFORE = {"similarity": "lncc", "similarity_before": 0.3, "folding_percent": 0.0, "mean_displacement_voxels": 2.0}


@pytest.mark.parametrize(
    ("after", "headline"),
    [
        (0.5, "Improved: local correlation 0.300 before, 0.500 after (1 is perfect)."),
        (0.304, "Unchanged: local correlation 0.300 before, 0.304 after (1 is perfect)."),
        (0.296, "Unchanged: local correlation 0.300 before, 0.296 after (1 is perfect)."),
        (
            0.2,
            "Worse: local correlation 0.300 before, 0.200 after (1 is perfect). "
            "Do not use this result without checking it.",
        ),
    ],
)
def test_headline_is_the_change_of_similarity(after, headline):
    assert verdict(**BEFORE, similarity_after=after) == (headline, "The field folds nowhere.")


def test_two_contrasts_are_judged_by_what_each_tells_of_the_other():
    (headline, _) = verdict(**BEFORE | {"similarity": "nmi", "similarity_before": 0.11}, similarity_after=0.114)

    assert headline == "Improved: mutual information over joint entropy 0.110 before, 0.114 after (1 is perfect)."


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (0.5, 0.625, "The labels' mean overlap (Dice) rose from 0.500 to 0.625."),
        (0.5, 0.25, "The labels' mean overlap (Dice) fell from 0.500 to 0.250."),
        (1.0, 1.0, "The labels' mean overlap (Dice) stayed at 1.000."),
        (0.7001, 0.7002, "The labels' mean overlap (Dice) stayed at 0.700."),
    ],
)
def test_labels_overlap_follows_the_headline(before, after, sentence):
    assert verdict(**BEFORE, similarity_after=0.5, dice_before=before, dice_after=after)[1] == sentence


@pytest.mark.parametrize(
    ("percent", "sentence"),
    [
        (0.0, "The field folds nowhere."),
        (0.05, "The field folds in 0.050 % of the foreground, which is negligible."),
        (2.5, "The field folds in 2.50 % of the foreground: it is not one to one there."),
    ],
)
def test_folding_is_said_by_how_much_there_is(percent, sentence):
    assert sentence in verdict(**{**BEFORE, "folding_percent": percent}, similarity_after=0.5)


def test_affine_map_has_no_field_to_speak_of():
    only = verdict(**BEFORE | {"folding_percent": None, "mean_displacement_voxels": None}, similarity_after=0.5)

    assert len(only) == 1


@pytest.mark.parametrize(("length", "said"), [(0.01, True), (1.0, False)])
def test_field_that_does_nothing_is_told(length, said):
    sentences = verdict(**{**BEFORE, "mean_displacement_voxels": length}, similarity_after=0.3)

    assert any("close to zero (0.010 voxels on average)" in sentence for sentence in sentences) is said


@pytest.mark.parametrize(
    ("off_mm", "uncertainty_mm", "sentences"),
    [
        (0.4, None, ("Registered both ways and composed, points are off by 0.40 mm on average.",)),
        (
            1.5,
            0.8,
            (
                "Registered both ways and composed, points are off by 1.50 mm on average: the two disagree by more "
                "than a voxel.",
                "By repetitions at other exposures, the uncertainty is 0.80 mm on average.",
            ),
        ),
    ],
)
def test_trust_is_said_in_words_and_more_than_a_voxel_is_no_agreement(off_mm, uncertainty_mm, sentences):
    assert trust(inverse_consistency_mm=off_mm, voxel_mm=1.2, uncertainty_mm=uncertainty_mm) == sentences
