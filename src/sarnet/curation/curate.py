"""One image's way from an archive into prepared data: read, checked, brought to its place, written, hashed."""

import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Num

from sarnet.config import CurationSettings
from sarnet.curation.brain import extract_brain
from sarnet.curation.check import check_image, check_mask
from sarnet.curation.drawn import draw_mask
from sarnet.curation.entry import Entry, FileRecord
from sarnet.curation.item import Item
from sarnet.curation.placing import placing
from sarnet.errors import DataError, MissingExtraError, SarnetError, WeightsError
from sarnet.images import Grid, Image, normalise, write_image

_INSIDE = 255
_VOLUMES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
_DEEPEST = 65535
_ABOUT_SPACING = re.compile(r" gives (no|the) (physical )?spacing")
"""In a note of reading, behind the file's name."""
_ADDRESS = re.compile(r"\w+ ?\(0x[0-9a-f]+\):? ?")
"""Of the object that could not read a file: another in every run."""


class _Ready(NamedTuple):
    """An image at its place, and what belongs to it."""

    parts: dict[str, Image]
    """``image``, and ``mask`` and ``labels`` where there are such."""
    picture: bool
    """Whether it goes to a PNG file."""
    spacing_mm: tuple[float, ...] | None
    mask_by: str


def curate(item: Item, key: str, *, root: Path, out: Path, settings: CurationSettings) -> Entry:
    """Prepare one image.

    Args:
        item: Which.
        key: Hash of what the result depends on beside the files.
        root: Folder of the archive: sources are named from there.
        out: Folder of the prepared data.
        settings: What becomes of it.

    Returns:
        What was written; or, where the image, its mask or its labels cannot be used, why nothing was.

    Raises:
        DataError: If a result cannot be written.
        MissingExtraError: If the settings ask for a package that is not installed.
        WeightsError: If they name a model that does not exist.
    """
    try:
        sources = tuple(FileRecord.of(file, root) for part in item.parts.values() for file in part.files)
    except OSError as error:
        return Entry(name=item.name, key=key, sources=(), reason=f"cannot be read: {error.strerror}")
    entry = Entry(name=item.name, key=key, sources=sources)
    try:
        ready = _made_ready(_read(item, settings), item, settings)
    except (MissingExtraError, WeightsError):
        raise  # true of every image
    except SarnetError as error:
        return entry.model_copy(update={"reason": _plain(str(error), item)})
    return _written(ready, entry, out)


def _read(item: Item, settings: CurationSettings) -> dict[str, Image]:
    """Read and check every part; whatever is wrong says of which part."""
    found: dict[str, Image] = {}
    for kind, part in item.parts.items():
        try:
            read = part.read(*part.paths)
            if kind == "image":
                check_image(read)
            else:
                if kind == "mask":
                    read = replace(read, array=_inside(read.array, settings.mask_values))
                read = _enlarged(read, found["image"]) if part.reduced else read
                check_mask(read, found["image"])
                read = replace(read, grid=found["image"].grid)
        except (MissingExtraError, WeightsError):
            raise
        except SarnetError as error:
            raise DataError(f"its {kind} {_plain(str(error), item)}") from error
        found[kind] = read
    spacing = item.spacing
    if item.sides_mm is not None:
        sizes = found["image"].grid.size  # whether they are as many, is checked where spacing is set
        spacing = tuple(side / size for side, size in zip(item.sides_mm, sizes, strict=False))
    if spacing is not None:  # after the masks were compared with the image: their headers say what its own did
        found = {kind: _spaced(read, spacing) for kind, read in found.items()}
    return found


def _made_ready(parts: dict[str, Image], item: Item, settings: CurationSettings) -> _Ready:
    image, mask = extract_brain(parts["image"], parts.get("mask"), settings)
    mask_by: str = (item.mask_by or "manual") if "mask" in parts else settings.brain
    if mask is None:
        mask_by = ""
    picture = _is_picture(image, item) and not settings.normalise
    known = image.length_unit == "mm" or settings.template is not None
    if settings.spacing_mm is not None and not known:
        raise DataError("has no spacing, but spacing_mm asks for millimetres: give it in the table, or use size")
    if mask is None and settings.mask_model:
        mask, mask_by = draw_mask(image, settings.mask_model)
    whole = {"image": image, "mask": mask, "labels": parts.get("labels")}
    kept = {kind: _kept(each, settings) for kind, each in whole.items() if each is not None}
    place = placing(kept["image"], settings)
    ready = {kind: place(each, "linear" if kind == "image" else "nearest") for kind, each in kept.items()}
    for kind, each in ready.items():
        if kind != "image" and not each.array.any():
            raise DataError(f"its {kind} shows nothing any more in what is kept, at the wanted size")
    array = np.round(ready["image"].array) if picture else ready["image"].array
    ready["image"] = replace(ready["image"], array=normalise(array) if settings.normalise else _compact(array))
    if not known:  # the empty column says so, and no millimetre that nobody measured is in the file
        notes = _without_spacing(ready["image"].notes)
        ready = {kind: replace(Image.from_array(each.array), notes=notes) for kind, each in ready.items()}
    return _Ready(ready, picture, ready["image"].grid.spacing if known else None, mask_by)


