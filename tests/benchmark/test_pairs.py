from functools import partial
from pathlib import Path

import numpy as np
import pytest

from sarnet.benchmark import plan, summarise
from sarnet.benchmark.pair import Case, Landmarks, Pair
from sarnet.benchmark.pairs import DATA_SETS
from sarnet.config import BenchmarkSettings
from sarnet.images import Image, read_image, write_image
from sarnet.registration import register


@pytest.fixture
def settings(brains, fast) -> BenchmarkSettings:
    return BenchmarkSettings(
        protocol="brain2d",
        data=brains,
        shifts=(1,),
        methods=("sarnet", "forward"),
        registration=fast,
        variants={"forward": fast.model_copy(update={"adapt": "none"})},
    )


def test_methods_take_turns_and_each_pair_gives_each_a_row(settings):
    planned = plan(settings)

    rows = list(planned.measure(frozenset()))

    assert [(row.pair, row.method) for row in rows] == [
        (pair, method) for pair in ("1<-2", "2<-10", "10<-1") for method in ("sarnet", "forward")
    ]
    assert [row.key for row in rows] == list(planned.keys)
    # squares of 8 voxels, a row or two apart; subjects were made in the order 10, 2, 1
    assert [row.dice_before for row in rows[::2]] == pytest.approx([7 / 8, 7 / 8, 6 / 8])
    assert all(row.dice > row.dice_before for row in rows[::2])
    assert [row.hd95_before for row in rows[::2]] == [1, 1, 2]
    assert all(row.hd95 < 2 and row.mad < row.mad_before for row in rows[::2])
    assert {row.length_unit for row in rows} == {"mm"}
    assert all(row.dice == pytest.approx(np.mean(list(row.dice_by_label.values()))) for row in rows)
    assert [row.adapt for row in rows[:2]] == ["refined", "none"]
    assert all(row.seconds == pytest.approx(sum(row.seconds_by_stage.values())) for row in rows)
    assert summarise(rows).pairs == 6


def test_rows_that_are_there_are_not_computed_again(settings):
    planned = plan(settings)
    done = set(planned.keys) - {planned.keys[3]}

    (row,) = planned.measure(done)

    assert row.key == planned.keys[3]
    assert (row.pair, row.method) == ("2<-10", "forward")


@pytest.mark.parametrize(
    "change",
    [
        {"inverse_consistency": True},
        {"affine_start": False},
        {"registration": {"threads": 1, "longest_voxels": 48}},
    ],
)
def test_changed_setting_makes_new_rows(change, settings):
    changed = BenchmarkSettings.model_validate({**settings.model_dump(), **change, "methods": ("sarnet",)})

    assert not set(plan(changed).keys) & set(plan(settings).keys)


def test_more_pairs_keep_the_rows_of_the_first(settings):
    few, more = (plan(settings.model_copy(update={"most_pairs": most})) for most in (1, None))

    assert few.keys == more.keys[:2]


