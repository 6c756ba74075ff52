import csv
import shutil

import numpy as np
import pytest
import torch

from sarnet.config import SimulationSettings
from sarnet.datasets import SimulatedPairs, read_radiographs, write_pairs
from sarnet.errors import DataError, InputError
from sarnet.images import read_image
from sarnet.transforms import apply, read_transform

GENTLE = SimulationSettings(control_spacing_voxels=(64.0,), peak_voxels=(10.0, 16.0))


@pytest.fixture
def pairs(visits):
    return SimulatedPairs(read_radiographs(visits), size=64, pairs=8, simulation=GENTLE, seed=3)


def test_every_image_is_deformed_equally_often(pairs):
    patients = [pairs.original(number).patient for number in range(len(pairs))]

    assert {patient: patients.count(patient) for patient in patients} == {
        **{f"p{number}": 1 for number in range(2, 6)},
        "p0": 2,
        "p1": 2,
    }


def test_pair_is_the_same_whichever_was_drawn_before(pairs, visits):
    again = SimulatedPairs(read_radiographs(visits), size=64, pairs=8, simulation=GENTLE, seed=3)
    other = SimulatedPairs(read_radiographs(visits), size=64, pairs=8, simulation=GENTLE, seed=4)

    first = pairs[7]

    assert torch.equal(first.moving, again[7].moving)
    assert not torch.equal(first.moving, other[7].moving)
    assert not torch.equal(first.displacement, pairs[1].displacement)  # another field of the same image


def test_torch_loads_it_as_a_data_set(pairs):
    numbers = [number for number, _ in zip(range(20), pairs)]  # ends by itself

    loaded = torch.utils.data.DataLoader(pairs, batch_size=None)

    assert len(numbers) == len(loaded) == 8
    assert torch.equal(next(iter(loaded)).fixed, pairs[0].fixed)


def test_written_field_registers_the_written_images(pairs, tmp_path):
    listed = write_pairs(pairs, tmp_path / "pairs", fields=True)

    with listed.open(newline="") as file:
        rows = list(csv.DictReader(file))
    row = rows[7]
    fixed, moving = (read_image(listed.parent / row[kind]) for kind in ("fixed", "moving"))
    warped = apply(
        read_transform(listed.parent / row["displacement"]), moving, fixed.grid, interpolation="linear"
    ).array

    inner = (slice(12, -12),) * 2
    before = np.abs(moving.array - fixed.array)[inner].mean()
    assert len(rows) == 8
    assert np.abs(warped - fixed.array)[inner].mean() < 0.25 * before
    np.testing.assert_allclose(fixed.array / 65535, pairs[7].fixed[0, 0].numpy(), atol=1e-5)


def test_images_of_one_name_are_kept_apart(visits, tmp_path):
    """As those of two folders, or with further dots in their names, are."""
    two = tmp_path / "two"
    for place, one in enumerate(read_radiographs(visits)[:2]):
        (two / str(place)).mkdir(parents=True)
        shutil.copy(one.image, two / str(place) / f"1.{place}.png")
    rows = "".join(f"{place}/1.{place}.png,,d,{place},0\n" for place in range(2))
    (two / "visits.csv").write_text("image,mask,dataset,patient,visit\n" + rows)
    pairs = SimulatedPairs(read_radiographs(two / "visits.csv"), size=64, pairs=2, simulation=GENTLE)

    listed = write_pairs(pairs, tmp_path / "out")

    with listed.open(newline="") as file:
        fixed = [read_image(listed.parent / row["fixed"]).array for row in csv.DictReader(file)]
    for number in range(2):
        np.testing.assert_allclose(fixed[number] / 65535, pairs[number].fixed[0, 0], atol=1e-4)
    assert np.abs(fixed[0] - fixed[1].astype(float)).max() > 0


def test_stopped_run_is_gone_on_with(pairs, tmp_path):
    write_pairs(pairs, tmp_path / "pairs")
    gone = tmp_path / "pairs/moving/000005.png"
    before = gone.read_bytes()
    kept = (tmp_path / "pairs/moving/000004.png").stat().st_mtime_ns
    gone.unlink()

    write_pairs(pairs, tmp_path / "pairs")

    assert gone.read_bytes() == before
    assert (tmp_path / "pairs/moving/000004.png").stat().st_mtime_ns == kept


