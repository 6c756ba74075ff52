"""A template of many images: register all to the mean, average, sharpen by the inverse of the mean field, again."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, ValidationError

from sarnet.cohort.beginning import BEGINNING_FILE, Beginning, read_beginning
from sarnet.cohort.cohort import Cohort, open_cohort
from sarnet.cohort.image import Atlas, CohortImage, to_atlas
from sarnet.cohort.pair import CohortPair, check_ids_and_files, folder_of
from sarnet.config import RegistrationSettings
from sarnet.errors import DataError, InputError
from sarnet.images import Grid, Image, foreground, normalise, read_image, resample, write_image, write_whole
from sarnet.registration import check_result_folder, read_record
from sarnet.transforms import Transform, apply, compose, invert, read_transform

TEMPLATE_FILE = "template.nii.gz"
ROUND_FILE = "round.json"

_START = Path("round-0") / TEMPLATE_FILE


class Round(BaseModel):
    """What one round of the loop came to."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    number: int
    images: tuple[str, ...]
    """Ids of those that went into the mean."""
    left_out: tuple[str, ...]
    """Ids of those that could not be registered."""
    similarity: float
    """Mean over the images of the similarity to the template that they were registered to."""
    drift_mm: float
    """Mean length, over the template's foreground, of the mean field: by how much the template's shape was off the
    middle of the images'."""
    change: float
    """Root mean square of what the template changed by, its intensities being in [0, 1]."""


def begin_atlas(images: Sequence[CohortImage], out: Path, *, initial: Path | None = None, resume: bool = False) -> None:
    """Write the template that the first round registers to: the mean of the images as they lie, on the first's grid.

    Args:
        images: Of one kind, roughly in the same place of the world.
        out: The atlas's folder.
        initial: A template to begin with instead.
        resume: Whether ``out`` may hold rounds already, begun with the same; they stay as they are.

    Raises:
        InputError: If there are fewer than two images, two of one id, or ``out`` is not empty and ``resume`` is false,
            or it was begun with other images or another template.
        DataError: If files do not exist (all are named), cannot be read, or ``out`` cannot be written.
    """
    start = out / _START
    if len(images) < 2:
        raise InputError(f"there is {len(images)} image, but a template is the middle of two at least")
    check_ids_and_files(
        [image.id for image in images], [*(image.image for image in images), *([initial] if initial else [])]
    )
    beginning = Beginning.of(images, initial)
    if start.exists():
        if not resume:
            raise InputError(
                f"out {out} holds an atlas already: use --resume to go on with it, or choose another folder"
            )
        if changed := read_beginning(out).differences(beginning):
            raise InputError(
                f"out {out} was begun with {'; '.join(changed)}: results of both would be mixed; use what it was begun "
                "with, or choose another folder"
            )
        return
    check_result_folder(out, overwrite=resume, advice="choose another folder")
    if initial is not None:
        given = read_image(initial, spacing=images[0].spacing)
        template = replace(given, array=normalise(given.array))
    else:
        grid = _read(images[0]).grid
        template = Image(array=_mean(normalise(resample(_read(image), grid).array) for image in images), grid=grid)
    try:
        start.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"out {out} cannot be written: {error.strerror}; choose another folder") from error
    write_whole(out / BEGINNING_FILE, (beginning.model_dump_json(indent=1) + "\n").encode())
    write_image(template, start)