def _kept(image: Image, settings: CurationSettings) -> Image:
    """The whole image, or of a volume its middle slice: with z, where it lies in the world is given up, too."""
    if settings.slices is None or image.grid.dimension == 2:
        return image
    middle = np.ascontiguousarray(image.array[len(image.array) // 2])
    return replace(image, array=middle, grid=Grid.plain(middle.shape, spacing=image.grid.spacing[:2]))


def _written(ready: _Ready, entry: Entry, out: Path) -> Entry:
    paths = {}
    for kind, image in ready.parts.items():
        folder = kind if kind == "labels" else f"{kind}s"
        deep = kind == "labels" and not 0 <= int(image.array.min()) <= int(image.array.max()) <= _DEEPEST
        ending = ".png" if ready.picture and not deep else ".nii.gz"
        paths[kind] = f"{folder}/{entry.name}{ending}"
        (out / folder).mkdir(parents=True, exist_ok=True)
        write_image(image, out / paths[kind])
    image = ready.parts["image"]
    return entry.model_copy(
        update={
            **paths,
            "outputs": tuple(FileRecord.of(out / path, out) for path in paths.values()),
            "size": image.grid.size,
            "spacing_mm": ready.spacing_mm,
            "mask_by": ready.mask_by,
            "notes": image.notes,
        }
    )


def _inside(values: Num[np.ndarray, "*space"], wanted: tuple[int, ...]) -> Num[np.ndarray, "*space"]:
    """What a mask has inside as 255: the values asked for, else 255 where there is one, else all but zero."""
    if wanted:
        inside = np.isin(values, wanted)
    elif (values == _INSIDE).any():
        inside = values == _INSIDE
    else:
        inside = values != 0
    return np.uint8(_INSIDE) * inside


def _enlarged(mask: Image, image: Image) -> Image:
    """Repeat the voxels of a mask that is smaller than its image by a whole number."""
    factors = {large / small for large, small in zip(image.array.shape, mask.array.shape, strict=True)}
    factor = factors.pop()
    if factors or factor != int(factor):
        return mask
    return Image(
        array=np.kron(mask.array, np.ones((int(factor),) * mask.array.ndim, mask.array.dtype)), grid=image.grid
    )


def _spaced(image: Image, spacing: tuple[float, ...]) -> Image:
    if len(spacing) not in (1, image.grid.dimension):
        raise DataError(f"its image has {image.grid.dimension} axes, but the spacing given is {spacing}")
    spacing = spacing * image.grid.dimension if len(spacing) == 1 else spacing
    notes = _without_spacing(image.notes)
    if image.length_unit == "mm" and not np.allclose(spacing, image.grid.spacing, rtol=1e-3):
        was, taken = (" x ".join(f"{each:g}" for each in every) for every in (image.grid.spacing, spacing))
        notes = (*notes, f"the archive's table says {taken} mm, which were taken; the file says {was} mm")
    return replace(image, grid=replace(image.grid, spacing=spacing), notes=notes, length_unit="mm")


def _without_spacing(notes: tuple[str, ...]) -> tuple[str, ...]:
    """Notes but those about a spacing that is not the file's any more."""
    return tuple(note for note in notes if not _ABOUT_SPACING.search(note))


def _is_picture(image: Image, item: Item) -> bool:
    """Whether a PNG holds all that the image is: no place in the world, and whole numbers in 16 bits."""
    low, high = float(image.array.min()), float(image.array.max())
    plain = Grid.plain(image.array.shape, spacing=image.grid.spacing) == image.grid
    whole = low >= 0 and high <= _DEEPEST and np.array_equal(image.array, np.round(image.array))
    volume = item.image.paths[0].name.lower().endswith(_VOLUMES)
    return image.grid.dimension == 2 and plain and whole and not volume


def _compact(array: Num[np.ndarray, "*space"]) -> Num[np.ndarray, "*space"]:
    """Whole numbers in 16 bits where that loses nothing."""
    for kind in (np.uint8, np.int16, np.uint16):
        bounds = np.iinfo(kind)
        if bounds.min <= array.min() and array.max() <= bounds.max and np.array_equal(array, np.round(array)):
            return np.asarray(array.astype(kind))
    return array


def _plain(message: str, item: Item) -> str:
    """A message about a file without the file's path: which image it is about, stands before it."""
    for part in item.parts.values():
        for path in (*part.paths, *part.files):
            message = message.replace(f"{path} ", "").replace(str(path), path.name)
    return _ADDRESS.sub("", message)