def test_pairs_of_a_run_that_was_stopped_are_those_of_one_that_was_not(pairs, tmp_path):
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    write_pairs(pairs, whole, fields=True)

    class StoppedError(Exception):
        pass

    def stop(done):
        raise StoppedError

    with pytest.raises(StoppedError):
        write_pairs(pairs, parts, fields=True, report=stop)
    for path in ("moving/000002.png", "masks/000005.png", "moving/000005.png", "fields/000007.nii.gz"):
        (parts / path).unlink()
    (parts / "moving/000007.png").unlink()
    write_pairs(pairs, parts, fields=True)

    files = sorted(path.relative_to(whole) for path in whole.rglob("*"))
    assert sorted(path.relative_to(parts) for path in parts.rglob("*")) == files
    assert all((parts / path).read_bytes() == (whole / path).read_bytes() for path in files if path.suffix)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 4}, "was begun with seed = 3, now 4: pairs of both would be mixed"),
        ({"size": 32}, "was begun with size = 64, now 32"),
        ({"pairs": 9}, "was begun with pairs = 8, now 9"),
        (
            {"simulation": SimulationSettings(control_spacing_voxels=(64.0,), peak_voxels=(10.0, 12.0), layers=(1, 2))},
            r"was begun with peak_voxels = \[10.0, 16.0\], now \[10.0, 12.0\]; layers = \[1, 1\], now \[1, 2\]",
        ),
    ],
)
def test_folder_begun_with_other_settings_is_refused_and_kept(change, message, pairs, visits, tmp_path):
    write_pairs(pairs, tmp_path / "pairs")
    (tmp_path / "pairs/moving/000005.png").unlink()
    other = {"size": 64, "pairs": 8, "simulation": GENTLE, "seed": 3} | change

    with pytest.raises(InputError, match=message):
        write_pairs(SimulatedPairs(read_radiographs(visits), **other), tmp_path / "pairs")

    assert not (tmp_path / "pairs/moving/000005.png").exists()


def test_fields_and_other_images_are_not_mixed_in(pairs, visits, tmp_path):
    write_pairs(pairs, tmp_path / "pairs")

    with pytest.raises(InputError, match="was begun with fields = False, now True"):
        write_pairs(pairs, tmp_path / "pairs", fields=True)
    image = pairs.original(3).image
    image.write_bytes(image.read_bytes() + b"more")
    with pytest.raises(InputError, match="was begun with images_sha256 = "):
        write_pairs(pairs, tmp_path / "pairs")


def test_pairs_that_do_not_tell_their_settings_are_not_gone_on_with(pairs, tmp_path):
    write_pairs(pairs, tmp_path / "pairs")
    (tmp_path / "pairs/simulation.json").unlink()

    with pytest.raises(InputError, match=r"has no simulation.json to tell how its pairs were made"):
        write_pairs(pairs, tmp_path / "pairs")


@pytest.mark.parametrize(("content", "message"), [("{", "cannot be read"), ("[]", "holds no settings")])
def test_settings_that_are_damaged_are_refused_by_name(content, message, pairs, tmp_path):
    write_pairs(pairs, tmp_path / "pairs")
    (tmp_path / "pairs/simulation.json").write_text(content)

    with pytest.raises(DataError, match=rf"simulation\.json {message}"):
        write_pairs(pairs, tmp_path / "pairs")


def test_too_many_for_any_disk_are_not_begun(visits, tmp_path):
    many = SimulatedPairs(read_radiographs(visits), size=32, pairs=10**15)

    with pytest.raises(InputError, match="1000000000000000 pairs need about"):
        write_pairs(many, tmp_path / "pairs")
    assert not list((tmp_path / "pairs").iterdir())  # a smaller size is not mixed with the pair that was tried


@pytest.mark.parametrize(("count", "pairs"), [(0, 5), (3, 0)])
def test_pairs_are_made_of_images(count, pairs, visits):
    with pytest.raises(InputError, match="but"):
        SimulatedPairs(read_radiographs(visits)[:count], size=32, pairs=pairs)
