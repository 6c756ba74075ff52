import math

import pytest

from sarnet.curation import ManifestRow, check_split, fold_patients, patients_of, split_patients
from sarnet.errors import InputError


def _people(**counts):
    """So many patients of each group."""
    return {f"{group}{number}": group for group, count in counts.items() for number in range(count)}


def _row(patient, *, split="", group="", dataset="d"):
    empty = dict.fromkeys(ManifestRow._fields, "")
    return ManifestRow(**(empty | {"patient": patient, "split": split, "group": group, "dataset": dataset}))


def test_shares_are_70_10_20():
    parts = list(split_patients(_people(a=100), seed=0).values())

    assert [parts.count(part) for part in ("train", "validation", "test")] == [70, 10, 20]


@pytest.mark.parametrize("shares", [(math.nan, 0.1), (math.inf, 0.1), (0.9, 0.1), (0.0, 0.5)])
def test_shares_that_leave_nothing_are_refused(shares):
    with pytest.raises(InputError, match="must be positive and leave something for tests"):
        split_patients(_people(a=10), seed=0, shares=shares)


def test_seed_decides():
    people = _people(a=50)

    assert split_patients(people, seed=1) == split_patients(people, seed=1)
    assert split_patients(people, seed=1) != split_patients(people, seed=2)


@pytest.mark.parametrize("seed", range(5))
def test_every_part_has_its_share_of_each_group(seed):
    people = _people(a=60, b=30, c=10)

    parts = split_patients(people, seed=seed)

    for group, count in (("a", 60), ("b", 30), ("c", 10)):
        for part, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2)):
            found = sum(people[person] == group and parts[person] == part for person in people)
            assert abs(found - share * count) <= 1


def test_each_patient_is_tested_in_one_fold():
    people = _people(a=23)

    folds = fold_patients(people, seed=0, folds=5)

    tested = [person for fold in folds for person in fold if fold[person] == "test"]
    assert sorted(tested) == sorted(people)
    assert {len(fold) for fold in folds} == {23}
    assert {frozenset(fold.values()) for fold in folds} == {frozenset(("train", "validation", "test"))}


def test_folds_have_their_share_of_each_group():
    people = _people(a=50, b=10)

    for fold in fold_patients(people, seed=3, folds=5):
        of_b = [part for person, part in fold.items() if people[person] == "b"]
        assert of_b.count("test") == 2


@pytest.mark.parametrize(
    ("people", "folds", "message"), [(6, 1, "must be 2 at least"), (4, 5, "5 folds need 5"), (2, 2, "2 folds need 3")]
)
def test_too_few_are_not_folded(people, folds, message):
    with pytest.raises(InputError, match=message):
        fold_patients(_people(a=people), seed=0, folds=folds)


def test_same_name_in_two_data_sets_is_two_patients():
    rows = (_row("1", dataset="x"), _row("1", dataset="y"), _row("1", dataset="y"))

    assert len(patients_of(rows, balance=False)) == 2


def test_balance_needs_a_group_of_everybody():
    with pytest.raises(InputError, match="1 patients have no group to balance by, 'bob' the first"):
        patients_of((_row("ann", group="sick"), _row("bob")), balance=True)


def test_group_to_fill_in_is_that_of_the_source_where_a_run_would_undo_it():
    with pytest.raises(InputError, match="which every run writes anew, in the source's table, and prepare them again"):
        patients_of((_row("bob"),), balance=True)


def test_patient_in_two_parts_is_refused():
    with pytest.raises(InputError, match="patient 'ann' is in the splits 'train' and 'test'"):
        check_split((_row("ann", split="train"), _row("ann", split="test")))


def test_image_in_no_part_is_refused():
    with pytest.raises(InputError, match="has the split ''"):
        check_split((_row("ann", split="train"), _row("bob")))
