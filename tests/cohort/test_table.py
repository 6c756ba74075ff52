from collections.abc import Callable
from pathlib import Path

import pytest

from sarnet.cohort.pair import check_pairs
from sarnet.cohort.table import images_of, pairs_of, read_table
from sarnet.errors import DataError, InputError

Write = Callable[..., Path]


def test_paths_of_a_table_are_relative_to_its_folder(table: Write, tmp_path: Path) -> None:
    path = table("id,fixed,moving,fixed_mask,site", "p1,a.png,b.png,m.png,north")

    (pair,) = pairs_of(read_table(path), spacing=(0.5,))

    assert pair.files.paths() == {
        "fixed": tmp_path / "a.png",
        "moving": tmp_path / "b.png",
        "fixed_mask": tmp_path / "m.png",
    }
    assert pair.files.spacing == (0.5,)
    assert pair.folder == Path("pairs/p1")
    assert pair.extra == {"site": "north"}


def test_guides_of_a_table_reach_the_pair(table: Write, tmp_path: Path) -> None:
    path = table("fixed,moving,guide_fixed,guide_moving,guide_points", "a.png,b.png,ga.png,gb.png,points.csv")

    (pair,) = pairs_of(read_table(path))

    assert (pair.files.guide_fixed, pair.files.guide_moving) == (tmp_path / "ga.png", tmp_path / "gb.png")
    assert pair.files.guide_points == tmp_path / "points.csv"
    assert not pair.extra


def test_blanks_around_names_and_cells_do_not_count(table: Write, tmp_path: Path) -> None:
    path = table("id, image ,patient,visit", "a, a.png,p1 ,0", "b,b.png ,p1, 1", files=False)

    images = images_of(read_table(path))

    assert [(image.image, image.patient, image.visit) for image in images] == [
        (tmp_path / "a.png", "p1", "0"),
        (tmp_path / "b.png", "p1", "1"),
    ]


def test_pair_without_an_id_is_called_after_its_files(table: Write) -> None:
    (pair,) = pairs_of(read_table(table("fixed,moving", "x/a.nii.gz,y/b.nii.gz", files=False)))

    assert pair.id == "b-to-a"


def test_image_is_called_after_its_patient_and_visit(table: Write) -> None:
    images = images_of(read_table(table("image,patient,visit,age", "a.png,p1,0,61", "b.png,,,")))

    assert [image.id for image in images] == ["p1_0", "b"]
    assert images[0].extra == {"patient": "p1", "visit": "0", "age": "61"}


def test_files_are_named_by_their_whole_paths(table: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = table("fixed,moving", "a.png,b.png")
    monkeypatch.chdir(tmp_path)

    (pair,) = pairs_of(read_table(path.relative_to(tmp_path)))

    assert (pair.files.fixed, pair.files.moving) == (tmp_path / "a.png", tmp_path / "b.png")


def test_ids_keep_the_dots_within_a_name(table: Write) -> None:
    images = images_of(read_table(table("image", "scan.2019.nii.gz", "scan.2020.nii.gz")))

    assert [image.id for image in images] == ["scan.2019", "scan.2020"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["fixed,other", "a.png,b.png"], "has no column moving; wanted are fixed and moving, or image"),
        (["fixed,moving,fixed_lables", "a,b,c"], "column 'fixed_lables'; did you mean 'fixed_labels'?"),
        (["fixed,moving", "a.png,"], "row 2, has no moving image"),
        (
            ["fixed,moving,fixed_labels", "a.png,b.png,c.png"],
            "row 2: moving_labels is missing",
        ),
        (
            ["fixed,moving,guide_moving", "a.png,b.png,c.png"],
            "row 2: guide_fixed is missing",
        ),
        (["fixed,moving", "a.png,b.png", "a.png,b.png,c.png"], "row 3, has more cells than the 2 columns"),
        (["fixed,moving"], "has no row"),
        (["fixed,moving,age,age", "a.png,b.png,61,62"], "has two columns 'age': give each a name of its own"),
        (["fixed,moving,seconds", "a.png,b.png,3"], "column 'seconds', which the summary has of its own: rename it"),
    ],
)
def test_wrong_table_is_told_by_row_and_column(lines: list[str], message: str, table: Write) -> None:
    path = table(*lines)

    with pytest.raises(DataError, match=message.replace("(", r"\(").replace("?", r"\?")):
        pairs_of(read_table(path))


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image.csv").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(DataError, match="cannot be read as a CSV"):
        read_table(tmp_path / "image.csv")


def test_all_missing_files_are_named_at_once(table: Write, tmp_path: Path) -> None:
    path = table("id,fixed,moving", "p1,a.png,b.png", "p2,a.png,c.png", "p3,d.png,c.png", files=False)
    (tmp_path / "a.png").write_bytes(b"")
    pairs = pairs_of(read_table(path))

    with pytest.raises(DataError) as error:
        check_pairs(pairs)

    wanted = ", ".join(str(tmp_path / name) for name in ("b.png", "c.png", "d.png"))
    assert str(error.value) == f"3 files do not exist: {wanted}"


def test_wrong_ids_do_not_hide_missing_files(table: Write, tmp_path: Path) -> None:
    path = table("id,fixed,moving", "p1,a.png,b.png", "p1,a.png,b.png", ".p2,a.png,b.png", files=False)
    (tmp_path / "a.png").write_bytes(b"")

    with pytest.raises(InputError) as error:
        check_pairs(pairs_of(read_table(path)))

    assert str(error.value) == (
        "each id must be given once, but several rows have: p1; an id must be able to name a folder (a letter or "
        f"digit, then letters, digits and . _ + -), but there are: '.p2'; 1 file does not exist: {tmp_path / 'b.png'}"
    )


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (["p1", "p2", "p1", "p3", "p2"], "each id must be given once, but several rows have: p1, p2"),
        (["p1", "../p2", ".p3"], r"an id must be able to name a folder .*'\.\./p2', '\.p3'"),
    ],
)
def test_ids_that_cannot_be_folders_of_their_own_are_all_named(ids: list[str], message: str, table: Write) -> None:
    path = table("id,fixed,moving", *(f"{name},a.png,b.png" for name in ids), files=False)

    with pytest.raises(InputError, match=message):
        check_pairs(pairs_of(read_table(path)))
