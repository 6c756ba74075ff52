from collections.abc import Callable
from pathlib import Path

import pytest

from sarnet.cohort import Atlas, CohortPair, find_pairs
from sarnet.errors import DataError, InputError

Write = Callable[..., Path]

VISITS = ("image,patient,visit,labels", "a.png,p1,10,al.png", "b.png,p1,9,bl.png", "c.png,p2,0,", "d.png,p1,-1,")


def _names(pairs: list[CohortPair]) -> list[tuple[str, str, str]]:
    return [(pair.id, pair.files.fixed.name, pair.files.moving.name) for pair in pairs]


def test_visits_go_to_the_first_by_number_and_not_by_word(table: Write) -> None:
    pairs, seen_once = find_pairs(table(*VISITS))

    assert _names(pairs) == [("p1_9", "d.png", "b.png"), ("p1_10", "d.png", "a.png")]
    assert seen_once == ("p2",)
    assert pairs[0].files.moving_labels is None  # the first visit has none to compare with


def test_dates_are_put_in_their_order(table: Write) -> None:
    pairs = find_pairs(table("image,patient,visit,id", "a.png,p,2021-03-01,x", "b.png,p,2020-11-30,y")).pairs

    assert _names(pairs) == [("x", "b.png", "a.png")]


def test_visit_that_is_not_a_number_makes_all_of_them_words(table: Write) -> None:
    pairs = find_pairs(table("image,patient,visit", "a.png,p,2", "b.png,p,nan", "c.png,p,1")).pairs

    assert {pair.files.fixed.name for pair in pairs} == {"c.png"}


def test_everybody_goes_to_the_atlas(table: Write, tmp_path: Path) -> None:
    atlas = Atlas.of(tmp_path / "my_atlas.nii.gz", labels=tmp_path / "labels.nii.gz")

    pairs = find_pairs(table(*VISITS), atlas=atlas).pairs

    assert [(pair.id, pair.files.fixed.name) for pair in pairs] == [
        (id_, "my_atlas.nii.gz") for id_ in ("p1_10", "p1_9", "p2_0", "p1_-1")
    ]
    assert (pairs[0].files.fixed_labels, pairs[2].files.fixed_labels) == (tmp_path / "labels.nii.gz", None)
    assert atlas.space == "myatlas"


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        (("image,patient", "a.png,p1", "b.png,p1"), DataError, "a.png has no patient or no visit"),
        (("image,patient,visit", "a.png,p1,0", "b.png,p2,0"), InputError, "no patient has two visits"),
        (
            ("image,patient,visit", "a.png,p1,0", "b.png,p1,0"),
            InputError,
            "patient p1 has two images of visit 0, .*b.png the second",
        ),
    ],
)
def test_visits_that_make_no_pair_are_refused(
    lines: tuple[str, ...], error: type[Exception], message: str, table: Write
) -> None:
    with pytest.raises(error, match=message):
        find_pairs(table(*lines))


def test_pairs_and_an_atlas_are_one_too_many(table: Write) -> None:
    with pytest.raises(InputError, match="lists pairs, and an atlas is given, too"):
        find_pairs(table("fixed,moving", "a.png,b.png"), atlas=Atlas.of(Path("c.png")))


@pytest.fixture
def bids(tmp_path: Path) -> Path:
    root = tmp_path / "bids"
    for name in (
        "sub-02/ses-01/anat/sub-02_ses-01_T1w.nii.gz",
        "sub-01/ses-02/anat/sub-01_ses-02_T1w.nii.gz",
        "sub-01/ses-01/anat/sub-01_ses-01_T1w.nii.gz",
        "sub-01/ses-01/anat/sub-01_ses-01_T2w.nii.gz",
        "derivatives/other/sub-01/ses-01/anat/sub-01_ses-01_T1w.nii.gz",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    (root / "dataset_description.json").write_text('{"Name": "test", "BIDSVersion": "1.9.0"}')
    return root


def test_sessions_of_a_bids_directory_go_to_the_first(bids: Path) -> None:
    (pair,) = find_pairs(bids).pairs

    assert (pair.id, pair.folder) == ("sub-01_ses-02_anat", Path("sub-01/ses-02/anat"))
    assert pair.files.fixed == bids / "sub-01/ses-01/anat/sub-01_ses-01_T1w.nii.gz"
    assert pair.bids_names == (
        "sub-01_ses-02_from-T1w_to-ses01_mode-image_xfm.h5",
        "sub-01_ses-02_from-ses01_to-T1w_mode-image_xfm.h5",
        "sub-01_ses-02_space-ses01_T1w.nii.gz",
    )


def test_images_of_a_bids_directory_go_to_an_atlas(bids: Path) -> None:
    pairs = find_pairs(bids, atlas=Atlas.of(Path("MNI.nii.gz"))).pairs

    assert [pair.id for pair in pairs] == ["sub-01_ses-01_anat", "sub-01_ses-02_anat", "sub-02_ses-01_anat"]
    assert pairs[2].bids_names is not None
    assert pairs[2].bids_names.transform == "sub-02_ses-01_from-T1w_to-MNI_mode-image_xfm.h5"


def test_several_images_of_a_session_are_named(bids: Path) -> None:
    with pytest.raises(InputError, match=r"sub-01_ses-01_T1w.nii.gz, sub-01_ses-01_T2w.nii.gz; choose one of each"):
        find_pairs(bids, pattern="*_T?w.nii.gz")


def test_image_that_has_no_bids_name_is_not_passed_over(bids: Path) -> None:
    folder = bids / "sub-02/ses-01/anat"
    (folder / "sub-02_ses-01_Run-2_T1w.nii.gz").write_bytes(b"")
    (folder / "sub-02_ses-01_T1w.json").write_text("{}")
    (folder / "._sub-02_ses-01_T1w.nii.gz").write_bytes(b"")

    with pytest.raises(InputError, match=r"no BIDS name .*: sub-02/ses-01/anat/sub-02_ses-01_Run-2_T1w.nii.gz; renam"):
        find_pairs(bids, pattern="*_T1w*")


def test_directory_that_is_not_bids_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no dataset_description.json: wanted a CSV file, or a BIDS directory"):
        find_pairs(tmp_path)
