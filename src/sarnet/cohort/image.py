"""Images of a cohort, and the pairs that are made of them: visits to the first, all to one atlas."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sarnet.cohort.pair import CohortPair
from sarnet.curation import is_number
from sarnet.errors import DataError, InputError
from sarnet.registration import BidsNames, PairFiles


@dataclass(frozen=True, kw_only=True)
class CohortImage:
    """An image, whose it is and of when."""

    id: str
    image: Path
    patient: str = ""
    visit: str = ""
    """A day, a date or a session: those of a patient are put in order as numbers if all are, or else as words."""
    mask: Path | None = None
    labels: Path | None = None
    spacing: tuple[float, ...] | None = None
    """Millimetres along x, y[, z], given by hand."""
    folder: Path
    """Where the results of a pair that it is the moving image of go, relative to the cohort's folder."""
    entities: str | None = None
    """Its name by BIDS up to the suffix, ``sub-01_ses-02``."""
    suffix: str = ""
    """Its kind by BIDS, ``T1w``."""
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Atlas:
    """The one image that all others are registered to."""

    image: Path
    labels: Path | None = None
    space: str
    """Its name where BIDS asks for that of a space: letters and digits."""

    @classmethod
    def of(cls, image: Path, *, labels: Path | None = None) -> "Atlas":
        """Name the space after the file, without what BIDS allows no space to have."""
        space = re.sub(r"[^A-Za-z0-9]", "", image.name.partition(".")[0]) or "atlas"
        return cls(image=image.absolute(), labels=labels and labels.absolute(), space=space)  # workers stand elsewhere


def to_atlas(images: Sequence[CohortImage], atlas: Atlas) -> list[CohortPair]:
    """Pair every image, as the moving one, with the atlas."""
    return [
        _pair(
            image,
            PairFiles(
                fixed=atlas.image,
                moving=image.image,
                moving_mask=image.mask,
                fixed_labels=atlas.labels if image.labels else None,
                moving_labels=image.labels if atlas.labels else None,
                spacing=image.spacing,
            ),
            space=atlas.space,
        )
        for image in images
    ]


def to_first(images: Sequence[CohortImage]) -> list[CohortPair]:
    """Pair every later visit of a patient, as the moving image, with the patient's first.

    Raises:
        DataError: If an image has no patient or visit.
        InputError: If no patient has two visits, or one has two images of a visit.
    """
    visits: dict[str, list[CohortImage]] = defaultdict(list)
    for image in images:
        if not image.patient or not image.visit:
            raise DataError(
                f"{image.image} has no patient or no visit, but visits are to be registered to a patient's first: "
                "fill in the columns patient and visit (a BIDS name's ses-...), or give --atlas"
            )
        if any(other.visit == image.visit for other in visits[image.patient]):
            raise InputError(
                f"patient {image.patient} has two images of visit {image.visit}, {image.image} the second: leave one "
                "out, or give them visits of their own"
            )
        visits[image.patient].append(image)
    pairs = []
    for every in visits.values():
        first, *later = _in_order(every)
        for image in later:
            both_have_labels = first.labels is not None and image.labels is not None
            files = PairFiles(
                fixed=first.image,
                moving=image.image,
                fixed_mask=first.mask,
                moving_mask=image.mask,
                fixed_labels=first.labels if both_have_labels else None,
                moving_labels=image.labels if both_have_labels else None,
                spacing=image.spacing,
            )
            pairs.append(_pair(image, files, space=f"ses{first.visit}"))
    if not pairs:
        raise InputError("no patient has two visits, so there is nothing to register to a first one: give --atlas")
    return pairs


def seen_once(images: Sequence[CohortImage]) -> tuple[str, ...]:
    """Return the patients of whom there is one image: no pair of visits is theirs."""
    return tuple(patient for patient, count in Counter(image.patient for image in images).items() if count == 1)


def _in_order(visits: Sequence[CohortImage]) -> list[CohortImage]:
    if all(is_number(image.visit) for image in visits):
        return sorted(visits, key=lambda image: float(image.visit))
    return sorted(visits, key=lambda image: image.visit)


def _pair(image: CohortImage, files: PairFiles, *, space: str) -> CohortPair:
    names = None
    if image.entities:
        names = BidsNames.of(f"{image.entities}_from-{image.suffix}_to-{space}", suffix=image.suffix)
    return CohortPair(id=image.id, files=files, folder=image.folder, bids_names=names, extra=image.extra)
