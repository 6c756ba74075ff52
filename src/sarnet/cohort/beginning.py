"""What an atlas was begun with, kept in its folder so that a later run can be compared."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sarnet.cohort.image import CohortImage
from sarnet.cohort.receipt import Stamp
from sarnet.errors import DataError

BEGINNING_FILE = "atlas.json"


class Beginning(BaseModel):
    """What the first template of an atlas is made of: two runs that differ in it are not mixed."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    initial: Stamp | None
    """The template that was given."""
    spacing: tuple[float, ...] | None
    """Given by hand."""
    images: dict[str, Stamp]
    """By id, in their order: the first one has the grid of the mean."""

    @classmethod
    def of(cls, images: Sequence[CohortImage], initial: Path | None) -> "Beginning":
        """Look at the images and the template.

        Raises:
            DataError: If one is not there.
        """
        return cls(
            initial=Stamp.of(initial) if initial else None,
            spacing=images[0].spacing,
            images={image.id: Stamp.of(image.image) for image in images},
        )

    def differences(self, other: "Beginning") -> list[str]:
        """Say in what ``other`` differs."""
        found = []
        if self.initial != other.initial:
            before, now = (each.initial.path if each.initial else None for each in (self, other))
            found.append(f"initial = {before}, now {now if now != before else 'of other content'}")
        if self.spacing != other.spacing:
            found.append(f"spacing = {self.spacing}, now {other.spacing}")
        ids = dict.fromkeys([*self.images, *other.images])
        changed = [id_ for id_ in ids if self.images.get(id_) != other.images.get(id_)]
        if changed:
            found.append(f"other images, which were added, removed or changed since: {', '.join(changed)}")
        elif list(self.images) != list(other.images):
            found.append("the same images in another order")
        return found


def read_beginning(out: Path) -> Beginning:
    """Read what the atlas in a folder was begun with.

    Raises:
        DataError: If that is not there or damaged.
    """
    try:
        return Beginning.model_validate_json((out / BEGINNING_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"{out / BEGINNING_FILE}, what the atlas was begun with, cannot be read: choose another folder"
        ) from error
