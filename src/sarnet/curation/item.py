"""An image as an archive has it, and what a look through an archive finds."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from sarnet.images import Image, parts


@dataclass(frozen=True, kw_only=True)
class Part:
    """An image, a mask or labels: the files that hold it, and how they are read."""

    paths: tuple[Path, ...]
    """Files, or the folder of one DICOM series."""

    read: Callable[..., Image]
    """Called with ``paths``; a function of a module, since other processes call it, too."""

    reduced: bool = False
    """Whether a mask may be smaller than its image by a whole number, the same along every axis."""

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every file, those in a folder and that with a header's values too."""
        found: list[Path] = []
        for path in self.paths:
            found += parts(path) if path.exists() else [path]  # said when the image is read
        return tuple(found)


@dataclass(frozen=True, kw_only=True)
class Item:
    """An image, whose it is, and what belongs to it."""

    name: str
    """File name in the prepared data, without its ending; one image has it."""

    image: Part
    patient: str
    visit: str = "0"
    """A number of days, or whatever orders a patient's images as text."""

    group: str = ""
    """Diagnosis, or what else a split should balance."""

    mask: Part | None = None
    mask_by: str = ""
    """What drew the mask, where the archive says so; left out, it is manual."""

    labels: Part | None = None
    spacing: tuple[float, ...] | None = None
    """Millimetres along x, y[, z] by the archive's table: they count, whatever the file says."""

    sides_mm: tuple[float, ...] | None = None
    """Millimetres that the whole image measures along x, y[, z], where the archive says that instead."""

    split: str = ""
    """train, validation or test, where the archive says so."""

    dataset: str = ""
    """Name of the data set where the archive holds several; left out, the source's."""

    @property
    def parts(self) -> dict[str, Part]:
        """What there is of image, mask and labels, by name."""
        named = {"image": self.image, "mask": self.mask, "labels": self.labels}
        return {name: part for name, part in named.items() if part is not None}


class LeftOut(NamedTuple):
    """What is not in the prepared data, and why."""

    name: str
    """Of the image, or the file's where no image was made of it."""
    reason: str
    """One sentence without the name: such as say the same are counted together."""


class Survey(NamedTuple):
    """What an archive holds."""

    items: tuple[Item, ...]
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    """What a user should know: the rule of a selection, how many it passed over."""


class Source(NamedTuple):
    """An archive, or a layout of anybody's own."""

    survey: Callable[..., Survey]
    """From the folder or file and the settings to what is in it; reads tables and names, no image."""
    wanted: str
    """What has to lie where."""
    defaults: dict[str, object] = {}  # noqa: RUF012  a NamedTuple's default, and nobody writes to it
    """Settings that this source has unless others are asked for."""
