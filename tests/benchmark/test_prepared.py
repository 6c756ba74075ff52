"""Prepared data as benchmarks read it."""

import numpy as np
import pytest

from sarnet.benchmark.brains import brain_cases
from sarnet.benchmark.hearts import heart_cases
from sarnet.benchmark.lungs import lung_cases
from sarnet.config import BenchmarkSettings
from sarnet.curation import prepare, settings_for
from sarnet.images import Image, write_image


def _prepared(source, folder, out, **settings):
    prepare(source, folder, out, settings_for(source, settings), workers=1)
    return out


def test_hearts_of_acdc_are_paired_by_phase(tmp_path, rng):
    folder = tmp_path / "ACDC/patient003"
    folder.mkdir(parents=True)
    for frame in (1, 9):
        stack = np.broadcast_to(100.0 * frame + np.arange(5)[:, None, None], (5, 6, 7)) + rng.normal(size=(5, 6, 7))
        write_image(Image.from_array(stack.astype(np.float32)), folder / f"patient003_frame{frame:02}.nii.gz")
        write_image(Image.from_array(np.full((5, 6, 7), 3, np.uint8)), folder / f"patient003_frame{frame:02}_gt.nii.gz")
    (folder / "Info.cfg").write_text("ED: 1\nES: 9\nGroup: NOR\n")

    (case,) = heart_cases(
        BenchmarkSettings(protocol="cardiac", data=_prepared("acdc", tmp_path / "ACDC", tmp_path / "out"))
    )

    pair = case.load()
    assert case.name == "3 es<-ed"
    assert (round(pair.fixed.array.mean(), -1), round(pair.moving.array.mean(), -1)) == (900, 100)


def test_brains_of_a_folder_keep_the_names_that_tell_their_order(tmp_path, rng):
    for number in (2, 10, 1):
        for kind, array in (
            ("images", rng.normal(size=(8, 9, 10)).astype(np.float32)),
            ("labels", (np.arange(720).reshape(8, 9, 10) % 4).astype(np.uint8)),
        ):
            (tmp_path / kind).mkdir(exist_ok=True)
            write_image(Image.from_array(array), tmp_path / kind / f"IBSR_{number:02}.nii.gz")
    out = _prepared("folder", tmp_path, tmp_path.parent / f"{tmp_path.name}-out")

    cases = brain_cases(BenchmarkSettings(protocol="brain3d", data=out, shifts=(1,)))

    assert [case.name for case in cases] == ["1<-2", "2<-10", "10<-1"]
    assert cases[0].load().fixed.array.shape == (8, 9, 10)


@pytest.mark.parametrize("data", ["out", "out/manifest.csv"])
def test_x_rays_are_read_from_the_manifest(visits, tmp_path, data):
    _prepared("csv", visits, tmp_path / "out")

    cases = lung_cases(BenchmarkSettings(protocol="xray", data=tmp_path / data, split="all", shifts=(1,)))

    assert len(cases) == 6
    assert cases[0].load().fixed.array.shape == (256, 256)
