import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from sarnet.cohort import Cluster, CohortImage, Round, begin_atlas, build_atlas
from sarnet.config import RegistrationSettings
from sarnet.errors import DataError, InputError
from sarnet.images import Image, normalise, read_image, write_image

SHIFTS = ((0.0, 0.0), (3.0, 1.0), (-1.0, 3.0), (2.0, -2.0))
MEAN_SHIFT = np.mean(SHIFTS, axis=0)


@pytest.fixture
def images(tmp_path: Path, blob: np.ndarray) -> list[CohortImage]:
    """The shape at four places."""
    made = []
    for index, shift in enumerate(SHIFTS):
        path = tmp_path / f"image{index}.nii.gz"
        write_image(Image.from_array(ndimage.shift(blob, shift, order=1)), path)
        made.append(CohortImage(id=f"i{index}", image=path, folder=Path(f"i{index}")))
    return made


def _build(
    images: list[CohortImage],
    out: Path,
    settings: RegistrationSettings,
    cluster: Cluster,
    *,
    rounds: int,
    resume: bool = False,
) -> list[Round]:
    begin_atlas(images, out, resume=resume)
    return list(build_atlas(images, out, settings, rounds=rounds, register=lambda cohort: [*cohort.register(cluster)]))


def test_template_is_the_shape_at_the_mean_place(
    images: list[CohortImage], affine: RegistrationSettings, cluster: Cluster, blob: np.ndarray, tmp_path: Path
) -> None:
    found = _build(images, tmp_path / "out", affine, cluster, rounds=2)

    wanted = normalise(ndimage.shift(blob, MEAN_SHIFT, order=1))
    start, end = (
        np.sqrt(np.mean((read_image(tmp_path / "out" / name).array - wanted) ** 2))
        for name in ("round-0/template.nii.gz", "template.nii.gz")
    )
    template = read_image(tmp_path / "out" / "template.nii.gz").array
    centre = np.array(ndimage.center_of_mass(template))
    assert end < 0.5 * start
    assert centre == pytest.approx(np.array(ndimage.center_of_mass(wanted)), abs=0.5)
    assert found[1].similarity > found[0].similarity
    assert found[1].drift_mm < 0.5
    assert found[1].images == ("i0", "i1", "i2", "i3")


def test_atlas_that_is_gone_on_with_is_that_of_one_run(
    images: list[CohortImage], affine: RegistrationSettings, cluster: Cluster, tmp_path: Path
) -> None:
    whole = _build(images, tmp_path / "whole", affine, cluster, rounds=2)
    out = tmp_path / "parts"
    first = _build(images, out, affine, cluster, rounds=1)
    before = (out / "round-1" / "pairs" / "i0" / "receipt.json").stat().st_ino
    (out / "round-1" / "pairs" / "i3" / "transform.h5").unlink()  # one has to be done again

    parts = _build(images, out, affine, cluster, rounds=2, resume=True)

    assert first == whole[:1]
    assert parts == whole
    assert (out / "round-1" / "pairs" / "i0" / "receipt.json").stat().st_ino == before
    np.testing.assert_array_equal(
        read_image(out / "template.nii.gz").array, read_image(tmp_path / "whole" / "template.nii.gz").array
    )


def test_atlas_without_images_or_over_another_is_refused(images: list[CohortImage], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is 1 image, but a template is the middle of two"):
        begin_atlas(images[:1], tmp_path / "out")
    with pytest.raises(InputError, match="each id must be given once"):
        begin_atlas([*images, images[0]], tmp_path / "out")
    begin_atlas(images, tmp_path / "out")
    with pytest.raises(InputError, match="holds an atlas already: use --resume"):
        begin_atlas(images, tmp_path / "out")
    for image in images[:2]:
        image.image.unlink()
    with pytest.raises(DataError, match=r"2 files do not exist: .*image0.nii.gz, .*image1.nii.gz"):
        begin_atlas(images, tmp_path / "other")


def test_atlas_that_was_begun_with_others_is_not_gone_on_with(images: list[CohortImage], tmp_path: Path) -> None:
    out = tmp_path / "out"
    first, second = (image.image for image in images[:2])
    begin_atlas(images[:3], out, initial=first)
    begin_atlas(images[:3], out, initial=first, resume=True)
    template = (out / "round-0" / "template.nii.gz").read_bytes()

    for arguments, message in (
        ((images[:3], second), f"was begun with initial = {first}, now {second}: results of both would be mixed"),
        ((images[:3], None), f"initial = {first}, now None"),
        ((images, first), "other images, which were added, removed or changed since: i3"),
        ((images[1:3], first), "since: i0"),
        ((images[2::-1], first), "the same images in another order"),
        (([replace(image, spacing=(2.0, 2.0)) for image in images[:3]], first), "spacing = None, now (2.0, 2.0)"),
    ):
        with pytest.raises(InputError, match=re.escape(message)):
            begin_atlas(arguments[0], out, initial=arguments[1], resume=True)
    second.write_bytes(images[3].image.read_bytes())
    with pytest.raises(InputError, match="since: i1: results of both"):
        begin_atlas(images[:3], out, initial=first, resume=True)
    first.write_bytes(images[3].image.read_bytes())
    with pytest.raises(InputError, match=f"initial = {first}, now of other content; other images, .* since: i0, i1"):
        begin_atlas(images[:3], out, initial=first, resume=True)

    assert (out / "round-0" / "template.nii.gz").read_bytes() == template


def test_atlas_that_does_not_tell_its_beginning_is_not_gone_on_with(images: list[CohortImage], tmp_path: Path) -> None:
    begin_atlas(images, tmp_path / "out")
    (tmp_path / "out" / "atlas.json").unlink()

    with pytest.raises(DataError, match=r"atlas.json, what the atlas was begun with, cannot be read"):
        begin_atlas(images, tmp_path / "out", resume=True)
