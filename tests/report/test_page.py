import json
import re
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarnet.errors import DataError
from sarnet.images import Image, read_image, write_image
from sarnet.report import write_report

Registered = Callable[..., Path]

SECTIONS = {"verdict", "numbers", "images", "agreement", "checkerboard", "overlay", "difference", "deformation", "cost"}
REFINED = {"adapt": "refined", "cost_history": [0.9, 0.5]}
DICE = {"dice_before": {"4": 0.25, "43": 0.75}, "dice": {"4": 0.5, "43": 0.875}}


class _Page(HTMLParser):
    """What a test asks of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.ids: set[str] = set()
        self.pictures: list[dict[str, str | None]] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.ids |= {named["id"] or ""} if "id" in named else set()
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "action", "data")]
        if tag == "img":
            self.pictures.append(named)
        if tag not in ("img", "meta", "circle", "path", "rect"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


@pytest.mark.parametrize("dimension", [2, 3])
def test_report_shows_every_section_and_picture(registered: Registered, dimension: int) -> None:
    folder = registered(dimension, record=DICE)

    page = _Page(write_report(folder))

    assert not page.open
    assert page.ids >= SECTIONS | {"labels", "provenance"}
    assert len(page.pictures) == 11 * (3 if dimension == 3 else 1) + 2
    for words in ("Improved: the images agree better.", "0.411 → 0.622", "0.500 → 0.688", "1.25 s", "0 %", "5e5e"):
        assert words in page.text
    assert page.text.count("so no letters do" if dimension == 2 else "Radiological display") == 1


def test_report_needs_nothing_from_elsewhere(registered: Registered) -> None:
    page = _Page(write_report(registered(record=DICE)))

    assert page.addresses
    beside = {"warped.nii.gz", "transform.h5", "inverse.h5", "displacement.nii.gz", "warped_labels.nii.gz"}
    assert all(address.startswith("data:image/") or address in beside for address in page.addresses)
    assert not re.search(r"https?://|url\(|@import|<script|<link", page.source)
    assert "default-src 'none'" in page.source


def test_every_picture_is_described_in_words_and_captioned(registered: Registered) -> None:
    page = _Page(write_report(registered(3, record=DICE)))

    descriptions = [picture["alt"] for picture in page.pictures]
    assert all(descriptions)
    assert len(set(descriptions)) == len(descriptions)
    assert page.source.count("<figcaption>") == page.source.count("<figure>")
    assert "<figcaption></figcaption>" not in page.source


def test_names_and_sentences_are_escaped(registered: Registered) -> None:
    evil = "<script>alert('x')</script>&"
    folder = registered(
        record={"verdict": [evil], "notes": [evil], "command": evil, "dice": {evil: 0.5}, "settings": {evil: evil}}
    )
    record = json.loads((folder / "registration.json").read_text(encoding="utf-8"))
    (folder.parent / "<b>&.nii.gz").write_bytes((folder.parent / "fixed.nii.gz").read_bytes())
    record["inputs"]["fixed"] = str(folder.parent / "<b>&.nii.gz")
    (folder / "registration.json").write_text(json.dumps(record))

    page = _Page(write_report(folder))

    assert "<script" not in page.source
    assert "<b>" not in page.source
    assert "<b>&.nii.gz" in page.text
    assert page.text.count(evil) >= 5


def test_report_without_labels_or_adaptation_leaves_them_out(registered: Registered) -> None:
    page = _Page(write_report(registered(record={"cost_history": [], "adapt": "none"})))

    assert "labels" not in page.ids
    assert "No course of a cost was recorded" in page.text
    assert len(page.pictures) == 11


def test_start_and_end_of_the_cost_are_said_where_there_is_no_course(registered: Registered) -> None:
    page = _Page(write_report(registered(record=REFINED | {"cost_initial": 0.9, "cost_final": 0.5})))

    assert "0.9 at its start, 0.5 at its end" in page.text
    assert len(page.pictures) == 11


def test_uncertainty_is_a_map_and_a_figure_where_it_was_asked_for(registered: Registered) -> None:
    files = {"warped": "warped.nii.gz", "transform": "transform.h5", "displacement": "displacement.nii.gz"}
    record = {
        "files": files | {"uncertainty": "uncertainty.nii.gz"},
        "inverse_consistency_mm": 0.25,
        "uncertainty_mm": 0.75,
    }
    folder = registered(record=record)
    fixed = read_image(folder.parent / "fixed.nii.gz")
    values = np.full(fixed.array.shape, 2.0, np.float32)
    values[:3, :3] = 9.0  # what lies outside does not set the scale
    write_image(replace(fixed, array=values), folder / "uncertainty.nii.gz")

    page = _Page(write_report(folder))
    plain = _Page(write_report(registered(record={"files": files})))

    assert "trust" in page.ids
    assert "trust" not in plain.ids
    assert len(page.pictures) == len(plain.pictures) + 1
    assert "0.25 mm" in page.text
    assert "0.75 mm" in page.text
    assert "2.00 mm" in page.text
    assert "9.00 mm" not in page.text


def test_uncertainty_of_another_image_is_refused(registered: Registered) -> None:
    files = {"warped": "warped.nii.gz", "transform": "transform.h5", "displacement": "displacement.nii.gz"}
    folder = registered(record={"files": files | {"uncertainty": "uncertainty.nii.gz"}})
    write_image(Image.from_array(np.zeros((5, 6), np.float32)), folder / "uncertainty.nii.gz")

    with pytest.raises(DataError, match=r"uncertainty\.nii\.gz has shape \(5, 6\), but the fixed image \(40, 48\)"):
        write_report(folder)


def test_report_of_the_least_record(registered: Registered, least: dict[str, Any]) -> None:
    folder = registered()
    record = json.loads((folder / "registration.json").read_text(encoding="utf-8"))
    least |= {key: record[key] for key in ("inputs", "files", "grid")}
    (folder / "registration.json").write_text(json.dumps(least))

    page = _Page(write_report(folder))

    assert "No verdict was recorded." in page.text
    assert "None" not in page.text.replace("None of", "")


@pytest.mark.parametrize("value", [0.0, 7.0, np.nan])
def test_report_of_images_of_one_value(registered: Registered, value: float) -> None:
    image = Image.from_array(np.full((20, 24), value, np.float32))

    page = _Page(write_report(registered(fixed=image, moving=image)))

    assert len(page.pictures) == 12


def test_folds_are_counted_and_marked(registered: Registered) -> None:
    field = np.zeros((40, 48, 2))
    field[20, 24, 0] = 4.0

    page = _Page(write_report(registered(displacement=field)))

    assert "1 of 1920 voxels are folded" in page.text
    assert "the smallest with a ring" in page.text


def test_field_that_folds_nowhere_says_so(registered: Registered) -> None:
    assert "None of 1920 voxels is folded." in _Page(write_report(registered())).text


def test_picture_files_name_no_side_of_the_patient(registered: Registered) -> None:
    page = _Page(write_report(registered(ending=".png")))

    assert "Shown as in the file, its first row on top" in page.text
    assert 'class="side' not in page.source


@pytest.mark.parametrize(("word", "mark"), [("Improved", "improved"), ("Unchanged", "unchanged"), ("Worse", "worse")])
def test_verdict_has_a_mark_of_its_own_shape(registered: Registered, word: str, mark: str) -> None:
    page = _Page(write_report(registered(record={"verdict": [f"{word}: so it is."]})))

    assert f'aria-label="{mark}"' in page.source


def test_report_is_the_same_bytes_again_and_leaves_nothing_behind(registered: Registered) -> None:
    folder = registered(record=DICE)
    before = {path.name for path in folder.iterdir()}

    first = write_report(folder).read_bytes()
    second = write_report(folder).read_bytes()

    assert first == second
    assert {path.name for path in folder.iterdir()} - before == {"report.html"}


def test_failed_report_keeps_the_older_one(registered: Registered, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = registered()
    (folder / "report.html").write_text("older")

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(DataError, match=r"report\.html cannot be written: Permission denied"):
        write_report(folder)

    assert (folder / "report.html").read_text(encoding="utf-8") == "older"
    assert not [path.name for path in folder.iterdir() if path.name.startswith(".")]


def test_report_of_a_noisy_radiograph_stays_below_three_megabytes(
    registered: Registered, rng: np.random.Generator
) -> None:
    smooth = 128 + 100 * np.sin(np.indices((512, 512)) / 40).prod(axis=0)
    fixed, moving = (
        Image.from_array((smooth + rng.normal(0, 5, smooth.shape)).clip(0, 255).astype(np.uint8)) for _ in "fm"
    )

    report = write_report(registered(fixed=fixed, moving=moving, ending=".png"))

    assert report.stat().st_size < 3e6
