import numpy as np
import PIL.Image
import pytest
import torch

from sarnet.benchmark import masks, plan
from sarnet.config import BenchmarkSettings, RegistrationSettings
from sarnet.datasets import load_images, load_label_map, read_radiographs
from sarnet.errors import InputError


@pytest.fixture
def settings(visits):
    return BenchmarkSettings(
        protocol="lung-masks", data=visits, split="all", registration=RegistrationSettings(threads=1)
    )


@pytest.fixture
def drawn(settings):
    """Masks as they are drawn, 255 inside, in the order of the list."""
    return [load_label_map(each, size=256) for each in read_radiographs(settings.data)]


def _dice(settings, monkeypatch, segment):
    """Dice of every image by a way to a mask that is given."""
    segmenter = masks._Segmenter("mine", segment, {}, "mine")
    monkeypatch.setattr(masks, "_segmenters", lambda _: [segmenter])
    return [row.dice for row in plan(settings).measure(())]


def _answers(drawn):
    """One mask after the other, whatever is asked."""
    left = iter(drawn)
    return lambda image, other: torch.from_numpy((next(left) == 255).astype(np.float32))[None, None]


def test_masks_as_they_are_drawn_overlap_wholly(settings, drawn, monkeypatch):
    assert _dice(settings, monkeypatch, _answers(drawn)) == [1.0] * len(drawn)


def test_overlap_is_dices(settings, drawn, monkeypatch):
    halves = [np.where(np.arange(256) < 128, mask, 0) for mask in drawn]

    found = _dice(settings, monkeypatch, _answers(halves))

    counts = [((half == 255).sum(), (mask == 255).sum()) for half, mask in zip(halves, drawn, strict=True)]
    assert found == pytest.approx([2 * half / (half + whole) for half, whole in counts])


def test_pixels_that_nobody_could_tell_are_not_counted(settings, drawn, monkeypatch):
    first = read_radiographs(settings.data)[0].mask
    array = np.asarray(PIL.Image.open(first)).copy()
    array[: len(array) // 4] = 127
    PIL.Image.fromarray(array).save(first)
    marked = [mask.copy() for mask in drawn]
    marked[0][:64] = 255  # lungs, says the network of what nobody could tell

    found = _dice(settings, monkeypatch, _answers(marked))

    assert found[0] == 1.0


def test_each_image_is_paired_with_the_next_and_the_last_with_the_first(settings, drawn, monkeypatch):
    seen = []

    def segment(image, other):
        seen.append((image, other))
        return torch.zeros(1, 1, 256, 256)

    _dice(settings, monkeypatch, segment)

    images = load_images(read_radiographs(settings.data), size=256)[:, None]
    assert len(seen) == len(drawn)
    for place, (image, other) in enumerate(seen):
        assert torch.equal(image, images[place])
        assert torch.equal(other, images[(place + 1) % len(images)])


def test_weights_that_make_no_masks_are_refused_before_an_image_is_read(settings):
    other = settings.model_copy(update={"registration": RegistrationSettings(model="sarnoseg-cxr")})

    with pytest.raises(InputError, match="sarnoseg-cxr, which segments nothing"):
        plan(other)
