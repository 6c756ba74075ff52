"""A whole run: what it writes, what it leaves out and why, how it goes on."""

import hashlib
import json
import os

import numpy as np
import pytest

from sarnet.curation import divide, prepare, settings_for
from sarnet.curation.entry import read_journal
from sarnet.errors import ConfigError, DataError, InputError
from sarnet.images import Grid, Image, read_image, read_labels, write_image


@pytest.fixture
def own(tmp_path, picture, write):
    """A folder of five pictures."""
    for name in "abcde":
        write(picture(), tmp_path / f"own/{name}.png")
    return tmp_path / "own"


def test_image_comes_out_as_it_went_in(own, prepared, tmp_path):
    done, rows = prepared("folder", own)

    for name in "abcde":
        np.testing.assert_array_equal(
            read_image(tmp_path / "out" / rows[name].image).array, read_image(own / f"{name}.png").array
        )
    assert (done.images, done.done_now, done.left_out) == (5, 5, ())


def test_every_source_file_is_on_record_with_its_hash(own, write, disc, prepared, tmp_path):
    write(disc(), own / "a_mask.png")

    _, rows = prepared("folder", own)

    sources = read_journal(tmp_path / "out")["a"].sources
    assert [(record.path, record.sha256) for record in sources] == [
        (name, hashlib.sha256((own / name).read_bytes()).hexdigest()) for name in ("a.png", "a_mask.png")
    ]
    assert rows["a"].source_sha256 == sources[0].sha256


def test_second_run_does_nothing_and_touches_nothing(own, prepared, tmp_path):
    prepared("folder", own)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}

    done, _ = prepared("folder", own)

    assert done.done_now == 0
    after = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert set(after) == set(before)
    changed = {path.name for path in after if after[path] != before[path]}
    assert changed <= {"provenance.jsonl"}  # opened to be appended to


def test_only_what_changed_is_done_again(own, prepared, picture, write):
    prepared("folder", own)
    write(picture(), own / "c.png")

    done, rows = prepared("folder", own)

    assert done.done_now == 1
    assert rows["c"].source_sha256 == hashlib.sha256((own / "c.png").read_bytes()).hexdigest()


def test_removed_output_is_made_again(own, prepared, tmp_path):
    _, rows = prepared("folder", own)
    (tmp_path / "out" / rows["b"].image).unlink()

    done, _ = prepared("folder", own)

    assert done.done_now == 1
    assert (tmp_path / "out" / rows["b"].image).is_file()


def test_other_size_makes_every_image_anew(own, prepared):
    prepared("folder", own)

    done, rows = prepared("folder", own, size=16)

    assert done.done_now == 5
    assert {row.size for row in rows.values()} == {"16 16"}


def test_image_that_is_gone_leaves_the_prepared_data(own, prepared, tmp_path):
    _, rows = prepared("folder", own)
    (own / "d.png").unlink()

    done, after = prepared("folder", own)

    assert (done.images, set(after)) == (4, set("abce"))
    assert not (tmp_path / "out" / rows["d"].image).exists()