def build_atlas(
    images: Sequence[CohortImage],
    out: Path,
    settings: RegistrationSettings,
    *,
    rounds: int,
    register: Callable[[Cohort], object],
) -> Iterator[Round]:
    r"""Refine a template that was begun, round by round; each is a cohort of its own in ``round-1`` and so on.

    With :math:`\phi_i` from the template to image :math:`I_i` and :math:`\psi` the mean of them, the next template is

    .. math:: T'(q) = \frac{1}{n} \sum_i I_i(\phi_i(\psi^{-1}(q))), \quad \psi(p) = \frac{1}{n} \sum_i \phi_i(p):

    the average, brought from the shape of the template to the mean shape of the images, each image read once.
    Intensities are brought to [0, 1] image by image. What is done of a round is not done again.

    Args:
        images: Those that the atlas was begun with.
        out: The atlas's folder; the newest template is its ``template.nii.gz``.
        settings: Of all registrations.
        rounds: How often.
        register: Registers what is left of a cohort, wherever: ``lambda cohort: list(cohort.register(cluster))``.

    Yields:
        Each round when its template is there.

    Raises:
        InputError: As :func:`sarnet.cohort.open_cohort` does.
        DataError: As there, and if no image could be registered.
    """
    plain = [replace(image, folder=folder_of(image.id), entities=None, labels=None) for image in images]
    template = out / _START
    for number in range(1, rounds + 1):
        pairs = to_atlas(plain, Atlas.of(template))
        with open_cohort(pairs, out / f"round-{number}", settings, resume=True) as cohort:
            register(cohort)
            found = _average(cohort, number, template)
        template = out / f"round-{number}" / TEMPLATE_FILE
        _publish(template, out / TEMPLATE_FILE)
        yield found


def _read(image: CohortImage) -> Image:
    return read_image(image.image, spacing=image.spacing)


def _average(cohort: Cohort, number: int, template: Path) -> Round:
    """Make the next template of a round whose pairs are registered, unless it is there and of the same pairs."""
    rows = cohort.summarise()
    done = tuple(row.id for row in rows if row.state == "done")
    earlier = _read_round(cohort.out)
    was_left = {pair.id for pair in cohort.left}
    if earlier is not None and earlier.images == done and was_left.isdisjoint(done):
        return earlier
    if not done:
        raise DataError(f"no image could be registered to {template}: {cohort.out / 'summary.csv'} says why")
    pairs = [pair for pair, row in zip(cohort.pairs, rows, strict=True) if row.state == "done"]
    before = read_image(template)
    mean_field = _mean(_transform(cohort, pair, before.grid).total_displacement() for pair in pairs)
    back = invert(Transform.identity(before.grid).with_displacement(mean_field), before.grid).transform
    array = _mean(normalise(_brought(cohort, pair, back).array) for pair in pairs)
    write_image(Image(array=array, grid=before.grid), cohort.out / TEMPLATE_FILE)
    found = Round(
        number=number,
        images=done,
        left_out=tuple(row.id for row in rows if row.state != "done"),
        similarity=float(np.mean([row.similarity_after for row in rows if row.similarity_after is not None])),
        drift_mm=float(np.linalg.norm(mean_field, axis=-1)[foreground(before.array)].mean()),
        change=float(np.sqrt(np.mean((array - before.array) ** 2))),
    )
    write_whole(cohort.out / ROUND_FILE, (found.model_dump_json(indent=1) + "\n").encode())
    return found


def _transform(cohort: Cohort, pair: CohortPair, grid: Grid) -> Transform:
    folder = cohort.out / pair.folder
    return compose(read_transform(folder / read_record(folder).files.transform), grid=grid)


def _brought(cohort: Cohort, pair: CohortPair, back: Transform) -> Image:
    """An image in the mean shape: a point of the new template goes to the old one, and from there to the image."""
    moving = read_image(pair.files.moving, spacing=pair.files.spacing)
    return apply(compose(back, _transform(cohort, pair, back.grid)), moving, back.grid, interpolation="linear")


def _mean(arrays: Iterator[Float[np.ndarray, "..."]]) -> Float[np.ndarray, "..."]:
    """The mean of arrays that are there one at a time."""
    total = next(arrays).astype(np.float64)
    count = 1
    for array in arrays:
        total += array
        count += 1
    return (total / count).astype(np.float32)


def _read_round(folder: Path) -> Round | None:
    try:
        found = Round.model_validate_json((folder / ROUND_FILE).read_bytes())
    except (OSError, ValidationError):
        return None
    return found if (folder / TEMPLATE_FILE).exists() else None


def _publish(template: Path, place: Path) -> None:
    """Put a copy where the newest template is, at once and whole."""
    beside = place.with_name(f".{place.name}")
    shutil.copyfile(template, beside)
    beside.replace(place)
