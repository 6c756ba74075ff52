"""The paper's augmented data: pairs of an image and itself deformed by a known field, as a stream or as files."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from sarnet.config import SimulationSettings
from sarnet.curation.tables import as_table
from sarnet.datasets.radiographs import Radiograph, load_originals
from sarnet.datasets.simulation import simulate_pair
from sarnet.errors import DataError, InputError
from sarnet.images import Image, write_image, write_whole
from sarnet.transforms import Transform, write_displacement

PAPER_PAIRS = 98_000

PAIRS_FILE = "pairs.csv"
SETTINGS_FILE = "simulation.json"
_COLUMNS = ("pair", "fixed", "moving", "fixed_mask", "moving_mask", "displacement", "dataset", "patient", "split")
_CHUNK = 16
_DEPTH = 65535


class KnownPair(NamedTuple):
    """An image, itself deformed, and the field that registers it back."""

    original: Radiograph
    fixed: Float[Tensor, "1 1 y x"]
    """In [0, 1]."""
    moving: Float[Tensor, "1 1 y x"]
    displacement: Float[Tensor, "1 2 y x"]
    """In voxels, on the grid of ``fixed``."""
    fixed_mask: Float[Tensor, "1 1 y x"]
    """Zero everywhere where the image has none."""
    moving_mask: Float[Tensor, "1 1 y x"]


class SimulatedPairs(Sequence[KnownPair]):
    """Simulated pairs by their numbers: any can be drawn by itself, and is the same whenever and wherever it is.

    Pair ``n`` is of the image ``n`` modulo their number, so that every image is deformed equally often. A sequence of
    items, as torch's ``DataLoader`` wants it; nothing is kept in memory.
    """

    def __init__(
        self,
        radiographs: Sequence[Radiograph],
        *,
        size: int,
        pairs: int = PAPER_PAIRS,
        simulation: SimulationSettings | None = None,
        seed: int = 0,
    ) -> None:
        """Name the images.

        Args:
            radiographs: What to deform.
            size: Pixels squared that every image is stretched onto.
            pairs: How many there are; the paper's number where it is left out.
            simulation: Ranges of the fields; the paper's where left out.
            seed: Of all pairs; each draws from a source of its own.

        Raises:
            InputError: If there is no image, or no pair is asked for.
        """
        if not radiographs:
            raise InputError("radiographs is empty, but pairs are made of images")
        if pairs < 1:
            raise InputError(f"pairs is {pairs}, but must be 1 at least")
        self._radiographs = tuple(radiographs)
        self._size = size
        self._pairs = pairs
        self._simulation = simulation or SimulationSettings()
        self._seed = seed

    @property
    def images(self) -> int:
        """Number of images that the pairs are made of."""
        return len(self._radiographs)

    def __len__(self) -> int:
        return self._pairs

    def __getitem__(self, number: int) -> KnownPair:  # type: ignore[override]  # of a Sequence's two forms, the one
        """Draw a pair.

        Raises:
            IndexError: If there is none of this number.
            DataError: If its image or mask cannot be read.
        """
        if not 0 <= number < self._pairs:
            raise IndexError(f"pair {number} of {self._pairs}")
        original = self.original(number)
        image, mask = load_originals((original,), size=self._size)
        rng = torch.Generator().manual_seed(self._seed * 1_000_003 + number)
        both = simulate_pair(torch.cat([image, mask], dim=1), settings=self._simulation, rng=rng)
        return KnownPair(
            original=original,
            fixed=image,
            moving=both.moving[:, :1],
            displacement=both.displacement,
            fixed_mask=mask,
            moving_mask=(both.moving[:, 1:] >= 0.5).to(mask.dtype),
        )

    def place(self, number: int) -> int:
        """Return the place among the images of the one that a pair is made of."""
        return number % len(self._radiographs)

    def original(self, number: int) -> Radiograph:
        """Return the image that a pair is made of."""
        return self._radiographs[self.place(number)]

    def settings(self) -> dict[str, Any]:
        """Return what the pairs are drawn by, for a comparison: the images stand there by their names and sizes.

        Raises:
            DataError: If an image or a mask is gone.
        """
        files = [path for each in self._radiographs for path in (each.image, each.mask) if path is not None]
        try:
            listing = "\n".join(f"{path.name}/{path.stat().st_size}" for path in files)
        except OSError as error:
            raise DataError(f"{error.filename} does not exist") from error
        return {
            "pairs": self._pairs,
            "size": self._size,
            "seed": self._seed,
            **self._simulation.model_dump(mode="json"),
            "images": len(self._radiographs),
            "images_sha256": hashlib.sha256(os.fsencode(listing)).hexdigest(),
        }


def write_pairs(
    pairs: SimulatedPairs,
    out: Path,
    *,
    fields: bool = False,
    workers: int = 1,
    report: Callable[[int], None] | None = None,
) -> Path:
    """Write every pair that is not there yet, and the list of them.

    Images have 16 bits for the range from 0 to 1; a pixel counts as a millimetre. A stopped run is gone on with, but
    not by other settings.

    Args:
        pairs: What to write.
        out: Folder: ``pairs.csv``, ``simulation.json``, ``fixed/``, ``moving/``, ``masks/`` and ``fields/``.
        fields: Whether the field of each pair is written, too, as an image of vectors that ``sarnet apply`` reads.
        workers: Processes; one means this one.
        report: Called with how many are done.

    Returns:
        The list: a row a pair.

    Raises:
        InputError: If ``out`` holds other pairs, or pairs by other settings, or its disk has not the room.
        DataError: If an image cannot be read, or a file not written.
    """
    settings = pairs.settings() | {"fields": fields}
    out.mkdir(parents=True, exist_ok=True)
    if not _is_begun(settings, out):
        with tempfile.TemporaryDirectory(dir=out) as aside:  # what is refused leaves nothing for another run to take up
            _make_folders(Path(aside), fields=fields)
            _write(pairs, [0], Path(aside), fields=fields)
            _check_room(pairs, Path(aside), out, fields=fields)
        write_whole(out / SETTINGS_FILE, (json.dumps(settings, indent=1) + "\n").encode())
    listed = as_table(_COLUMNS, (_row(pairs, number, fields=fields) for number in range(len(pairs)))).encode()
    if (out / PAIRS_FILE).is_file() and (out / PAIRS_FILE).read_bytes() != listed:
        raise InputError(f"out {out} lists other pairs: choose another folder, or remove that one")
    write_whole(out / PAIRS_FILE, listed)
    _make_folders(out, fields=fields)
    for done in _written(pairs, out, fields=fields, workers=workers):
        if report is not None:
            report(done)
    return out / PAIRS_FILE


def _is_begun(settings: dict[str, Any], out: Path) -> bool:
    """Tell whether a folder holds pairs by these settings; refuse one that holds others."""
    if not (out / SETTINGS_FILE).is_file():
        if (out / PAIRS_FILE).is_file():
            raise InputError(f"out {out} has no {SETTINGS_FILE} to tell how its pairs were made: choose another folder")
        return False
    try:
        begun = json.loads((out / SETTINGS_FILE).read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{out / SETTINGS_FILE} cannot be read: choose another folder") from error
    if not isinstance(begun, dict):
        raise DataError(f"{out / SETTINGS_FILE} holds no settings: choose another folder")
    changed = [f"{name} = {begun.get(name)}, now {now}" for name, now in settings.items() if begun.get(name) != now]
    if changed:
        raise InputError(
            f"out {out} was begun with {'; '.join(changed)}: pairs of both would be mixed; use the settings it was "
            "begun with, or choose another folder"
        )
    return True


def _make_folders(out: Path, *, fields: bool) -> None:
    for folder in ("fixed", "moving", "masks", "fields") if fields else ("fixed", "moving", "masks"):
        (out / folder).mkdir(exist_ok=True)


def _written(pairs: SimulatedPairs, out: Path, *, fields: bool, workers: int) -> Iterator[int]:
    """Write all pairs, some at a time, and give how many are done."""
    chunks = [list(range(start, min(start + _CHUNK, len(pairs)))) for start in range(0, len(pairs), _CHUNK)]
    done = 0
    if workers == 1:
        for chunk in chunks:
            done += _write(pairs, chunk, out, fields=fields)
            yield done
        return
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    )
    try:
        for future in as_completed([pool.submit(_write, pairs, chunk, out, fields=fields) for chunk in chunks]):
            done += future.result()
            yield done
    finally:
        pool.shutdown(cancel_futures=True)


def _write(pairs: SimulatedPairs, numbers: list[int], out: Path, *, fields: bool) -> int:
    """Write some pairs; the moving image is the last file of each, and tells that it is whole."""
    for number in numbers:
        paths = _paths(pairs, number, fields=fields)
        if (out / paths["moving"]).is_file():
            continue
        pair = pairs[number]
        for kind in ("fixed", "fixed_mask", "moving_mask"):
            if paths[kind] and not (out / paths[kind]).is_file():
                write_image(_picture(getattr(pair, kind), 255 if "mask" in kind else _DEPTH), out / paths[kind])
        if fields:
            vectors = pair.displacement[0].flip(0).movedim(0, -1).contiguous().numpy()  # x first
            grid = Image.from_array(vectors[..., 0]).grid
            write_displacement(Transform.identity(grid).with_displacement(vectors), out / paths["displacement"])
        write_image(_picture(pair.moving, _DEPTH), out / paths["moving"])
    return len(numbers)


def _picture(values: Tensor, highest: int) -> Image:
    array = np.round(values[0, 0].clamp(0, 1).numpy() * highest)
    return Image.from_array(array.astype(np.uint16 if highest > 255 else np.uint8))


def _paths(pairs: SimulatedPairs, number: int, *, fields: bool) -> dict[str, str]:
    """Where the files of a pair lie; empty for those that it has not."""
    original = pairs.original(number)
    name = f"{number:06}"
    # the place of the image among all keeps those of one name, from two folders, apart
    of_image = f"{pairs.place(number):06}-{original.image.name.partition('.')[0]}"
    return {
        "fixed": f"fixed/{of_image}.png",
        "moving": f"moving/{name}.png",
        "fixed_mask": f"masks/{of_image}.png" if original.mask else "",
        "moving_mask": f"masks/{name}.png" if original.mask else "",
        "displacement": f"fields/{name}.nii.gz" if fields else "",
    }


def _row(pairs: SimulatedPairs, number: int, *, fields: bool) -> tuple[str, ...]:
    original = pairs.original(number)
    told = {"pair": str(number), "dataset": original.dataset, "patient": original.patient, "split": original.part}
    both = told | _paths(pairs, number, fields=fields)
    return tuple(both[column] for column in _COLUMNS)


def _check_room(pairs: SimulatedPairs, first: Path, out: Path, *, fields: bool) -> None:
    """Refuse to begin what the disk cannot hold, judged by the first pair, which lies in a folder of its own."""
    paths = _paths(pairs, 0, fields=fields)

    def size(*kinds: str) -> int:
        return sum((first / paths[kind]).stat().st_size for kind in kinds if paths[kind])

    of_images = min(len(pairs), pairs.images) * size("fixed", "fixed_mask")
    wanted = len(pairs) * size("moving", "moving_mask", "displacement") + of_images
    free = shutil.disk_usage(out).free
    if wanted > free:
        raise InputError(
            f"{len(pairs)} pairs need about {wanted / 1e9:.1f} GB, but the disk of out {out} has {free / 1e9:.1f}: ask "
            "for fewer pairs, a smaller size or no fields; training draws its pairs itself"
        )