def test_labels_never_reach_a_method(settings, brains, tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()
        for path in (brains / name).iterdir():
            (tmp_path / name / path.name).write_bytes(path.read_bytes())
    for path in (tmp_path / "labels").iterdir():
        labels = read_image(path)
        write_image(Image(array=np.flipud(labels.array).astype(np.int16), grid=labels.grid), path)
    one = settings.model_copy(update={"most_pairs": 1, "methods": ("sarnet",), "inverse_consistency": True})

    (row,) = plan(one).measure(frozenset())
    (turned,) = plan(one.model_copy(update={"data": tmp_path})).measure(frozenset())

    assert turned.dice != row.dice
    assert turned.inverse_consistency_voxels == row.inverse_consistency_voxels > 0
    assert turned.folding_percent == row.folding_percent


def test_both_ways_are_composed_in_the_world(settings):
    one = settings.model_copy(update={"most_pairs": 1, "methods": ("sarnet",), "inverse_consistency": True})

    (row,) = plan(one).measure(frozenset())

    pair = DATA_SETS["brain2d"](one)[0].load()
    there = register(pair.fixed, pair.moving, one.registration).transform
    back = register(pair.moving, pair.fixed, one.registration).transform
    body = np.argwhere(pair.fixed.array != pair.fixed.array[0, 0])[:, ::-1].astype(float)  # a millimetre a voxel
    wanted = np.linalg.norm(back.points(there.points(body)) - body, axis=1).mean()
    assert row.inverse_consistency_voxels == pytest.approx(wanted, rel=1e-3)


def test_landmarks_are_followed_from_fixed_to_moving(settings, brains, monkeypatch):
    fixed, moving = (read_image(brains / "images" / f"made-up-20-{number}.nii.gz") for number in (1, 10))
    corners = np.array([[12.0, 12.0], [42.0, 30.0]])
    landmarks = Landmarks(fixed=corners + np.array([0, 2]), moving=corners)  # the squares are two rows apart

    case = Case(
        name="made up", subjects=("1", "1"), load=partial(Pair, fixed=fixed, moving=moving, landmarks=landmarks)
    )
    monkeypatch.setitem(DATA_SETS, "liver", lambda _: [case])

    (row,) = plan(settings.model_copy(update={"protocol": "liver", "methods": ("sarnet",)})).measure(frozenset())

    assert row.tre_mm_before == 2
    assert row.tre_mm < 0.7
    assert (row.dice, row.dice_by_label) == (None, {})


def test_folds_are_done_one_after_the_other(settings, brains):
    names = {
        number: (f"images/made-up-20-{number}.nii.gz", f"labels/made-up-20-{number}.nii.gz") for number in (1, 2, 10)
    }
    for fold, tested in enumerate([(1, 2), (2, 10)], start=1):
        rows = [
            f"{image},{labels},made-up,{number},0,{'test' if number in tested else 'train'}"
            for number, (image, labels) in names.items()
        ]
        (brains / f"fold-{fold}.csv").write_text("\n".join(["image,labels,dataset,patient,visit,split", *rows]) + "\n")
    folds = settings.model_copy(update={"data": brains / "fold-{fold}.csv", "folds": 2, "methods": ("forward",)})

    planned = plan(folds)

    assert [key.pair for key in planned.keys] == ["1<-2", "2<-1", "2<-10", "10<-2"]
    rows = list(planned.measure(planned.keys[:1]))
    assert [row.key for row in rows] == [*planned.keys[1:]]
    assert [row.fold for row in rows] == [1, 2, 2]
    assert (
        planned.keys[:2]
        == plan(settings.model_copy(update={"data": brains / "fold-1.csv", "methods": ("forward",)})).keys
    )


def test_weights_of_every_fold_are_its_own(settings, brains):
    folds = settings.model_copy(
        update={
            "data": brains / "fold-{fold}.csv",
            "folds": 5,
            "peers": {"dirnet": Path("weights/brains-{fold}/dirnet.safetensors")},
            "registration": settings.registration.model_copy(update={"model": "weights/brains-{fold}.safetensors"}),
        }
    )

    third = folds.in_fold(3)

    assert third.data == brains / "fold-3.csv"
    assert third.peers["dirnet"] == Path("weights/brains-3/dirnet.safetensors")
    assert third.registration.model == "weights/brains-3.safetensors"
    assert third.folds is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "folds.csv"}, "has no {fold}: all would test the same pairs"),
        ({"data": "fold-{fold}.csv", "rows": "rows-{fold}.jsonl"}, "all folds have their rows in one file"),
    ],
)
def test_folds_that_cannot_be_told_apart_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        BenchmarkSettings(protocol="brain2d", folds=2, **change)


@pytest.mark.parametrize("given", [{"methods": ("elastix",)}, {"subjects": "first"}, {"peers": {"mine": "w"}}])
@pytest.mark.parametrize("protocol", ["simulated-xray", "lung-masks"])
def test_what_a_protocol_without_methods_would_not_read_is_refused(protocol, given):
    with pytest.raises(
        ValueError, match=f"{next(iter(given))} was given, but {protocol} registers no pairs by methods"
    ):
        BenchmarkSettings(protocol=protocol, data="visits.csv", **given)


def test_visits_are_for_x_rays_alone():
    with pytest.raises(ValueError, match="shifts is 'visits', which only xray has, but protocol is 'brain2d'"):
        BenchmarkSettings(protocol="brain2d", data="brains", shifts="visits")