def test_interrupted_run_is_gone_on_with(own, tmp_path):
    settings = settings_for("folder", {})

    def stop(name, done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare("folder", own, tmp_path / "out", settings, workers=1, report=stop)
    assert not (tmp_path / "out/manifest.csv").exists()
    with (tmp_path / "out/provenance.jsonl").open("a") as journal:
        journal.write('{"name": "c", "ke')  # cut off in the middle of a line

    done = prepare("folder", own, tmp_path / "out", settings, workers=1)

    assert (done.images, done.done_now) == (5, 3)


def test_several_processes_write_the_same_as_one(own, tmp_path):
    settings = settings_for("folder", {"size": 16})

    for workers in (1, 2):
        prepare("folder", own, tmp_path / str(workers), settings, workers=workers)

    one, two = (
        {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*.png")}
        for folder in (tmp_path / "1", tmp_path / "2")
    )
    assert one == two
    assert (tmp_path / "1/manifest.csv").read_bytes() == (tmp_path / "2/manifest.csv").read_bytes()


def test_verify_finds_what_size_and_time_hide(own, prepared):
    prepared("folder", own)
    content, stat = (own / "a.png").read_bytes(), (own / "a.png").stat()
    (own / "a.png").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(own / "a.png", ns=(stat.st_atime_ns, stat.st_mtime_ns))

    quick, _ = prepared("folder", own)
    sure, _ = prepared("folder", own, verify=True)

    assert (quick.done_now, sure.done_now) == (0, 1)
    assert any("a was prepared anew" in note for note in sure.notes)
    assert "4 images verified by the hashes of their files." in sure.notes


def test_split_outlives_a_run_that_changes_no_image(own, prepared, tmp_path):
    from sarnet.curation import read_manifest, write_manifest

    prepared("folder", own)
    split = [row._replace(split="train") for row in read_manifest(tmp_path / "out")]
    write_manifest(tmp_path / "out/manifest.csv", split)

    _, again = prepared("folder", own, size=16)
    (own / "e.png").rename(own / "f.png")
    done, other = prepared("folder", own, size=16)

    assert {row.split for row in again.values()} == {"train"}
    assert {name: row.split for name, row in other.items()} == dict.fromkeys("abcd", "train") | {"f": ""}
    assert done.notes[-1].startswith("The split is incomplete: 1 images are in no part, images/f.png the first.")
    assert done.notes[-1].endswith(f"sarnet data split {tmp_path / 'out'} --overwrite")


def test_new_image_of_a_patient_comes_into_the_patients_part(tmp_path, picture, write, prepared):
    from sarnet.curation import divide

    for patient in ("ann", "bob", "cid"):
        write(picture(), tmp_path / f"own/{patient}/2019.png")
    prepared("folder", tmp_path / "own")
    divide(tmp_path / "out", seed=0)
    write(picture(), tmp_path / "own/bob/2021.png")

    done, rows = prepared("folder", tmp_path / "own")

    assert rows["bob_2021"].split == rows["bob_2019"].split != ""
    assert done.notes == ()


def _png(folder, name):
    return folder / f"{name}.png"


def test_each_fault_leaves_its_image_out_and_says_why(own, prepared, write, disc, picture, tmp_path):
    content = _png(own, "a").read_bytes()
    _png(own, "a").write_bytes(content[: len(content) // 2])
    write(np.full((40, 32), 7, np.uint8), _png(own, "b"))
    write(disc((20, 16)), _png(own, "c_mask"))
    write(np.zeros((40, 32), np.uint8), _png(own, "d_mask"))
    _png(own, "g").write_bytes(_png(own, "e").read_bytes())
    (own / "h.dcm").write_bytes(b"DICM" * 100)
    volume = write(picture((8, 9, 10)), own / "i.nii.gz")
    volume.write_bytes(volume.read_bytes()[:-200])
    write(np.float32(picture()) + np.where(disc() > 0, np.nan, 0).astype(np.float32), own / "j.nrrd")

    done, rows = prepared("folder", own)

    reasons = dict(done.left_out)
    assert set(rows) == {"e"}
    assert reasons.keys() == set("abcdghij")
    for name, said in {
        "a": "its image",
        "b": "its image is blank: 7 everywhere",
        "c": "its mask has size 16 x 20, but the image has 32 x 40",
        "d": "its mask shows nothing",
        "g": "its file has the same content as that of e",
        "h": "its image is damaged or in no known format",
        "i": "its image",
        "j": "values that are not finite",
    }.items():
        assert said in reasons[name], reasons[name]
    listed = (tmp_path / "out/left-out.csv").read_text(encoding="utf-8").splitlines()
    assert len(listed) == 1 + len(reasons)
    assert str(tmp_path) not in "".join(listed)
    assert {path.name.partition(".")[0] for path in (tmp_path / "out/images").iterdir()} == {"e"}


def test_reason_is_the_same_in_every_run(own, prepared):
    content = _png(own, "a").read_bytes()
    _png(own, "a").write_bytes(content[: len(content) // 2])

    done, _ = prepared("folder", own)

    assert "0x" not in done.left_out[0].reason


def test_data_without_any_image_are_an_error_that_names_the_list(own, prepared, picture, write, tmp_path):
    prepared("folder", own)
    for name in "abcde":
        _png(own, name).write_bytes(b"no picture")

    for _ in range(2):  # nothing to do is no success
        with pytest.raises(
            DataError, match=r"left-out\.csv names every image, none is prepared: 5 x its image is damaged"
        ):
            prepared("folder", own)
    assert not (tmp_path / "out/manifest.csv").exists()

    write(picture(), _png(own, "a"))
    done, _ = prepared("folder", own)
    assert (done.images, len(done.left_out)) == (1, 4)


def test_values_beside_their_header_are_on_record_and_looked_at(own, prepared, picture, write, tmp_path):
    write(picture((8, 9, 10)), own / "v.mhd")
    _, rows = prepared("folder", own)
    sources = {record.path: record.sha256 for record in read_journal(tmp_path / "out")["v"].sources}
    values = picture((8, 9, 10))
    values.tofile(own / "v.raw")

    done, _ = prepared("folder", own)

    assert set(sources) == {"v.mhd", "v.raw"}
    assert done.done_now == 1
    np.testing.assert_array_equal(read_image(tmp_path / "out" / rows["v"].image).array, values)


def test_same_header_of_other_values_is_another_image(tmp_path, prepared, picture, write):
    for patient in ("ann", "bob"):
        write(picture((8, 9, 10)), tmp_path / f"own/{patient}/v.mhd")

    done, rows = prepared("folder", tmp_path / "own")

    assert (set(rows), done.left_out) == ({"ann_v", "bob_v"}, ())


def test_12_bits_read_as_8_are_told(own, prepared, picture, write):
    deep = picture((80, 64), highest=4000)
    write(np.minimum(deep, 255).astype(np.uint8), _png(own, "clipped"))
    write((deep & 255).astype(np.uint8), _png(own, "wrapped"))
    write(deep, _png(own, "whole"))

    done, rows = prepared("folder", own)

    reasons = dict(done.left_out)
    assert reasons.keys() == {"clipped", "wrapped"}
    assert "is clipped" in reasons["clipped"]
    assert "jumps from dark to bright" in reasons["wrapped"]
    assert "whole" in rows


def test_16_bits_keep_their_depth(own, prepared, picture, write, tmp_path):
    deep = picture((40, 32), highest=4000)
    write(deep, _png(own, "deep"))

    _, rows = prepared("folder", own)

    np.testing.assert_array_equal(read_image(tmp_path / "out" / rows["deep"].image).array, deep)


def test_mixed_spacings_are_told(own, prepared, picture, write):
    write(picture(), own / "x.nii.gz", spacing=(0.5, 0.5))
    write(picture(), own / "y.nii.gz", spacing=(0.7, 0.7))

    done, _ = prepared("folder", own)

    assert "Spacings differ, 3 of them: unknown (5); 0.5 0.5 (1); 0.7 0.7 (1) mm." in done.notes


def test_spacing_makes_voxels_alike_and_keeps_places(own, prepared, write, tmp_path):
    ramp = np.broadcast_to(np.arange(20, dtype=np.float32), (30, 20))  # x in voxels of 2 mm
    image = Image(
        array=np.ascontiguousarray(ramp),
        grid=Grid(size=(20, 30), spacing=(2.0, 1.0), origin=(100.0, -5.0), direction=(1.0, 0.0, 0.0, 1.0)),
    )
    write_image(image, own / "ramp.nii.gz")

    _, rows = prepared("folder", own, spacing_mm=1.0)

    found = read_image(tmp_path / "out" / rows["ramp"].image)
    assert found.grid.size == (40, 30)
    x = found.grid.origin[0] + np.arange(40)  # world, 1 mm a voxel
    inside = (x >= 100) & (x <= 138)
    np.testing.assert_allclose(found.array[15, inside], ((x - 100) / 2)[inside], atol=1e-4)


def test_spacing_of_an_image_whose_own_nobody_knows_is_not_guessed(own, prepared):
    with pytest.raises(DataError, match="has no spacing, but spacing_mm asks for millimetres: give it in the table"):
        prepared("folder", own, spacing_mm=0.5)


def test_middle_slice_of_a_volume_is_an_image_of_two_axes(picture, write, prepared, tmp_path):
    volume, lungs = picture((5, 40, 32)), np.zeros((5, 40, 32), np.uint8)
    lungs[2, 10:20, 8:16] = 1
    write(volume, tmp_path / "own/ann/a.nii.gz", spacing=(1.5, 1.25, 8.0))
    write(lungs, tmp_path / "own/ann/a_mask.nii.gz", spacing=(1.5, 1.25, 8.0))
    write(picture((40, 32)), tmp_path / "own/bob/b.nii.gz", spacing=(1.5, 1.25))

    _, rows = prepared("folder", tmp_path / "own", slices="middle")

    image, mask = (read_image(tmp_path / "out" / path) for path in (rows["ann_a"].image, rows["ann_a"].mask))
    np.testing.assert_array_equal(image.array, volume[2])
    np.testing.assert_array_equal(mask.array, 255 * lungs[2])
    assert image.grid.spacing == pytest.approx((1.5, 1.25))
    assert {row.size for row in rows.values()} == {"32 40"}


def test_volume_whose_middle_slice_shows_nothing_of_the_mask_is_left_out(picture, write, prepared, tmp_path):
    lungs = np.zeros((5, 40, 32), np.uint8)
    lungs[0, 10:20, 8:16] = 1
    write(picture((5, 40, 32)), tmp_path / "own/ann/a.nii.gz")
    write(picture((5, 40, 32)), tmp_path / "own/ann/b.nii.gz")
    write(lungs, tmp_path / "own/ann/a_mask.nii.gz")

    done, rows = prepared("folder", tmp_path / "own", slices="middle")

    assert set(rows) == {"ann_b"}
    assert dict(done.left_out)["ann_a"].startswith("its mask shows nothing any more in what is kept")


def test_size_with_spacing_cuts_and_pads_about_the_centre(own, prepared, write, picture, tmp_path):
    write(picture((30, 50)), own / "wide.nii.gz", spacing=(1.0, 1.0))

    _, rows = prepared("folder", own, spacing_mm=1.0, size=40)

    found, whole = read_image(tmp_path / "out" / rows["wide"].image), read_image(own / "wide.nii.gz")
    assert found.array.shape == (40, 40)
    np.testing.assert_allclose(found.array[5:35], whole.array[:, 5:45], atol=1e-4)


def test_masks_are_255_inside_whatever_the_archive_has(own, prepared, write, disc, tmp_path):
    write(disc(value=1), _png(own, "a_mask"))
    both = disc()
    both[:3] = 127  # to be ignored
    write(both, _png(own, "b_mask"))

    _, rows = prepared("folder", own)

    for name in "ab":
        np.testing.assert_array_equal(read_labels(tmp_path / "out" / rows[name].mask).array, disc())


def test_mask_values_say_what_is_inside(own, prepared, write, disc, tmp_path):
    labels = disc(value=7)
    labels[:3] = 9
    write(labels, _png(own, "a_mask"))

    _, rows = prepared("folder", own, mask_values=[9])

    assert (read_labels(tmp_path / "out" / rows["a"].mask).array[:3] == 255).all()
    assert not read_labels(tmp_path / "out" / rows["a"].mask).array[3:].any()


def test_drawn_masks_are_marked_so(own, prepared):
    _, rows = prepared("folder", own, mask_model="sarnet-cxr")

    assert {row.mask_by.split()[0] for row in rows.values()} == {"sarnet-cxr"}
    assert all(row.mask for row in rows.values())


def test_brain_is_cut_out_by_its_mask(tmp_path, prepared, picture, write, disc):
    head = picture((12, 14, 16))
    write(head, tmp_path / "own/head.nii.gz")
    write(disc((12, 14, 16)), tmp_path / "own/head_mask.nii.gz")

    _, rows = prepared("folder", tmp_path / "own", brain="mask")

    found = read_image(tmp_path / "out" / rows["head"].image).array
    np.testing.assert_array_equal(found, np.where(disc((12, 14, 16)) > 0, head, 0))


def test_brain_by_a_given_mask_is_manual_where_deepbet_is_the_rule(tmp_path, prepared, picture, write, disc):
    write(picture((12, 14, 16)), tmp_path / "own/head.nii.gz")
    write(disc((12, 14, 16)), tmp_path / "given/head.nii.gz")

    _, rows = prepared("folder", tmp_path / "own", brain="deepbet", masks=tmp_path / "given")

    assert rows["head"].mask_by == "manual"


@pytest.mark.parametrize(
    ("source", "settings", "error", "message"),
    [
        ("chestxray", {}, InputError, "source is 'chestxray', but must be one of acdc, adni"),
        ("folder", {"sizes": 3}, ConfigError, "did you mean 'size'"),
        ("folder", {"size": 2}, ConfigError, "greater than or equal to 8"),
        ("adni", {"template": ""}, ConfigError, "'template' is empty, but must be mni, the name of a file, or none"),
    ],
)
def test_wrong_words_are_refused(source, settings, error, message):
    with pytest.raises(error, match=message):
        settings_for(source, settings)


def test_archive_that_is_not_there_is_told_what_is_wanted(tmp_path, prepared):
    with pytest.raises(DataError, match=r"does not exist: wanted for acdc are folders patientNNN"):
        prepared("acdc", tmp_path / "nowhere")


def test_template_that_cannot_be_read_is_a_fault_of_the_settings(own, prepared, tmp_path):
    with pytest.raises(
        InputError, match=r"template is 'nope\.nii', but must be mni, none or an image: nope\.nii does not"
    ):
        prepared("folder", own, template="nope.nii")
    assert not (tmp_path / "out").exists()


def test_out_that_cannot_be_made_is_told(own, prepared, tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(DataError, match=r"out .*file/out cannot be made: .*; choose another folder"):
        prepared("folder", own, out=tmp_path / "file/out")


def test_folder_of_something_else_is_not_written_into(own, prepared, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("precious")

    with pytest.raises(InputError, match="was not made by 'sarnet data prepare'"):
        prepared("folder", own)


def test_prepared_data_of_another_archive_is_kept(own, prepared, shenzhen):
    prepared("folder", own)

    with pytest.raises(InputError, match="holds what was prepared from folder"):
        prepared("shenzhen", shenzhen)


def test_prepared_data_does_not_become_a_part_of_the_archive(own, prepared):
    with pytest.raises(InputError, match="lies in the archive"):
        prepared("folder", own, out=own / "prepared")


def test_record_has_source_settings_and_version(own, prepared, tmp_path):
    prepared("folder", own, size=16)

    told = json.loads((tmp_path / "out/prepared.json").read_text(encoding="utf-8"))

    assert (told["source"], told["folder"], told["images"]) == ("folder", str(own), 5)
    assert told["settings"]["size"] == 16
    assert told["version"]


@pytest.mark.parametrize("content", ["", "{", '{"source": "folder"}'])
def test_damaged_record_is_told_and_can_be_written_anew(content, own, prepared, tmp_path):
    prepared("folder", own)
    record = tmp_path / "out/prepared.json"
    whole = json.loads(record.read_text(encoding="utf-8"))
    record.write_text(content)

    with pytest.raises(DataError, match=r"prepared\.json cannot be read: delete it, and prepare the folder again"):
        prepared("folder", own)

    record.unlink()
    prepared("folder", own)
    again = json.loads(record.read_text(encoding="utf-8"))
    assert again | {"written": whole["written"]} == whole


def test_second_run_with_a_relative_folder_of_masks_does_nothing(own, prepared, disc, write, tmp_path, monkeypatch):
    write(disc(), tmp_path / "drawn/a.png")
    monkeypatch.chdir(tmp_path)

    for expected in (5, 0):
        done, _ = prepared("folder", own, masks="drawn")
        assert done.done_now == expected


def test_run_that_was_stopped_twice_is_gone_on_with(own, tmp_path):
    settings = settings_for("folder", {})
    out = tmp_path / "out"

    def stop(name, done, total):
        if done == 2:
            raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            prepare("folder", own, out, settings, workers=1, report=stop)
        with (out / "provenance.jsonl").open("a") as journal:
            journal.write('{"name": "c", "ke')  # cut off in the middle of a line

    assert prepare("folder", own, out, settings, workers=1).done_now == 1


def test_atlas_asked_for_later_is_made(tmp_path, picture, write, prepared):
    for name in "ab":
        write(picture((6, 8, 10)), tmp_path / f"own/{name}.nii.gz")
    prepared("folder", tmp_path / "own")

    done, _ = prepared("folder", tmp_path / "own", atlas=True)

    assert done.done_now == 0
    assert (tmp_path / "out/atlas.nii.gz").is_file()
    assert json.loads((tmp_path / "out/prepared.json").read_text())["atlas"] == "atlas.nii.gz"


def test_other_template_of_the_same_name_makes_every_image_anew(tmp_path, picture, write, prepared):
    volume = picture((16, 16, 16))
    write(volume, tmp_path / "own/a.nii.gz")
    template = write(volume, tmp_path / "template.nii.gz")
    prepared("folder", tmp_path / "own", template=str(template))
    write(volume[:14], template)

    done, rows = prepared("folder", tmp_path / "own", template=str(template))

    assert (done.done_now, rows["a"].size) == (1, "16 16 14")


def test_folds_that_list_other_images_are_told(own, prepared, tmp_path):
    prepared("folder", own)
    divide(tmp_path / "out", seed=0, folds=3)
    assert not any("fold-" in note for note in prepared("folder", own)[0].notes)
    (own / "a.png").unlink()

    done, _ = prepared("folder", own)

    assert any(note.startswith("fold-1.csv, fold-2.csv, fold-3.csv list other images") for note in done.notes)


def test_dicom_of_one_millimetre_is_known_to_be(tmp_path, picture, series, prepared):
    series(picture((1, 24, 20)), tmp_path / "own", spacing=(1.0, 1.0, 1.0))

    _, rows = prepared("folder", tmp_path / "own")

    assert [row.spacing_mm for row in rows.values()] == ["1 1"]


def test_volume_whose_millimetres_nobody_knows_has_none(tmp_path, picture, write, prepared):
    write(picture((5, 24, 20)), tmp_path / "own/stack.tif")

    _, rows = prepared("folder", tmp_path / "own")

    assert (rows["stack"].size, rows["stack"].spacing_mm) == ("20 24 5", "")
