from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from sarnet.benchmark.lungs import LUNGS, lung_cases, radiographs_of
from sarnet.config import BenchmarkSettings
from sarnet.datasets import load_images, load_masks, read_radiographs, split_by_patient
from sarnet.errors import DataError


def _settings(visits, **changes):
    return BenchmarkSettings(protocol="xray", data=visits, split="all", shifts=(1,), **changes)


def test_images_are_paired_in_the_tables_order(visits):
    cases = lung_cases(_settings(visits))

    assert [case.name for case in cases] == [f"image{i}<-image{(i + 1) % 6}" for i in range(6)]
    assert len(lung_cases(_settings(visits, subjects="second"))) == 3


def test_pair_is_what_training_sees_with_both_lungs_as_one_label(visits):
    pair = lung_cases(_settings(visits))[5].load()

    radiographs = read_radiographs(visits)
    both = (radiographs[5], radiographs[0])
    images, masks = load_images(both, size=256)[:, 0].numpy(), load_masks(both, size=256)[:, 0].numpy()
    np.testing.assert_array_equal([pair.fixed.array, pair.moving.array], images)
    np.testing.assert_array_equal([pair.labels.fixed.array, pair.labels.moving.array], LUNGS * masks)
    assert pair.structures == (255,)


def test_image_whose_mask_is_a_fragment_is_in_no_pair(visits):
    text = (
        visits.read_text(encoding="utf-8")
        .replace("image4.png", "CHNCXR_0603_1.png")
        .replace("image1.png", "CHNCXR_0606_1.png")
    )
    visits.write_text(text)

    assert lung_cases(_settings(visits))[0].name == "image0<-image2"
    assert len(lung_cases(_settings(visits))) == 4


def test_visits_of_a_patient_are_paired_first_to_later(visits):
    rows = visits.read_text(encoding="utf-8").splitlines()
    days = {"image1": "a 12", "image2": "b 0", "image3": "a 3", "image4": "b ", "image5": "a 7"}
    header, *body = (row.split(",") for row in rows)
    patient, visit = header.index("patient"), header.index("visit")
    for row in body:
        row[patient], row[visit] = days.get(Path(row[0]).stem, "c 0").split(" ")
    visits.write_text("\n".join(map(",".join, [header, *body])), encoding="utf-8")

    cases = lung_cases(_settings(visits).model_copy(update={"shifts": "visits"}))

    assert [case.name for case in cases] == ["image3<-image5", "image3<-image1"]


def test_halves_share_no_patient_and_shifts_pair_nobody_with_himself(visits):
    text = visits.read_text(encoding="utf-8")
    visits.write_text(text.replace("p3", "p2").replace("p5", "p4"), encoding="utf-8")

    halves = [
        [case.name for case in lung_cases(_settings(visits, subjects=which))] for which in ("first", "second", "all")
    ]

    assert halves[0] == ["image0<-image1", "image1<-image0"]
    assert halves[1] == ["image3<-image4", "image5<-image2"]
    assert "image2<-image3" not in halves[2]


def test_image_without_a_mask_is_refused(visits):
    text = visits.read_text(encoding="utf-8")
    visits.write_text(text.replace("mask2.png", ""), encoding="utf-8")

    with pytest.raises(DataError, match=r"has no mask for .*image2\.png"):
        lung_cases(_settings(visits))


def test_visits_of_which_nobody_has_two_are_refused(visits):
    with pytest.raises(DataError, match="shifts is 'visits', but nobody among the 6 X-rays"):
        lung_cases(_settings(visits).model_copy(update={"shifts": "visits"}))


def test_what_nobody_could_tell_is_handed_on_to_be_ignored(visits):
    mask = visits.parent / visits.read_text(encoding="utf-8").splitlines()[1].split(",")[1]
    array = np.asarray(PIL.Image.open(mask)).copy()
    array[:2] = 127
    PIL.Image.fromarray(array).save(mask)

    pair = lung_cases(_settings(visits))[0].load()

    assert pair.ignored == 127
    assert (pair.labels.fixed.array[:2] == 127).all()


def test_test_split_is_that_of_its_seed_whatever_else_is_drawn(visits):
    everyone = read_radiographs(visits)
    by_seed = [split_by_patient(everyone, seed=seed).test for seed in range(6)]
    other = next(seed for seed in range(6) if by_seed[seed] != by_seed[0])
    settings = BenchmarkSettings(protocol="xray", data=visits, split="test")

    assert radiographs_of(settings) == by_seed[0]
    assert radiographs_of(settings.model_copy(update={"seed": other})) == by_seed[0]
    assert radiographs_of(settings.model_copy(update={"split_seed": other})) == by_seed[other]


def test_one_image_alone_is_no_pair(visits):
    with pytest.raises(DataError, match="leaves 1 X-rays, but pairs need two at least"):
        lung_cases(BenchmarkSettings(protocol="xray", data=visits, split="test"))
